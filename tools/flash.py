#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes an image to where a board boots from: `make flash BOARD=... DEV=...`.

DEV says where, and so by what means:
  /dev/NAME          an SD card in a reader: block copy, read back and compared
  file:PATH          a file, in the same way (a card's image that something else will write)
  openocd:ADAPTER    flash memory or RAM through a debug adapter, by OpenOCD; ADAPTER is a
                     configuration, OpenOCD's own (interface/cmsis-dap.cfg) or a file
  uboot:/dev/ttyX    flash memory or RAM by the commands of the U-Boot that runs on the board,
                     over its serial console
  list               shows the disks that could be meant, and writes nothing

Before a disk is written it is checked (tools/blockdev.py), shown, and the name of the device must be
typed; elsewhere it is the name of the board. docs/flashing.md is the guide. Exit status: 0 done, 1
refused or failed, 2 wrong usage.

board/<name>/flash.toml (or .../<arch>/flash.toml) says what a board takes by which means:
    [disk]     image            of the card
    [openocd]  image, kind      nor: in flash, at `address`; ram: loaded and started; the board's
                                openocd.cfg describes its chips
    [uboot]    image, plan      of tools/uboot_commands.py; ram, address, sector, start
"""

import argparse
import os
import stat
import subprocess
import sys
import tomllib

import blockcopy
import blockdev
import flash_openocd
import flash_uboot
import uboot_commands

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECTOR = 512
MEANS = {"disk": "/dev/NAME (a card), file:PATH", "openocd": "openocd:ADAPTER", "uboot": "uboot:/dev/ttyX"}


class Refused(Exception):
    """Why nothing was written; each argument is one reason."""


def check_image(path, partitioned):
    """The size of an image that can be written; Refused says what is wrong with it."""
    try:
        mode = os.stat(path)
    except OSError as error:
        raise Refused(f"the image {path}: {error.strerror}") from None
    if not stat.S_ISREG(mode.st_mode):
        raise Refused(f"the image {path} is not a regular file")
    if mode.st_size == 0:
        raise Refused(f"the image {path} is empty")
    with open(path, "rb") as file:
        head = file.read(SECTOR)
    if partitioned and (mode.st_size % SECTOR or head[510:512] != b"\x55\xaa"):
        raise Refused(f"the image {path} is no image of a card: it has no partition table")
    return mode.st_size


def read_state():
    try:
        return blockdev.read()
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise Refused(f"the disks of this machine cannot be listed: {error}") from None


def no_device(path, size, state, allowed):
    """Why a path is no device, and which devices there are."""
    if os.path.exists(path):
        why = f"{path} is not a block device"
        if os.path.isfile(path):
            why += f"; to write a file: DEV=file:{path}"
        elif os.path.isdir(path):
            why += " but a folder"
    else:
        why = f"there is no {path}"
    return Refused(why, choice(size, state, allowed))


def choice(size, state, allowed):
    """The disks that could be meant, in words."""
    found = blockdev.candidates(size, state, allowed)
    if not found:
        return "no removable disk is here that could be written"
    return "disks that could be written:\n" + "\n".join(
        f"    {line}" for entry in found for line in blockdev.describe(entry))


def check_device(path, size, allowed):
    """lsblk's entry of a device that may be overwritten; Refused says why not."""
    state = read_state()
    try:
        block = stat.S_ISBLK(os.stat(path).st_mode)
    except OSError:
        block = False
    real = os.path.realpath(path)
    if not block:
        raise no_device(path, size, state, allowed)
    verdict = blockdev.judge(real, size, state, allowed)
    if verdict.refusals:
        raise Refused(*verdict.refusals)
    return verdict.device


def ask(name, answer, ask_person):
    """The name of the device, typed, or given beforehand."""
    if answer is None:
        if ask_person is None:
            raise Refused(f"nobody to ask; without a terminal say CONFIRM={name}")
        answer = ask_person(f"All of it will be lost. Type the name of the device to go on ({name}): ")
    if answer.strip() != name:
        raise Refused(f"{answer.strip() or 'nothing'} is not {name}")


class Progress:
    """One line that counts up, on a terminal; otherwise nothing."""

    def __init__(self, what, size, stream):
        self.what, self.size, self.stream = what, size, stream

    def __call__(self, done):
        if self.stream.isatty():
            end = "\n" if done == self.size else ""
            print(f"\r{self.what} {100 * done // self.size:3} %", end=end, file=self.stream, flush=True)


def copy(image_path, size, target, out):
    with open(image_path, "rb") as image:
        if target.block and (room := blockcopy.capacity(target)) < size:
            raise blockcopy.CopyError(f"{target.path} has {room} bytes, the image {size}")
        blockcopy.write(target, image, size, Progress("writing", size, out))
        blockcopy.verify(target, image, size, Progress("reading back", size, out))
    blockcopy.reread_partitions(target)


def terminal():
    return input if sys.stdin.isatty() else None


def flash_disk(args, out):
    """A block device."""
    size = check_image(args.image, partitioned=not args.raw)
    entry = check_device(args.device, size, args.allow)
    path = entry["path"]
    print(f"{args.image}: {size} bytes, to be written over", file=out)
    print("\n".join(f"    {line}" for line in blockdev.describe(entry)), file=out)
    if args.dry_run:
        print("dry run: nothing was written", file=out)
        return
    ask(os.path.basename(path), args.confirm, terminal())
    # Meanwhile the card may have been changed, or mounted by a desktop, and the name may have gone to
    # another disk. What is open stays what it is: it is looked at once more.
    target = blockcopy.open_target(path)
    try:
        now = check_device(path, size, args.allow)
        if blockdev.identity(now) != blockdev.identity(entry) \
                or blockcopy.number(target) != now.get("maj:min"):
            raise Refused(f"{path} is not what it was a moment ago")
        copy(args.image, size, target, out)
    finally:
        target.close()
    print(f"{path}: {size} bytes written, read back and found the same", file=out)


def flash_file(args, out):
    """A regular file, which is made if it is not there."""
    size = check_image(args.image, partitioned=not args.raw)
    path = args.device.removeprefix("file:")
    if not path:
        raise Refused("file: and no name")
    if os.path.exists(path) and os.path.samefile(path, args.image):
        raise Refused(f"{path} is the image itself")
    print(f"{args.image}: {size} bytes, to be written to the file {path}", file=out)
    if args.dry_run:
        print("dry run: nothing was written", file=out)
        return
    if os.path.exists(path):
        ask(os.path.basename(path), args.confirm, terminal())
    target = blockcopy.open_target(path, create=True)
    try:
        copy(args.image, size, target, out)
    finally:
        target.close()
    print(f"{path}: {size} bytes written, read back and found the same", file=out)


def show_list(args, out):
    state = read_state()
    print(choice(0, state, args.allow), file=out)
    for entry in state.tree:
        refusals = blockdev.judge(entry.get("path"), 0, state, args.allow).refusals
        if refusals and int(entry.get("size") or 0):
            print(f"not {entry['path']}: {refusals[0]}", file=out)


def means(device):
    """By which of MEANS a device is reached."""
    for name in ("openocd", "uboot"):
        if device.startswith(f"{name}:"):
            return name
    return "disk"


def settings(board, arch, name):
    """What flash.toml says of one means; Refused says which there are."""
    described = {}
    for folder in (os.path.join(board, arch), board):
        path = os.path.join(ROOT, "board", folder, "flash.toml")
        if os.path.exists(path):
            with open(path, "rb") as file:
                described = tomllib.load(file)
            break
    if name not in described:
        ways = [f"    DEV={words}" for key, words in MEANS.items() if key in described]
        raise Refused(f"{board} is not written that way" + (", but by" if ways else ""), *ways)
    return described[name]


def choose_image(args):
    """The file to write: the caller's, or the board's usual one."""
    if args.image:
        return args.image
    path = os.path.join(args.build, settings(args.board, args.arch, means(args.device))["image"])
    if os.path.exists(f"{path}.skipped"):
        with open(f"{path}.skipped", encoding="utf-8") as file:
            raise Refused(f"{path} could not be made: {file.read().strip()}")
    return path


def flash_by_openocd(args, out):
    """Flash memory or RAM through a debug adapter."""
    check_image(args.image, partitioned=False)
    described = settings(args.board, args.arch, "openocd")
    command = flash_openocd.command(args.device.removeprefix("openocd:"), args.board, described,
                                    args.image)
    print(" ".join(command), file=out)
    if args.dry_run:
        print("dry run: nothing was written", file=out)
        return
    if described["kind"] != "ram":
        print(f"The flash of the board at {described['address']:#x} will be overwritten.", file=out)
        ask(args.board, args.confirm, terminal())
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise blockcopy.CopyError(f"OpenOCD: {error}") from None


def flash_by_uboot(args, out):
    """Flash memory or RAM by U-Boot."""
    check_image(args.image, partitioned=False)
    described = settings(args.board, args.arch, "uboot")
    memory = uboot_commands.Memory(*(described.get(name, default) for name, default in (
        ("ram", 0), ("address", 0), ("sector", 0), ("start", ""))))
    with open(args.image, "rb") as file:
        image = file.read()
    steps = flash_uboot.plan(described["plan"], memory, image)
    print(f"{args.image}: {len(image)} bytes, by U-Boot on {args.board}:", file=out)
    print("\n".join(f"    => {step.command}" for step in steps), file=out)
    device = args.device.removeprefix("uboot:")
    if args.dry_run or not device:
        print("dry run: nothing was written", file=out)
        return
    if described["plan"] != "ram":
        ask(args.board, args.confirm, terminal())
    try:
        flash_uboot.play(device, steps, os.path.basename(args.image), image,
                         lambda text: print(text, file=out, flush=True),
                         Progress("sending", len(image), out))
    except flash_uboot.PlayError as error:
        raise blockcopy.CopyError(str(error)) from None
    print(f"{args.board}: done" + ("" if described["plan"] == "ram" else ", compared"), file=out)


def allowances(text):
    names = text.replace(",", " ").split()
    for name in names:
        if name not in blockdev.ALLOWANCES:
            raise argparse.ArgumentTypeError(
                f"{name}: one of " + "; ".join(f"{k}: {v}" for k, v in blockdev.ALLOWANCES.items()))
    return names


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("device", help="see above")
    parser.add_argument("image", nargs="?", help="the file to write")
    parser.add_argument("--board", default="", help="what the image is for")
    parser.add_argument("--arch", default="", help="its execution state")
    parser.add_argument("--build", default="", help="folder of its images")
    parser.add_argument("--raw", action="store_true", help="the image has no partition table")
    parser.add_argument("--allow", type=allowances, default=[], help="what is refused otherwise: "
                        + ", ".join(blockdev.ALLOWANCES))
    parser.add_argument("--confirm", help="the name that would have to be typed")
    parser.add_argument("--dry-run", action="store_true", help="check and show, write nothing")
    args = parser.parse_args(argv)
    if args.device != "list" and not args.image and not (args.board and args.build):
        parser.error("which image? (or --board and --build)")
    return args


def main(argv=None, out=sys.stdout):
    args = parse(argv)
    try:
        if args.device == "list":
            show_list(args, out)
            return 0
        args.image = choose_image(args)
        by = {"openocd": flash_by_openocd, "uboot": flash_by_uboot}.get(means(args.device))
        (by or (flash_file if args.device.startswith("file:") else flash_disk))(args, out)
    except Refused as refusal:
        for reason in refusal.args:
            print(f"flash: {reason}", file=sys.stderr)
        print("flash: nothing was written", file=sys.stderr)
        return 1
    except blockcopy.CopyError as error:
        print(f"flash: {error}", file=sys.stderr)
        print("flash: failed; what is written there now will not do", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("\nflash: stopped", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
