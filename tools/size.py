#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What an image needs of flash and RAM, per section and per module, and the proof that no
read-only byte is copied to RAM.

Sections come from the ELF file, modules from the link map: a module is a top folder of the sources;
libc.a and libgcc.a are the C and the compiler's library.
"""

import argparse
import re
import sys
from collections import defaultdict
from dataclasses import dataclass

from elftools.elf.elffile import ELFFile

SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
# The only executable section that is copied: code that must not run from flash.
RAM_CODE = (".ramtext",)
# What may be copied from flash to RAM and changes there.
RAM_DATA = (".data", ".tdata")
# Input sections that the compiler makes for read-only contents.
READ_ONLY_INPUT = re.compile(r"\.(rodata|text|srodata|ARM\.ex(idx|tab)|eh_frame)\b")


@dataclass
class Section:
    name: str
    flags: int
    loaded: bool   # has contents in the file
    address: int
    load: int
    size: int


@dataclass
class Piece:
    """What one object file gave to one output section."""
    output: str
    section: str
    size: int
    source: str


def read_sections(elf):
    segments = [s for s in elf.iter_segments() if s["p_type"] == "PT_LOAD"]
    for section in elf.iter_sections():
        if not section["sh_flags"] & SHF_ALLOC or section["sh_size"] == 0:
            continue
        address = load = section["sh_addr"]
        for segment in segments:
            if segment["p_vaddr"] <= address < segment["p_vaddr"] + segment["p_memsz"]:
                load = address - segment["p_vaddr"] + segment["p_paddr"]
        yield Section(section.name, section["sh_flags"], section["sh_type"] != "SHT_NOBITS", address,
                      load, section["sh_size"])


PIECE = re.compile(r"^ (\S+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?: (.*))?$")
OUTPUT = re.compile(r"^([.\w][\w.$-]*)(?:\s+0x[0-9a-f]+\s+0x[0-9a-f]+.*)?$")


def read_map(lines):
    """The pieces of a GNU ld map."""
    output = pending = None
    started = False
    for line in lines:
        line = line.rstrip("\n")
        if line.startswith("Linker script and memory map"):
            started = True
        if not started:
            continue
        if line.startswith(("OUTPUT(", "/DISCARD/", "Cross Reference Table")):
            output = None
        elif match := OUTPUT.match(line):
            output, pending = match[1], None
        elif output and re.fullmatch(r" [.\w]\S*", line):
            pending = line.strip()  # a long name: address, size and file follow on the next line
        elif output and (match := PIECE.match(line)):
            name = match[1] or pending
            pending = None
            if name and int(match[3], 16) and not name.startswith("0x"):
                yield Piece(output, name, int(match[3], 16), (match[4] or "").strip())


def module_of(piece):
    if piece.section == "*fill*" or not piece.source or "linker stubs" in piece.source:
        return "(padding)"
    if match := re.search(r"lib(\w+)\.a\(([^)]*)\)$", piece.source):
        if match[1] != "ashlar":
            return {"c": "C library", "gcc": "compiler library"}.get(match[1], f"lib{match[1]}")
        return match[2].split("-")[0]
    return piece.source.rsplit("/", 1)[-1].split("-")[0]


def place_of(section, flash):
    """(bytes of flash, bytes of RAM) of a section."""
    in_flash = section.loaded and flash[0] <= section.load < flash[1]
    in_ram = not flash[0] <= section.address < flash[1]
    return section.size if in_flash else 0, section.size if in_ram else 0


def proof(sections, pieces, flash):
    """What contradicts "no read-only byte is copied to RAM"."""
    copied = set()
    for section in sections:
        if not section.loaded:
            continue
        in_ram = not flash[0] <= section.address < flash[1]
        if not in_ram and section.address != section.load:
            yield f"{section.name} runs in flash, but not where it is loaded"
        if not in_ram:
            continue
        copied.add(section.name)
        if section.name.startswith(RAM_CODE):
            continue
        if section.flags & SHF_EXECINSTR:
            yield f"{section.name} is code and is copied to RAM"
        elif not section.flags & SHF_WRITE:
            yield f"{section.name} is read-only and is copied to RAM"
        elif not section.name.startswith(RAM_DATA):
            yield f"{section.name} is copied to RAM and is not one of {', '.join(RAM_DATA)}"
    for piece in pieces:
        if (piece.output in copied and not piece.output.startswith(RAM_CODE)
                and READ_ONLY_INPUT.match(piece.section)):
            yield f"{piece.source}: {piece.section} is read-only and lies in {piece.output}"


def print_sections(sections, flash):
    print(f"{'section':<20}{'address':>12}{'loaded at':>12}{'flash':>10}{'RAM':>12}")
    total = [0, 0]
    for section in sorted(sections, key=lambda s: s.address):
        in_flash, in_ram = place_of(section, flash)
        total[0] += in_flash
        total[1] += in_ram
        load = f"{section.load:#010x}" if in_flash else "-"
        print(f"{section.name:<20}{section.address:#12x}{load:>12}{in_flash:>10}{in_ram:>12}")
    print(f"{'total':<44}{total[0]:>10}{total[1]:>12}\n")


def print_modules(sections, pieces, flash):
    by_name = {section.name: section for section in sections}
    columns = ("code", "read-only", "data", "zeroed")
    table = defaultdict(lambda: dict.fromkeys(columns, 0))
    for piece in pieces:
        section = by_name.get(piece.output)
        if section is None:
            continue
        if not section.loaded:
            column = "zeroed"
        elif not section.flags & SHF_WRITE:
            read_only = piece.section.startswith((".rodata", ".ARM"))
            code = section.flags & SHF_EXECINSTR and not read_only
            column = "code" if code else "read-only"
        else:
            column = "data"
        table[module_of(piece)][column] += piece.size
    print(f"{'module':<20}" + "".join(f"{c:>11}" for c in columns) + f"{'flash':>11}{'RAM':>11}")
    for name in sorted(table, key=lambda n: (n[0] == "(", n)):
        row = table[name]
        in_flash = row["code"] + row["read-only"] + row["data"]
        in_ram = row["data"] + row["zeroed"]
        print(f"{name:<20}" + "".join(f"{row[c]:>11}" for c in columns)
              + f"{in_flash:>11}{in_ram:>11}")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("elf")
    parser.add_argument("map")
    parser.add_argument("--flash", default="0x0-0x0", help="first and end address of flash")
    parser.add_argument("--quiet", action="store_true", help="only the proof")
    args = parser.parse_args()
    flash = tuple(int(part, 16) for part in args.flash.split("-"))

    with open(args.elf, "rb") as file:
        sections = list(read_sections(ELFFile(file)))
    with open(args.map, encoding="utf-8", errors="replace") as file:
        pieces = list(read_map(file))
    if not args.quiet:
        print_sections(sections, flash)
        print_modules(sections, pieces, flash)
    wrong = list(proof(sections, pieces, flash))
    for what in wrong:
        print(f"{args.elf}: {what}", file=sys.stderr)
    if not wrong and not args.quiet:
        print("No read-only byte is copied to RAM: every section that is loaded in flash and lies "
              "in RAM\nis writable data or listed RAM code; everything else stays where it is loaded.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
