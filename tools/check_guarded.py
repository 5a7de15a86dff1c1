#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fails when code lies in the wrong one of an AArch64 image's two kinds of pages.

.text and .ramtext are guarded (BTI): each function that others can name must begin with a landing
pad there, and no code of the C or the compiler's library may, which Debian builds without. All of
that is in .libtext, which is not guarded, and nothing else is.
"""

import re
import struct
import sys

from elftools.elf.elffile import ELFFile

GUARDED = (".text", ".ramtext")
UNGUARDED = ".libtext"
OWN_ARCHIVE = "libashlar.a"
# BTI c, j, jc; PACIASP, PACIBSP (DDI 0487 D8.4.5)
LANDING_PADS = {0xd503245f, 0xd503249f, 0xd50324df, 0xd503233f, 0xd503237f}

# " .text.strlen   0x... 0x1c /usr/lib/libc.a(strlen.o)"; a long name has the rest on a line of its own
INPUT = re.compile(r"^(?: (\.\S+))?\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)$")
OUTPUT = re.compile(r"^(\.\S+)")


def inputs(lines):
    """(output section, file) of every piece of code that is not empty, from the linker's map."""
    output = None
    started = False
    for line in lines:
        line = line.rstrip("\n")
        started = started or line.startswith("Linker script and memory map")
        if not started:
            continue
        if match := OUTPUT.match(line):
            output = match[1]
        elif (match := INPUT.match(line)) and int(match[2], 16) != 0:
            yield output, match[3]


def is_library(file):
    """True of a member of an archive that is not Ashlar's own."""
    return file.endswith(")") and not file.split("(")[0].endswith(OWN_ARCHIVE)


def misplaced(lines):
    found = set()
    for output, file in inputs(lines):
        if output in GUARDED and is_library(file):
            found.add(f"{file} is in {output}, which is guarded")
        elif output == UNGUARDED and not is_library(file) and not file.startswith("linker stubs"):
            found.add(f"{file} is in {output}, which is not guarded")
    return sorted(found)


def without_landing_pad(elf):
    sections = [(section["sh_addr"], section.data()) for section in elf.iter_sections()
                if section.name in GUARDED]
    found = []
    for symbol in elf.get_section_by_name(".symtab").iter_symbols():
        if symbol["st_info"]["type"] != "STT_FUNC" or symbol["st_info"]["bind"] == "STB_LOCAL":
            continue
        for start, code in sections:
            offset = symbol["st_value"] - start
            if 0 <= offset < len(code):
                first, = struct.unpack_from("<I", code, offset)
                if first not in LANDING_PADS:
                    found.append(f"{symbol.name} begins with no landing pad")
    return sorted(found)


def main():
    status = 0
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            found = without_landing_pad(ELFFile(file))
        with open(path.removesuffix(".elf") + ".map", encoding="utf-8", errors="replace") as file:
            found += misplaced(file)
        for wrong in found:
            print(f"{path}: {wrong}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
