# SPDX-License-Identifier: MIT
"""Sends a file by the YMODEM protocol, as U-Boot's `loady` receives it.

A block is SOH or STX, its number and the complement of that, 128 or 1024 bytes, and their CRC-16. The
receiver asks for the first one with "C" and answers each with ACK or NAK. Block 0 has the file's name
and size; EOT ends the file, an empty block 0 the session.
"""

SOH, STX, EOT, ACK, NAK, CAN = 0x01, 0x02, 0x04, 0x06, 0x15, 0x18
CRC = ord("C")
ATTEMPTS = 10
SECONDS = 30.0  # until an answer to a block
FIRST_SECONDS = 60.0  # until the receiver asks
BLOCK = 1024


class TransferError(Exception):
    """Why the file did not arrive."""


def crc_of_byte(byte):
    crc = byte << 8
    for _ in range(8):
        crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    return crc


CRC_TABLE = [crc_of_byte(byte) for byte in range(256)]


def crc16(data):
    """CCITT: polynomial 0x1021, starting with 0."""
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xff00) ^ CRC_TABLE[crc >> 8 ^ byte]
    return crc


def block(number, data, pad):
    """A block with its frame."""
    size = 128 if len(data) <= 128 else BLOCK
    data = data + bytes([pad]) * (size - len(data))
    return bytes([SOH if size == 128 else STX, number & 0xff, ~number & 0xff]) + data \
        + crc16(data).to_bytes(2, "big")


class Sender:
    """`line` has send(bytes) and receive(seconds), which returns b"" when the time is over."""

    def __init__(self, line, waiting):
        self.line = line
        self.waiting = waiting

    def answer(self, wanted, seconds):
        """The next byte that is one of those wanted; None when there is none in time. Anything else,
        such as text before the transfer and further "C", is passed over."""
        cancelled = 0
        while True:
            if not self.waiting:
                self.waiting = self.line.receive(seconds)
                if not self.waiting:
                    return None
            byte, self.waiting = self.waiting[0], self.waiting[1:]
            cancelled = cancelled + 1 if byte == CAN else 0
            if cancelled == 2:
                raise TransferError("the receiver has cancelled")
            if byte in wanted:
                return byte

    def send(self, frame, what):
        for _ in range(ATTEMPTS):
            self.line.send(frame)
            if self.answer((ACK, NAK), SECONDS) == ACK:
                return
        raise TransferError(f"{what} was not accepted in {ATTEMPTS} attempts")

    def wait_for_request(self, seconds):
        if self.answer((CRC,), seconds) is None:
            raise TransferError("the receiver does not ask for the file")


def send(line, name, data, progress=lambda done: None, waiting=b""):
    """The whole file; TransferError says why it did not arrive. `waiting`: what has arrived before.
    Returns what arrived behind the end of the transfer; the answer to its last block may be before
    that, or still come."""
    sender = Sender(line, waiting)
    sender.wait_for_request(FIRST_SECONDS)
    sender.send(block(0, name.encode("ascii", "replace") + b"\0" + str(len(data)).encode() + b"\0", 0),
                "the file's name")
    sender.wait_for_request(SECONDS)
    for number, offset in enumerate(range(0, len(data), BLOCK), 1):
        # The end is filled with what text files were filled with; the size says what counts.
        sender.send(block(number, data[offset:offset + BLOCK], 0x1a), f"byte {offset:#x}")
        progress(min(offset + BLOCK, len(data)))
    # Some receivers answer the first EOT with NAK, to be sure of it.
    sender.send(bytes([EOT]), "the end")
    if sender.answer((CRC,), SECONDS) is not None:
        sender.line.send(block(0, b"", 0))
    return sender.waiting
