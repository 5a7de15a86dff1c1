# SPDX-License-Identifier: MIT
"""The disk that a run attaches: random data, behind a copy of the image of a memory card if that is
what the machine starts from, whose CRC-32 the firmware must find by reading all of
it, and into which it writes a pattern that must be there afterwards, and nothing else.

The firmware's side, on the console:
    # disk <n> bytes <bytes> crc32 <8 hex digits>
    # disk <n> pattern <first sector> <sectors>
Sector s of the pattern holds the 32-bit little-endian words 0x41534800 ^ (s * 128 + i), i < 128.
"""

import os
import random
import re
import secrets
import struct
import zlib

BYTES = 64 << 20
CARD_BYTES = 16 << 20  # at least, of a card; QEMU wants a power of two
SECTOR = 512
WORDS = SECTOR // 4
MAGIC = 0x41534800

CRC_LINE = re.compile(r"disk ([0-9]+) bytes ([0-9]+) crc32 ([0-9a-f]{8})")
PATTERN_LINE = re.compile(r"disk ([0-9]+) pattern ([0-9]+) ([0-9]+)")


def pattern_sector(sector):
    return struct.pack(f"<{WORDS}I", *(MAGIC ^ ((sector * WORDS + i) & 0xffffffff)
                                       for i in range(WORDS)))


class Disk:
    """A file of random data and what it must look like after the run. `image`: a file that its first
    bytes are of. `checked`: the firmware has a driver for it."""

    def __init__(self, path, size=BYTES, seed=None, number=0, image=None, checked=True):
        self.path = path
        self.number = number
        self.checked = checked
        self.seed = secrets.randbits(64) if seed is None else seed
        self.content = random.Random(self.seed).randbytes(size)
        if image:
            with open(image, "rb") as file:
                start = file.read()
            if len(start) > size:
                raise ValueError(f"{image} has {len(start)} bytes, and the disk {size}")
            self.content = start + self.content[len(start):]
        self.crc = zlib.crc32(self.content)
        with open(path, "wb") as file:
            file.write(self.content)

    def __str__(self):
        return (f"disk {self.number}: {len(self.content)} bytes of random data (seed {self.seed}), "
                f"crc32 {self.crc:08x}")

    def verify(self, notes):
        """(name, what is wrong or "") for each check, from the notes of the self-tests."""
        if not self.checked:
            return
        crcs = [m for note in notes if (m := CRC_LINE.fullmatch(note))
                and int(m[1]) == self.number]
        patterns = [m for note in notes if (m := PATTERN_LINE.fullmatch(note))
                    and int(m[1]) == self.number]
        with open(self.path, "rb") as file:
            now = file.read()
        yield "disk crc", self._check_crc(crcs)
        expected = bytearray(self.content)
        wrong = "the firmware said nothing of a pattern" if not patterns else ""
        for match in patterns:
            first, count = int(match[2]), int(match[3])
            if count == 0 or (first + count) * SECTOR > len(self.content):
                wrong = wrong or f"the pattern {first}+{count} does not lie on the disk"
                continue
            for sector in range(first, first + count):
                place = slice(sector * SECTOR, (sector + 1) * SECTOR)
                expected[place] = pattern_sector(sector)
                if now[place] != expected[place]:
                    wrong = wrong or f"sector {sector} does not hold the pattern"
        yield "disk pattern", wrong
        yield "disk unchanged elsewhere", self._check_rest(now, expected, patterns)

    def _check_crc(self, crcs):
        if not crcs:
            return "the firmware printed no CRC-32"
        for match in crcs:
            if int(match[2]) != len(self.content):
                return f"it read {match[2]} bytes of {len(self.content)}"
            if int(match[3], 16) != self.crc:
                return f"the firmware's CRC-32 is {match[3]}, ours {self.crc:08x}"
        return ""

    def _check_rest(self, now, expected, patterns):
        written = {sector for match in patterns
                   for sector in range(int(match[2]), int(match[2]) + min(int(match[3]), 1 << 20))}
        if now == expected:
            return ""
        if len(now) != len(expected):
            return f"the file has {len(now)} bytes instead of {len(expected)}"
        for sector in range(len(now) // SECTOR):
            place = slice(sector * SECTOR, (sector + 1) * SECTOR)
            if sector not in written and now[place] != expected[place]:
                return f"sector {sector} was changed"
        return ""


def of_machine(machine, build, path, seed=None):
    """The disk that a machine has, or None; to be removed after the run."""
    if machine.card:
        image, size = machine.card.format(build=build), CARD_BYTES
        while size <= os.path.getsize(image):
            size *= 2
        return Disk(path, size, seed, image=image, checked=machine.reads_card)
    return Disk(path, seed=seed) if machine.has_disk else None
