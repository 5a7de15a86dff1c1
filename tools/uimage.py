#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Packs a RAM image for U-Boot: load and entry address come from the ELF file.

    --kind kernel     a legacy image that `bootm` starts (the default)
    --kind firmware   a legacy image that an SPL starts in the place of U-Boot
    --kind fit        a flattened image tree, with a SHA-256, that `bootm` starts
"""

import argparse
import os
import subprocess
import sys
import tempfile

from elftools.elf.elffile import ELFFile

LEGACY = {"kernel": ["-O", "linux", "-T", "kernel"], "firmware": ["-O", "u-boot", "-T", "firmware"]}
TREE = """/dts-v1/;
/ {{
    description = "Ashlar";
    #address-cells = <1>;
    images {{
        firmware {{
            description = "Ashlar";
            data = /incbin/("{data}");
            type = "kernel";
            os = "linux";
            arch = "{arch}";
            compression = "none";
            load = <{load:#x}>;
            entry = <{entry:#x}>;
            hash-1 {{ algo = "sha256"; }};
        }};
    }};
    configurations {{
        default = "ashlar";
        ashlar {{ kernel = "firmware"; }};
    }};
}};
"""


def addresses(path):
    """(load, entry) of an ELF file."""
    with open(path, "rb") as file:
        elf = ELFFile(file)
        loads = [s["p_paddr"] for s in elf.iter_segments()
                 if s["p_type"] == "PT_LOAD" and s["p_filesz"]]
        return min(loads), elf["e_entry"]


def mkimage(*words):
    """Always with the same date: two builds give the same bytes."""
    subprocess.run(["mkimage", *words], check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, SOURCE_DATE_EPOCH="0", TZ="UTC", LC_ALL="C"))


def legacy(kind, arch, elf, binary, out):
    load, entry = addresses(elf)
    mkimage("-A", arch, *LEGACY[kind], "-C", "none", "-n", "Ashlar", "-a", hex(load), "-e", hex(entry),
            "-d", binary, out)


def fit(arch, elf, binary, out):
    load, entry = addresses(elf)
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "fit.its")
        with open(source, "w", encoding="ascii") as file:
            file.write(TREE.format(data=os.path.abspath(binary), arch=arch, load=load, entry=entry))
        mkimage("-f", source, out)


def script(text, out):
    """Commands for U-Boot's `source`, which it runs by itself where they are called boot.scr."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        mkimage("-A", "arm", "-O", "linux", "-T", "script", "-C", "none", "-n", "Ashlar",
                "-d", file.name, out)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="arm", help="mkimage's name of the processor")
    parser.add_argument("--kind", default="kernel", choices=[*LEGACY, "fit"])
    parser.add_argument("elf")
    parser.add_argument("bin", help="what objcopy made of the ELF file")
    parser.add_argument("out")
    args = parser.parse_args()
    if args.kind == "fit":
        fit(args.arch, args.elf, args.bin, args.out)
    else:
        legacy(args.kind, args.arch, args.elf, args.bin, args.out)


if __name__ == "__main__":
    sys.exit(main())
