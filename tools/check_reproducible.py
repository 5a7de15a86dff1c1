#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Two builds give the same bytes: builds what a person writes to a board once more, from a copy of
the sources in another folder, and compares it with what was built here."""

import argparse
import glob
import os
import shutil
import subprocess
import sys
import tempfile

import boards
import uboot

KINDS = (".img", ".bin", ".uimg", ".fit", ".srec")


def images(folder):
    """{name: path} of the images in a build folder."""
    return {os.path.basename(path): path for path in sorted(glob.glob(os.path.join(folder, "*")))
            if path.endswith(KINDS)}


def not_made(*folders):
    """Names of images that could not be made: Debian's mirror may answer one time and not the next."""
    return {os.path.basename(path).removesuffix(".skipped") for folder in folders
            for path in glob.glob(os.path.join(folder, "*.skipped"))}


def difference(first, second):
    """How two files differ, or ""."""
    if os.path.getsize(first) != os.path.getsize(second):
        return f"{os.path.getsize(first)} bytes, and {os.path.getsize(second)} the other time"
    with open(first, "rb") as one, open(second, "rb") as other:
        offset = 0
        while block := one.read(1 << 20):
            again = other.read(1 << 20)
            if block != again:
                place = next(i for i, (a, b) in enumerate(zip(block, again)) if a != b)
                return f"at byte {offset + place:#x}"
            offset += len(block)
    return ""


def compare(first, second):
    """What is wrong, one line each, between two build folders; the second has what `make image` makes."""
    ours, again = images(first), images(second)
    for name in not_made(first, second):
        again.pop(name, None)
    if not again:
        return ["nothing was built"]
    missing = [f"{name}: not there the first time" for name in again if name not in ours]
    return missing + [f"{name}: {wrong}" for name in again if name in ours
                      and (wrong := difference(ours[name], again[name]))]


def copy_sources(target):
    def ignored(folder, names):
        top = os.path.samefile(folder, boards.ROOT)
        return [name for name in names if name == "__pycache__" or (top and name in ("build", ".git"))]
    shutil.copytree(boards.ROOT, target, ignore=ignored)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="folder of the first build")
    parser.add_argument("options", nargs="*", help="make's options: NAME=value")
    args = parser.parse_args()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    with tempfile.TemporaryDirectory(prefix="ashlar-again-") as folder:
        again = os.path.join(folder, "somewhere", "else")
        copy_sources(again)
        subprocess.run(["make", "INSTALL=no", *args.options, "image"], cwd=again, check=True,
                       stdin=subprocess.DEVNULL,
                       env=dict(clean, UBOOT_FOLDER=os.path.abspath(uboot.default_folder())))
        wrong = compare(args.build, os.path.join(again, args.build))
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
