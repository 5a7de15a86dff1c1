#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Images for the slots of a board (include/ashlar/slot.h, docs/update.md).

    slot.py pack --version N ELF BIN OUT   a header and the image, as it lies in its slot
    slot.py bank OUT SLOT [SLOT]           the flash bank as a file: each image in its slot
    slot.py show FILE                      the headers of such files, one after the other
"""

import argparse
import os
import struct
import sys
import zlib

MAGIC = 0x544c5341
FORMAT = 1
HEADER_BYTES = 4096  # from a slot's start to its image
BANK_BASE = 0x04000000  # of QEMU's virt
BANK_BYTES = 64 << 20
SLOT_BYTES = 32 << 20
SHF_ALLOC = 2
FIELDS = ("magic", "format", "machine", "start", "length", "version", "image_crc", "header_crc")
MACHINES = {40: "AArch32", 183: "AArch64"}


def header(machine, start, version, image):
    words = struct.pack("<7I", MAGIC, FORMAT, machine, start, len(image), version,
                        zlib.crc32(image))
    return words + struct.pack("<I", zlib.crc32(words))


def pack(machine, start, version, image):
    """A slot's content: header page and image, which grows to whole sectors of a disk."""
    image += b"\xff" * (-len(image) % 512)
    return header(machine, start, version, image).ljust(HEADER_BYTES, b"\xff") + image


def unpack(data):
    """(fields by name, what is wrong or "") of a header, and of the image behind it."""
    found = dict(zip(FIELDS, struct.unpack_from("<8I", data)))
    image = data[HEADER_BYTES:HEADER_BYTES + found["length"]]
    if found["magic"] != MAGIC:
        return found, "no image"
    if zlib.crc32(data[:28]) != found["header_crc"]:
        return found, "header damaged"
    if zlib.crc32(image) != found["image_crc"]:
        return found, "image damaged"
    return found, ""


def bank_offset(data):
    """Where in the bank an image belongs."""
    return struct.unpack_from("<I", data, 12)[0] - HEADER_BYTES - BANK_BASE


def read(path):
    with open(path, "rb") as file:
        return file.read()


def run_pack(args):
    from elftools.elf.elffile import ELFFile  # pylint: disable=import-outside-toplevel

    with open(args.elf, "rb") as file:
        elf = ELFFile(file)
        start = min(section["sh_addr"] for section in elf.iter_sections()
                    if section["sh_flags"] & SHF_ALLOC and section["sh_size"])
        if elf["e_entry"] != start:
            return f"{args.elf}: entered at {elf['e_entry']:#x}, but begins at {start:#x}"
        machine = {"EM_ARM": 40, "EM_AARCH64": 183}[elf["e_machine"]]
    with open(args.out, "wb") as file:
        file.write(pack(machine, start, args.version, read(args.bin)))
    return 0


def run_bank(args):
    with open(args.out + ".new", "wb") as file:
        file.truncate(BANK_BYTES)
        for path in args.slots:
            data = read(path)
            wrong = unpack(data)[1]
            if wrong or bank_offset(data) not in (0, SLOT_BYTES):
                return f"{path}: {wrong or 'linked for no slot'}"
            file.seek(bank_offset(data))
            file.write(data)
    os.replace(args.out + ".new", args.out)
    return 0


def run_show(args):
    data = read(args.file)
    at = 0
    while at + HEADER_BYTES <= len(data):
        found, wrong = unpack(data[at:])
        if wrong == "no image":
            break
        print(f"{MACHINES.get(found['machine'], found['machine'])} image for {found['start']:#x}, "
              f"version {found['version']}, {found['length']} bytes: {wrong or 'valid'}")
        if wrong == "header damaged":
            return "the rest is not looked at"
        at += HEADER_BYTES + found["length"]
    return 0 if at else f"{args.file}: no image"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("pack")
    command.add_argument("--version", type=int, required=True)
    command.add_argument("elf")
    command.add_argument("bin")
    command.add_argument("out")
    command.set_defaults(run=run_pack)
    command = commands.add_parser("bank")
    command.add_argument("out")
    command.add_argument("slots", nargs="*")
    command.set_defaults(run=run_bank)
    command = commands.add_parser("show")
    command.add_argument("file")
    command.set_defaults(run=run_show)
    args = parser.parse_args()
    return args.run(args)


if __name__ == "__main__":
    sys.exit(main())
