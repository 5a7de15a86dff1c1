# SPDX-License-Identifier: MIT
"""A serial console at a device of this machine: bytes out, text awaited, with a time limit.

115200 baud, 8 data bits, no parity, 1 stop bit, no flow control: what U-Boot and Ashlar talk on
every board here.
"""

import os
import re
import select
import termios
import time


class LineError(Exception):
    """What went wrong, for a person."""


class SerialLine:
    def __init__(self, path):
        self.path = path
        self.text = ""  # what has arrived and was not consumed by expect()
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            hint = {13: "; as root, or be in its group (ls -l tells, often dialout)",
                    2: "; is the adapter plugged in? ls /dev/ttyUSB* /dev/ttyACM*",
                    16: "; another program has it"}.get(error.errno, "")
            raise LineError(f"{path}: {error.strerror}{hint}") from None
        try:
            self._configure()
        except termios.error:
            os.close(self._descriptor)
            raise LineError(f"{path} is not a serial device") from None

    def _configure(self):
        mode = termios.tcgetattr(self._descriptor)
        mode[0] = termios.IGNBRK
        mode[1] = 0
        mode[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        mode[3] = 0
        mode[4] = mode[5] = termios.B115200
        mode[6][termios.VMIN] = mode[6][termios.VTIME] = 0
        termios.tcsetattr(self._descriptor, termios.TCSANOW, mode)
        termios.tcflush(self._descriptor, termios.TCIFLUSH)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        os.close(self._descriptor)

    def receive(self, seconds):
        """Bytes that arrive within the time, b"" if none do."""
        ready, _, _ = select.select([self._descriptor], [], [], max(0.0, seconds))
        if not ready:
            return b""
        try:
            data = os.read(self._descriptor, 4096)
        except OSError as error:
            raise LineError(f"{self.path}: {error.strerror}: was it unplugged?") from None
        if not data:
            raise LineError(f"{self.path}: the other end is gone")
        return data

    def send(self, data):
        view = memoryview(data)
        while view:
            select.select([], [self._descriptor], [], 10)
            try:
                view = view[os.write(self._descriptor, view):]
            except BlockingIOError:
                raise LineError(f"{self.path}: it takes nothing for 10 s") from None
            except OSError as error:
                raise LineError(f"{self.path}: {error.strerror}: was it unplugged?") from None

    def expect(self, pattern, seconds):
        """Waits for the regular expression; what came up to its end, or None when the time is over."""
        regex = re.compile(pattern, re.MULTILINE)
        end = time.monotonic() + seconds
        while True:
            if match := regex.search(self.text):
                before, self.text = self.text[:match.end()], self.text[match.end():]
                return before
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.give(self.receive(min(left, 1.0)))

    def give(self, data):
        """Takes bytes that have been received. Latin-1 keeps each: a garbled line must not stop the
        reader."""
        self.text += data.decode("latin-1").replace("\r", "")

    def take(self):
        """The bytes that have arrived and were not awaited."""
        data, self.text = self.text.encode("latin-1"), ""
        return data
