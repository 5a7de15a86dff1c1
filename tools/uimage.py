#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Packs a RAM image as a legacy U-Boot image: load and entry address come from the ELF file."""

import argparse
import os
import subprocess
import sys

from elftools.elf.elffile import ELFFile


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", default="arm", help="mkimage's name of the processor")
    parser.add_argument("elf")
    parser.add_argument("bin", help="what objcopy made of the ELF file")
    parser.add_argument("out")
    args = parser.parse_args()

    with open(args.elf, "rb") as file:
        elf = ELFFile(file)
        loads = [s["p_paddr"] for s in elf.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]]
        entry = elf["e_entry"]
    subprocess.run(
        ["mkimage", "-A", args.arch, "-O", "linux", "-T", "kernel", "-C", "none", "-n", "Ashlar",
         "-a", hex(min(loads)), "-e", hex(entry), "-d", args.bin, args.out],
        check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, SOURCE_DATE_EPOCH="0"))


if __name__ == "__main__":
    sys.exit(main())
