# SPDX-License-Identifier: MIT
"""A program with a serial console on its standard input and output, driven by a script:
send text, wait for text, with a time limit for each wait and one for the whole run."""

import os
import re
import select
import subprocess
import time


class ConsoleError(Exception):
    """What was waited for did not come."""


class Console:
    def __init__(self, command, log=None, echo=None, limit=60.0):
        """`log`: path that receives all output; `echo`: a text stream that does as well."""
        self.text = ""          # everything received
        self.position = 0       # what expect() has consumed
        self.limit = limit
        self.deadline = time.monotonic() + limit
        self._echo = echo
        self._log = open(log, "wb") if log else None
        # timeout(1) stays behind as the last line of defence if this process is killed.
        self._process = subprocess.Popen(
            ["timeout", "-k", "2", str(int(limit) + 5), *command], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self._open = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read(self, seconds):
        """Takes what arrives within `seconds`; False when the program has closed its output."""
        if not self._open:
            return False
        descriptor = self._process.stdout.fileno()
        ready, _, _ = select.select([descriptor], [], [], max(0.0, seconds))
        if ready:
            data = os.read(descriptor, 65536)
            if not data:
                self._open = False
                return False
            if self._log:
                self._log.write(data)
                self._log.flush()
            # Latin-1 keeps every byte: a garbled console must not stop the reader.
            text = data.decode("latin-1").replace("\r", "")
            self.text += text
            if self._echo:
                self._echo.write(text)
                self._echo.flush()
        return True

    def expect(self, pattern, seconds=None):
        """Waits for the regular expression in what was not consumed yet; returns the match."""
        regex = re.compile(pattern, re.MULTILINE)
        end = min(self.deadline, time.monotonic() + (self.limit if seconds is None else seconds))
        while True:
            if match := regex.search(self.text, self.position):
                self.position = match.end()
                return match
            left = end - time.monotonic()
            if left <= 0:
                raise ConsoleError(f"no {pattern!r} within the time limit; "
                                   f"last line: {self.last_line()!r}")
            if not self.read(min(left, 1.0)):
                raise ConsoleError(f"the machine stopped before {pattern!r}; "
                                   f"last line: {self.last_line()!r}")

    def send(self, text):
        try:
            self._process.stdin.write(text.encode("latin-1"))
        except BrokenPipeError:
            raise ConsoleError(f"the machine stopped before {text!r} could be typed") from None

    def wait_exit(self, seconds=None):
        """True when the program ends by itself within `seconds`, or the limit of the run."""
        end = min(self.deadline, time.monotonic() + (self.limit if seconds is None else seconds))
        while self.read(min(0.5, end - time.monotonic())):
            if time.monotonic() >= end:
                return False
        try:
            self._process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def last_line(self):
        lines = self.text.rstrip().splitlines()
        return lines[-1] if lines else ""

    def close(self):
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        if self._log:
            self._log.close()
            self._log = None
