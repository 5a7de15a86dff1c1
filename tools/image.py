#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the image of a card or a flash part: exactly the file that a person writes.

    image.py card board/NAME/sd.genimage --build build/NAME-a32 --out build/NAME-a32/ashlar-sd.img
    image.py flash BIN --bytes 64M --out IMG

A card is described in genimage's language. The files that the description names come, in this order,
from Debian's boot loaders (NAME.bin is what tools/uboot.py calls NAME), from the description's folder
and the one above it (NAME.scr is made of NAME.cmd, with @load@ and @entry@ replaced by the addresses of
ashlar-ram.elf) and from the build folder. Where a boot loader cannot be had, no image is made, and OUT.skipped says why.

Two runs give the same bytes: dates are fixed, serial numbers are in the description.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

import uboot
import uimage

MEBIBYTE = 1 << 20
EPOCH = "315532800"  # 1980-01-01, the first day that a FAT knows
MADE = re.compile(r"^\s*image\s+(\S+)\s*\{", re.MULTILINE)
NAMED = re.compile(r"\bimage\s*=\s*\"?([^\"\s]+)\"?")
LISTS = re.compile(r"\bfiles\s*=\s*\{([^}]*)\}")


class ImageError(Exception):
    """What is wrong with a description, or went wrong, for a person."""


def inputs(text):
    """The files that a description names and does not make, in their order."""
    text = re.sub(r"^\s*(#|//).*$", "", text, flags=re.MULTILINE)
    named = NAMED.findall(text)
    for group in LISTS.findall(text):
        named += re.findall(r"\"([^\"]+)\"", group)
    made = set(MADE.findall(text))
    return list(dict.fromkeys(name for name in named if name not in made))


def fill_in(text, elf):
    """Commands with the addresses of the image in them."""
    if "@" not in text:
        return text
    load, entry = uimage.addresses(elf)
    return text.replace("@load@", f"{load:#x}").replace("@entry@", f"{entry:#x}")


def provide(name, folders, build, target):
    """Puts an input into the folder `target`; uboot.Unavailable if its boot loader cannot be had."""
    out = os.path.join(target, name)
    if name.endswith(".bin") and name.removesuffix(".bin") in uboot.FILES:
        uboot.copy(name.removesuffix(".bin"), out)
        return
    for folder in (*folders, build):
        commands = os.path.join(folder, f"{name.removesuffix('.scr')}.cmd")
        if name.endswith(".scr") and os.path.exists(commands):
            with open(commands, encoding="ascii") as file:
                uimage.script(fill_in(file.read(), os.path.join(build, "ashlar-ram.elf")), out)
            return
        if os.path.exists(os.path.join(folder, name)):
            shutil.copyfile(os.path.join(folder, name), out)
            return
    raise ImageError(f"{name}: neither in {' nor in '.join((*folders, build))}")


def card(config, build, out):
    """An image by genimage; whole, or not at all."""
    with open(config, encoding="utf-8") as file:
        wanted = inputs(file.read())
    folders = [os.path.dirname(config), os.path.dirname(os.path.dirname(config))]
    with tempfile.TemporaryDirectory(dir=os.path.dirname(out) or ".") as folder:
        for name in ("input", "root", "out"):
            os.mkdir(os.path.join(folder, name))
        for name in wanted:
            provide(name, folders, build, os.path.join(folder, "input"))
        process = subprocess.run(
            ["genimage", "--config", os.path.abspath(config), "--rootpath", "root", "--tmppath", "tmp",
             "--inputpath", "input", "--outputpath", "out"], cwd=folder, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env=dict(os.environ, SOURCE_DATE_EPOCH=EPOCH, TZ="UTC", LC_ALL="C",
                     PATH=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"))
        made = os.path.join(folder, "out", os.path.basename(out))
        if process.returncode or not os.path.exists(made):
            raise ImageError(process.stdout or f"{config} does not make {os.path.basename(out)}")
        os.truncate(made, -(-os.path.getsize(made) // MEBIBYTE) * MEBIBYTE)
        os.rename(made, out)


def make_card(args):
    skipped = f"{args.out}.skipped"
    for path in (args.out, skipped):
        if os.path.exists(path):
            os.unlink(path)
    try:
        card(args.config, args.build, args.out)
    except uboot.Unavailable as reason:
        print(f"  SKIPPED {args.out}: {reason}")
        with open(skipped, "w", encoding="utf-8") as file:
            file.write(str(reason))


def size(text):
    """"64M" in bytes."""
    match = re.fullmatch(r"([1-9][0-9]*)([KMG]?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text}: a number, followed by K, M or G")
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2]]


def make_flash(args):
    if os.path.getsize(args.bin) > args.bytes:
        raise ImageError(f"{args.bin} is longer than the part")
    new = f"{args.out}.new"
    subprocess.run(["srec_cat", args.bin, "-binary", "-fill", args.fill, "0", f"{args.bytes:#x}",
                    "-o", new, "-binary"], check=True)
    os.rename(new, args.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    one = kinds.add_parser("card", help="by genimage")
    one.add_argument("config")
    one.add_argument("--build", required=True, help="folder of the images")
    one.add_argument("--out", required=True)
    one.set_defaults(make=make_card)
    one = kinds.add_parser("flash", help="padded to the part")
    one.add_argument("bin")
    one.add_argument("--bytes", required=True, type=size)
    one.add_argument("--fill", default="0xff", help="the rest; 0xff: what erased flash holds")
    one.add_argument("--out", required=True)
    one.set_defaults(make=make_flash)
    args = parser.parse_args()
    try:
        args.make(args)
    except (ImageError, subprocess.CalledProcessError) as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
