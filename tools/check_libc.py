#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fails when a linked image contains an allocator of the C library.

The C library links its own memalign or malloc_usable_size silently beside a foreign malloc, and
they then read headers that are not theirs. The names of the members are in libc_allocators.txt.
"""

import os
import re
import sys

MEMBER = re.compile(r"([^/\s(]+\.a)\(([^)\s]+)\)")


def forbidden_members(path):
    with open(path, encoding="ascii") as file:
        words = (line.split("#")[0].split() for line in file)
        return {word for line in words for word in line}


def linked_members(lines):
    """(archive, member) of everything that the linker took, from its map."""
    found = set()
    in_discarded = False
    for line in lines:
        if line.startswith("Discarded input sections"):
            in_discarded = True
        elif line.startswith("Memory Configuration"):
            in_discarded = False
        if not in_discarded:
            found.update(MEMBER.findall(line))
    return found


def bare(member):
    """Newlib prefixes its members (lib_a-mallocr.o, libc_a-mallocr.o); picolibc may name the
    source file (malloc.c.o). The list holds the bare form: mallocr.o."""
    return re.sub(r"\.c\.o(bj)?$", ".o", re.sub(r"^lib[a-z]*_a-", "", member))


def violations(lines, forbidden):
    names = {bare(name) for name in forbidden}
    return sorted(f"{archive}({member})" for archive, member in linked_members(lines)
                  if archive not in ("libashlar.a",) and bare(member) in names)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    forbidden = forbidden_members(os.path.join(here, "libc_allocators.txt"))
    status = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8", errors="replace") as file:
            for name in violations(file, forbidden):
                print(f"{path}: the C library's allocator {name} is linked; "
                      "every allocation function must be Ashlar's", file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
