# SPDX-License-Identifier: MIT
"""A client of QEMU's gdb stub: breakpoints, registers, go on. For tests that must stop a machine at
an exact place; a person wants gdb (`make debug`)."""

import socket
import time


class StubError(Exception):
    """The stub did not answer, or refused."""


class Stub:
    def __init__(self, path, seconds=60.0):
        """Connects to the stub's socket, for which it waits until QEMU has made it."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(seconds)
        self._data = b""
        end = time.monotonic() + seconds
        while True:
            try:
                self._socket.connect(path)
                break
            except OSError as error:
                if time.monotonic() > end:
                    raise StubError(f"{path}: {error}") from None
                time.sleep(0.02)
        # QEMU knows single registers only for a client that knows their names.
        self.ask("qXfer:features:read:target.xml:0,ffb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _read(self):
        try:
            data = self._socket.recv(65536)
        except OSError as error:
            raise StubError(str(error)) from None
        if not data:
            raise StubError("QEMU has ended")
        self._data += data

    def _answer(self):
        while True:
            start = self._data.find(b"$")
            end = self._data.find(b"#", start + 1) if start >= 0 else -1
            if 0 <= end <= len(self._data) - 3:
                packet = self._data[start + 1:end]
                self._data = self._data[end + 3:]
                self._socket.sendall(b"+")
                return packet.decode("ascii")
            self._read()

    def _send(self, text):
        data = text.encode("ascii")
        try:
            self._socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xff))
        except OSError as error:
            raise StubError(str(error)) from None

    def ask(self, text):
        self._send(text)
        return self._answer()

    def command(self, text):
        if (answer := self.ask(text)) != "OK":
            raise StubError(f"{text}: {answer}")

    def breakpoint(self, address):
        """A hardware breakpoint: it does not care what lies there now."""
        self.command(f"Z1,{address:x},4")

    def remove(self, address):
        self.command(f"z1,{address:x},4")

    def go(self):
        """Lets the machine run, without waiting for it to stop."""
        self._send("c")

    def wait(self):
        """Waits until the machine that runs has stopped."""
        answer = self._answer()
        if answer[:1] not in ("T", "S"):
            raise StubError(f"not stopped: {answer}")

    def pass_over(self, address):
        """Goes on from a breakpoint at `address`, behind the instruction there."""
        self.remove(address)
        self.ask("s")
        self.breakpoint(address)
        self.go()

    def register(self, number, size):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}")[:2 * size]), "little")

    def set_register(self, number, size, value):
        self.command(f"P{number:x}={value.to_bytes(size, 'little').hex()}")

    def memory(self, address, size):
        return bytes.fromhex(self.ask(f"m{address:x},{size:x}"))
