# SPDX-License-Identifier: MIT
"""From bytes to values, by a layout that the debugging information gave: nothing here knows where a
member of a structure stands."""

import sys
from array import array
from dataclasses import dataclass


class Struct:
    """A structure that was read: its members by name, and `here`, where it stood."""

    def __init__(self, here, members):
        self.here = here
        self.__dict__.update(members)

    def get(self, name, otherwise=None):
        """A member that some builds do not have."""
        return self.__dict__.get(name, otherwise)


@dataclass(frozen=True)
class Number:
    size: int
    signed: bool = False

    def decode(self, data, at, _address):
        return int.from_bytes(data[at:at + self.size], "little", signed=self.signed)


@dataclass(frozen=True)
class Bits:
    """A bit-field."""
    size: int
    shift: int
    width: int

    def decode(self, data, at, _address):
        word = int.from_bytes(data[at:at + self.size], "little")
        return word >> self.shift & (1 << self.width) - 1


@dataclass(frozen=True)
class Text:
    """An array of char: what stands before its first zero."""
    size: int

    def decode(self, data, at, _address):
        return data[at:at + self.size].split(b"\0")[0].decode("latin-1")


@dataclass(frozen=True)
class Array:
    element: object
    count: int

    @property
    def size(self):
        return self.element.size * self.count

    def decode(self, data, at, address):
        size = self.element.size
        return [self.element.decode(data, at + i * size, address + i * size)
                for i in range(self.count)]


@dataclass(frozen=True)
class Record:
    """A structure or union; members: (name, offset, layout). One without a name gives its members
    to the outer one."""
    size: int
    members: tuple

    def decode(self, data, at, address):
        values = {}
        for name, offset, member in self.members:
            value = member.decode(data, at + offset, address + offset)
            if name:
                values[name] = value
            else:
                values.update(vars(value))
        return Struct(address, values)

    def column(self, data, name):
        """A member of 32 bits of all structures that lie in `data`, one behind the other."""
        offset = next(offset for member, offset, _ in self.members if member == name)
        return words(data)[offset // 4::self.size // 4]


def words(data):
    """The 32-bit words of little-endian data."""
    result = array("I", bytes(data))
    if sys.byteorder != "little":
        result.byteswap()
    return result
