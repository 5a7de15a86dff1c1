#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fails when code of .ramtext needs anything outside of RAM.

Such code runs while the flash that the image lies in shows its status: a call, a constant or a table
in .text or .rodata would read that. So a relocation of a .ramtext section may name what is in
.ramtext, .data or .bss only. What another object defines counts as flash, unless it is there too.
"""

import sys

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

RAM = (".ramtext", ".data", ".bss", ".noinit")


def in_ram(name):
    return any(name == part or name.startswith(f"{part}.") for part in RAM)


def home(elf, symbol):
    """The name of the section that a symbol is in; "" if another object has it."""
    index = symbol["st_shndx"]
    return elf.get_section(index).name if isinstance(index, int) else ""


def defined_in_ram(elf):
    table = elf.get_section_by_name(".symtab")
    return {symbol.name for symbol in table.iter_symbols()
            if symbol.name and in_ram(home(elf, symbol))}


def needs(elf):
    """(section, symbol, its section) for each thing that code of .ramtext names."""
    for section in elf.iter_sections():
        if not isinstance(section, RelocationSection):
            continue
        target = elf.get_section(section["sh_info"])
        if not target.name.startswith(".ramtext"):
            continue
        symbols = elf.get_section(section["sh_link"])
        for relocation in section.iter_relocations():
            symbol = symbols.get_symbol(relocation["r_info_sym"])
            yield target.name, symbol.name, home(elf, symbol)


def violations(needed, elsewhere):
    """needed: (object, section, symbol, its section); elsewhere: symbols in RAM of all objects."""
    return [f"{path}: {section} needs {symbol or place}, which may be in flash"
            for path, section, symbol, place in needed
            if not (in_ram(place) or (not place and (symbol in elsewhere or not symbol)))]


def main():
    needed, elsewhere, seen = [], set(), 0
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            elf = ELFFile(file)
            found = [(path, *what) for what in needs(elf)]
            if any(s.name.startswith(".ramtext") for s in elf.iter_sections()):
                seen += 1
                elsewhere |= defined_in_ram(elf)
            needed += found
    wrong = violations(needed, elsewhere)
    for line in wrong:
        print(line, file=sys.stderr)
    if not seen:
        print("no object has code for RAM", file=sys.stderr)
    return 1 if wrong or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
