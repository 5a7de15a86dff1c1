# SPDX-License-Identifier: MIT
"""`make flash` on disks: which are refused and why, on machines made of text; what is written, on
files; and both on a loop device where this machine has one."""

import contextlib
import errno
import fcntl
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import blockcopy
import blockdev
import flash

GIB = 1 << 30
NEEDED = 64 << 20


def disk(path, size=16 * GIB, **more):
    """A card in a USB reader, as lsblk describes one, but for what is said."""
    entry = {"name": os.path.basename(path), "path": path, "type": "disk", "size": size, "ro": False,
             "rm": True, "hotplug": True, "tran": "usb", "vendor": "Generic ", "model": "SD/MMC",
             "serial": "0123", "fstype": None, "label": None, "mountpoints": [None],
             "maj:min": "8:16"}
    entry.update({key.replace("_", ":") if key == "maj_min" else key: value
                  for key, value in more.items()})
    return entry


def part(path, **more):
    return disk(path, **{"size": GIB, "type": "part", "fstype": "vfat", "label": "BOOT",
                         "maj_min": "8:17", "vendor": None, "model": None, "serial": None,
                         "tran": None, **more})


SSD = {"rm": False, "hotplug": False, "tran": "sata", "model": "Samsung SSD", "maj_min": "8:0"}


def refusals(entry, path=None, allowed=(), mounts="", swaps="", needed=NEEDED, kinds=None):
    state = blockdev.State((entry,), mounts, swaps, kinds or {})
    return blockdev.judge(path or entry["path"], needed, state, allowed).refusals


class Judge(unittest.TestCase):
    def refused(self, reason, entry, **more):
        found = refusals(entry, **more)
        self.assertTrue(any(reason in text for text in found), f"{reason!r} is not in {found}")

    def test_cards(self):
        self.assertEqual(refusals(disk("/dev/sdb")), [])
        self.assertEqual(refusals(disk("/dev/mmcblk0", rm=False, tran="mmc"),
                                  kinds={"mmcblk0": "SD"}), [])
        self.assertEqual(refusals(disk("/dev/sdb", children=[part("/dev/sdb1"), part("/dev/sdb2")])),
                         [])
        # As older versions of lsblk write it.
        self.assertEqual(refusals(disk("/dev/sdb", ro="0", rm="1", size=str(GIB))), [])

    def test_mounted(self):
        self.refused("/dev/sdb is mounted at /mnt", disk("/dev/sdb", mountpoints=["/mnt"]))
        self.refused("/dev/sdb1 is mounted at /media/x; unmount it first: umount /media/x",
                     disk("/dev/sdb", children=[part("/dev/sdb1", mountpoints=["/media/x"])]))
        # An older lsblk's name of the column.
        entry = part("/dev/sdb1", mountpoint="/media/y")
        del entry["mountpoints"]
        self.refused("mounted at /media/y", disk("/dev/sdb", children=[entry]))

    def test_mounted_says_the_kernel(self):
        line = "36 25 8:17 /sub /media/a\\040b rw - vfat /dev/whatever rw\n"
        card = disk("/dev/sdb", children=[part("/dev/sdb1")])
        self.refused("/dev/sdb1 is mounted at /media/a b", card, mounts=line)
        # btrfs has numbers of its own: the name tells.
        line = "36 25 0:44 / /media/c rw shared:1 - btrfs /dev/sdb1 rw\n"
        self.refused("/dev/sdb1 is mounted at /media/c", card, mounts=line)
        self.assertEqual(refusals(card, mounts="36 25 8:18 / /x rw - vfat /dev/sdb2 rw\nshort\n"), [])

    def test_system(self):
        for place in ("/", "/boot", "/boot/efi", "/home"):
            entry = disk("/dev/sda", **SSD, children=[part("/dev/sda2", mountpoints=[place])])
            self.refused(f"holds this computer's system: /dev/sda2 is {place}", entry,
                         allowed=(blockdev.LARGE, blockdev.FIXED))
        # A Raspberry Pi that itself runs from its card.
        entry = disk("/dev/mmcblk0", children=[part("/dev/mmcblk0p2", mountpoints=["/"])])
        self.refused("holds this computer's system", entry)

    def test_system_far_below(self):
        volume = part("/dev/mapper/vg-root", type="lvm", fstype="ext4", mountpoints=["/"])
        crypt = part("/dev/mapper/luks", type="crypt", fstype="LVM2_member", children=[volume])
        entry = disk("/dev/sda", children=[part("/dev/sda3", fstype="crypto_LUKS", children=[crypt])])
        self.refused("system: /dev/mapper/vg-root is /", entry)
        self.refused("an open encrypted volume (/dev/mapper/luks)", entry)
        self.refused("a logical volume in use (/dev/mapper/vg-root)", entry)

    def test_held(self):
        for kind, words in (("crypt", "encrypted"), ("lvm", "logical volume"), ("raid1", "RAID"),
                            ("linear", "RAID"), ("dm", "device-mapper"), ("mpath", "multipath")):
            entry = disk("/dev/sdb", children=[part("/dev/x", type=kind, fstype="ext4")])
            self.refused(words, entry)

    def test_members(self):
        for kind in ("LVM2_member", "linux_raid_member", "zfs_member", "crypto_LUKS", "bcache"):
            self.refused("wipefs", disk("/dev/sdb", children=[part("/dev/sdb1", fstype=kind)]))
            self.refused("wipefs", disk("/dev/sdb", fstype=kind))

    def test_swap(self):
        card = disk("/dev/sdb", children=[part("/dev/sdb1", fstype="swap")])
        table = "Filename\tType\tSize\tUsed\tPriority\n/dev/sdb1 partition 1 0 -2\n"
        self.refused("/dev/sdb1 is swap space in use", card, swaps=table)
        self.assertEqual(refusals(card, swaps=table.replace("sdb1", "sdc1")), [])
        self.refused("swap", disk("/dev/sdb", children=[part("/dev/sdb1", mountpoints=["[SWAP]"])]))

    def test_kind(self):
        card = disk("/dev/sdb", children=[part("/dev/sdb1")])
        self.refused("/dev/sdb1 is a partition", card, path="/dev/sdb1")
        self.refused("optical", disk("/dev/sr0", type="rom"))
        self.refused("lsblk calls it raid0", disk("/dev/md0", type="raid0"))
        self.refused("not in lsblk's list", card, path="/dev/sdz")

    def test_read_only(self):
        self.refused("read-only", disk("/dev/sdb", ro=True))
        self.refused("read-only", disk("/dev/sdb", ro="1"))

    def test_size(self):
        self.refused("no medium", disk("/dev/sdb", size=0))
        self.refused("the image needs 64.0 MiB", disk("/dev/sdb", size=NEEDED - 512))
        self.assertEqual(refusals(disk("/dev/sdb", size=NEEDED)), [])
        self.assertEqual(refusals(disk("/dev/sdb", size=blockdev.LARGEST)), [])
        large = disk("/dev/sdb", size=blockdev.LARGEST + 512)
        self.refused("ALLOW=large", large)
        self.assertEqual(refusals(large, allowed=(blockdev.LARGE,)), [])

    def test_fixed(self):
        entry = disk("/dev/sda", **SSD)
        self.refused("ALLOW=fixed", entry)
        self.assertEqual(refusals(entry, allowed=(blockdev.FIXED,)), [])
        self.refused("ALLOW=fixed", disk("/dev/nvme0n1", **{**SSD, "tran": "nvme"}))
        # lsblk calls everything behind an SD controller hotpluggable.
        for entry in (disk("/dev/mmcblk0", rm=False, tran="mmc"), disk("/dev/mmcblk0", tran=None)):
            self.refused("ALLOW=fixed", entry, kinds={"mmcblk0": "MMC"})
            self.refused("ALLOW=fixed", entry)

    def test_allowing_one_thing_allows_no_other(self):
        entry = disk("/dev/sdb", size=blockdev.LARGEST * 2, children=[
            part("/dev/sdb1", mountpoints=["/mnt"])])
        self.assertEqual(len(refusals(entry, allowed=(blockdev.LARGE, blockdev.FIXED))), 1)

    def test_description(self):
        lines = blockdev.describe(disk("/dev/sdb", children=[
            part("/dev/sdb1"), part("/dev/sdb2", fstype=None, label=None)]))
        self.assertEqual(lines, ["/dev/sdb, 16.0 GiB, Generic SD/MMC, usb, serial 0123",
                                 '  /dev/sdb1: 1.0 GiB, vfat, "BOOT"',
                                 "  /dev/sdb2: 1.0 GiB, no file system"])

    def test_candidates(self):
        state = blockdev.State((disk("/dev/sda", **SSD), disk("/dev/sdb"), disk("/dev/sdc", size=0)))
        self.assertEqual([entry["path"] for entry in blockdev.candidates(NEEDED, state)], ["/dev/sdb"])


def image(path, size=3 * blockcopy.CHUNK + 512):
    """A file that looks like a card's image."""
    content = bytearray(random.Random(size).randbytes(size))
    content[510:512] = b"\x55\xaa"
    with open(path, "wb") as file:
        file.write(content)
    return bytes(content)


class Temporary(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.image = os.path.join(self.folder, "sd.img")
        self.card = os.path.join(self.folder, "card")
        self.content = image(self.image)
        self.said = ""

    def flash(self, *words):
        """The exit status; what was said is in self.said."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stderr(errors):
            status = flash.main(list(words), out)
        self.said = out.getvalue() + errors.getvalue()
        return status

    def read(self, path, size=-1):
        with open(path, "rb") as file:
            return file.read(size)


class File(Temporary):
    def test_writes_and_compares(self):
        self.assertEqual(self.flash(f"file:{self.card}", self.image), 0, self.said)
        self.assertIn("read back and found the same", self.said)
        self.assertEqual(self.read(self.card), self.content)

    def test_over_a_longer_file(self):
        with open(self.card, "wb") as file:
            file.write(b"x" * (2 * len(self.content)))
        self.assertEqual(self.flash(f"file:{self.card}", self.image), 1)
        self.assertIn("CONFIRM=card", self.said)
        self.assertEqual(self.flash(f"file:{self.card}", self.image, "--confirm", "care"), 1)
        self.assertIn("care is not card", self.said)
        self.assertEqual(self.flash(f"file:{self.card}", self.image, "--confirm", "card"), 0)
        self.assertEqual(self.read(self.card), self.content)

    def test_dry_run(self):
        self.assertEqual(self.flash(f"file:{self.card}", self.image, "--dry-run"), 0)
        self.assertFalse(os.path.exists(self.card))

    def test_bad_images(self):
        for reason, content in (("is empty", b""), ("no partition table", bytes(1024))):
            with open(self.image, "wb") as file:
                file.write(content)
            self.assertEqual(self.flash(f"file:{self.card}", self.image), 1)
            self.assertIn(reason, self.said)
        self.assertEqual(self.flash(f"file:{self.card}", self.image, "--raw"), 0)
        self.assertEqual(self.flash(f"file:{self.card}", self.folder), 1)
        self.assertIn("not a regular file", self.said)
        self.assertEqual(self.flash(f"file:{self.card}", os.path.join(self.folder, "none")), 1)
        self.assertIn("No such file", self.said)

    def test_itself(self):
        self.assertEqual(self.flash(f"file:{self.image}", self.image, "--confirm", "sd.img"), 1)
        self.assertIn("the image itself", self.said)
        self.assertEqual(self.read(self.image), self.content)

    def test_no_regular_file(self):
        self.assertEqual(self.flash("file:/dev/null", self.image, "--confirm", "null"), 1)
        self.assertIn("not a regular file", self.said)

    def test_finds_a_bit_that_did_not_stick(self):
        place = blockcopy.CHUNK + 12345
        whole = blockcopy.write_all

        def forgets(target, view, offset):
            whole(target, view, offset)
            if offset <= place < offset + len(view):
                with open(target.path, "r+b") as file:
                    file.seek(place)
                    file.write(bytes([self.content[place] ^ 4]))
        with mock.patch.object(blockcopy, "write_all", forgets):
            self.assertEqual(self.flash(f"file:{self.card}", self.image), 1)
        self.assertIn(f"byte {place:#x} reads as {self.content[place] ^ 4:#04x}", self.said)
        self.assertIn("will not do", self.said)

    def test_finds_an_end_that_is_missing(self):
        def short(target, view, offset):
            if offset == 0:
                os.pwrite(target.descriptor, view, 0)
        with mock.patch.object(blockcopy, "write_all", short), \
                mock.patch.object(os, "ftruncate"):
            self.assertEqual(self.flash(f"file:{self.card}", self.image), 1)
        self.assertIn(f"byte {blockcopy.CHUNK:#x} reads as nothing", self.said)

    def test_writes_that_take_less(self):
        whole = os.pwrite

        def half(descriptor, view, offset):
            size = max(blockcopy.ALIGNMENT, len(view) // 2 // blockcopy.ALIGNMENT * blockcopy.ALIGNMENT)
            return whole(descriptor, view[:size], offset)
        with mock.patch.object(os, "pwrite", half):
            self.assertEqual(self.flash(f"file:{self.card}", self.image), 0, self.said)
        self.assertEqual(self.read(self.card), self.content)
        with mock.patch.object(os, "pwrite", lambda descriptor, view, offset: 0):
            self.assertEqual(self.flash(f"file:{self.card}", self.image, "--confirm", "card"), 1)
        self.assertIn("takes no more at byte 0x0", self.said)

    def test_errors_while_writing(self):
        for number, words in ((errno.EIO, "worn card"), (errno.ENODEV, "pulled out"),
                              (errno.ENOSPC, "no room"), (errno.EPERM, "as root")):
            with self.subTest(words), mock.patch.object(os, "pwrite", side_effect=OSError(number, "")):
                self.assertEqual(self.flash(f"file:{self.card}", self.image, "--confirm", "card"), 1)
                self.assertIn(words, self.said)
                self.assertIn("at byte 0x0", self.said)

    def test_without_direct_access(self):
        real = os.open

        def refuses(path, flags, mode=0o777):
            if flags & os.O_DIRECT:
                raise OSError(errno.EINVAL, "no such flag here")
            return real(path, flags, mode)
        with mock.patch.object(os, "open", refuses):
            self.assertEqual(self.flash(f"file:{self.card}", self.image), 0, self.said)
        self.assertEqual(self.read(self.card), self.content)


class Device(Temporary):
    """The order of things on a device that is none: a file takes its place when it is opened."""

    def run_flash(self, states, answer="sdb", dry_run=False, number="8:16"):
        entry = iter(states)
        arguments = ["/dev/sdb", self.image, *(["--confirm", answer] if answer else []),
                     *(["--dry-run"] if dry_run else [])]
        out = io.StringIO()
        with mock.patch.object(os, "stat", self.stat), \
                mock.patch.object(os.path, "realpath", lambda path: path), \
                mock.patch.object(blockdev, "read", lambda: blockdev.State((next(entry),))), \
                mock.patch.object(blockcopy, "number", lambda target: number), \
                mock.patch.object(blockcopy, "open_target", self.open):
            flash.flash_disk(flash.parse(arguments), out)
        return out.getvalue()

    def stat(self, path, **more):
        real = os.lstat("/dev/null" if path == "/dev/sdb" else path, **more)
        return mock.Mock(st_mode=0o060660, st_size=0) if path == "/dev/sdb" else real

    def open(self, path):
        self.assertEqual(path, "/dev/sdb")
        return blockcopy.Target(self.card, os.open(self.card, os.O_RDWR | os.O_CREAT), False, False)

    def test_writes(self):
        said = self.run_flash([disk("/dev/sdb", children=[part("/dev/sdb1")])] * 2)
        self.assertIn("Generic SD/MMC", said)
        self.assertIn('/dev/sdb1: 1.0 GiB, vfat, "BOOT"', said)
        self.assertEqual(self.read(self.card), self.content)

    def test_dry_run(self):
        self.assertIn("nothing was written", self.run_flash([disk("/dev/sdb")], dry_run=True))
        self.assertFalse(os.path.exists(self.card))

    def test_refused(self):
        with self.assertRaisesRegex(flash.Refused, "mounted"):
            self.run_flash([disk("/dev/sdb", mountpoints=["/mnt"])])
        self.assertFalse(os.path.exists(self.card))

    def test_wrong_name(self):
        for answer in ("sda", "", "/dev/sdb", "y"):
            with self.subTest(answer), self.assertRaises(flash.Refused), \
                    mock.patch.object(flash, "terminal", lambda: lambda question: answer):
                self.run_flash([disk("/dev/sdb")] * 2, answer=None)
        self.assertFalse(os.path.exists(self.card))

    def test_asks(self):
        questions = []
        with mock.patch.object(flash, "terminal",
                               lambda: lambda question: questions.append(question) or "sdb"):
            self.run_flash([disk("/dev/sdb")] * 2, answer=None)
        self.assertEqual(len(questions), 1)
        self.assertEqual(self.read(self.card), self.content)

    def test_nobody_to_ask(self):
        with mock.patch.object(flash, "terminal", lambda: None), \
                self.assertRaisesRegex(flash.Refused, "CONFIRM=sdb"):
            self.run_flash([disk("/dev/sdb")] * 2, answer=None)

    def test_changed_while_asked(self):
        others = {"not what it was": disk("/dev/sdb", serial="4567"),
                  "mounted": disk("/dev/sdb", mountpoints=["/media/x"]),
                  "not in lsblk's list": disk("/dev/sdc")}
        for reason, after in others.items():
            with self.subTest(reason), self.assertRaisesRegex(flash.Refused, reason):
                self.run_flash([disk("/dev/sdb"), after])
            self.assertEqual(self.read(self.card), b"")

    def test_another_disk_has_the_name(self):
        with self.assertRaisesRegex(flash.Refused, "not what it was"):
            self.run_flash([disk("/dev/sdb")] * 2, number="8:32")
        self.assertEqual(self.read(self.card), b"")


class NoDevice(Temporary):
    def test_words(self):
        for path, words in (("/dev/nothing-here", "there is no /dev/nothing-here"),
                            (self.image, f"DEV=file:{self.image}"), (self.folder, "a folder"),
                            ("/dev/null", "not a block device")):
            with self.subTest(path), mock.patch.object(
                    blockdev, "read", lambda: blockdev.State((disk("/dev/sdb"),))):
                self.assertEqual(self.flash(path, self.image), 1)
                self.assertIn(words, self.said)
                self.assertIn("/dev/sdb, 16.0 GiB", self.said)

    def test_usage(self):
        for words in ((), ("/dev/sdb",), ("/dev/sdb", "x", "--allow", "everything")):
            with self.subTest(words), self.assertRaises(SystemExit) as end, \
                    contextlib.redirect_stderr(io.StringIO()):
                flash.parse(words)
            self.assertEqual(end.exception.code, 2)


class Loop(Temporary):
    """A disk of the kernel's own, if this machine gives one."""

    def setUp(self):
        super().setUp()
        if os.getuid() != 0:
            self.skipTest("loop devices need root")
        with open(self.card, "wb") as file:
            file.truncate(32 << 20)
        made = subprocess.run(["losetup", "--find", "--show", self.card], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if made.returncode:
            self.skipTest(f"no loop device here: {made.stderr.strip()}")
        self.device = made.stdout.strip()
        # Detached now, it stays for as long as somebody has it open, however that ends.
        held = os.open(self.device, os.O_RDONLY)
        self.addCleanup(os.close, held)
        subprocess.run(["losetup", "--detach", self.device], check=True)
        self.arguments = [self.device, self.image, "--confirm", os.path.basename(self.device)]

    def test_refused_as_fixed(self):
        self.assertEqual(self.flash(*self.arguments), 1)
        self.assertIn("ALLOW=fixed", self.said)
        self.assertEqual(self.read(self.card, len(self.content)), bytes(len(self.content)))

    def test_writes(self):
        self.assertEqual(self.flash(*self.arguments, "--allow", "fixed"), 0, self.said)
        self.assertIn("read back and found the same", self.said)
        self.assertEqual(self.read(self.card, len(self.content)), self.content)

    def test_by_another_name(self):
        link = os.path.join(self.folder, "by-id")
        os.symlink(self.device, link)
        self.assertEqual(self.flash(link, *self.arguments[1:], "--allow", "fixed"), 0, self.said)
        self.assertEqual(self.read(self.card, len(self.content)), self.content)

    def test_too_small(self):
        image(self.image, 33 << 20)
        self.assertEqual(self.flash(*self.arguments, "--allow", "fixed"), 1)
        self.assertIn("the image needs 33.0 MiB", self.said)

    def mounted(self, command, *words, **more):
        """Runs a shell's command where the device is mounted, out of sight of everything else and gone
        with it; $0: the device, $1: where."""
        subprocess.run(["mkfs.ext4", "-q", self.device], check=True)
        place = os.path.join(self.folder, "mount")
        os.mkdir(place)
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f'mount "$0" "$1" || exit 77; {command}', self.device,
             place, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, **more)

    @unittest.skipUnless(shutil.which("mkfs.ext4") and shutil.which("unshare"), "no mkfs.ext4")
    def test_mounted(self):
        tool = os.path.join(os.path.dirname(os.path.abspath(flash.__file__)), "flash.py")
        process = self.mounted('exec "$2" -B "$3" "$0" "$4" --confirm x --allow fixed',
                               sys.executable, tool, self.image)
        said, _ = process.communicate()
        if process.returncode == 77:
            self.skipTest("this machine does not let us mount")
        self.assertEqual(process.returncode, 1)
        self.assertIn(f"mounted at {os.path.join(self.folder, 'mount')}", said)

    @unittest.skipUnless(shutil.which("mkfs.ext4") and shutil.which("unshare"), "no mkfs.ext4")
    def test_mounted_out_of_sight(self):
        process = self.mounted("echo ready; read word")
        try:
            if process.stdout.readline() != "ready\n":
                self.skipTest("this machine does not let us mount")
            with self.assertRaisesRegex(blockcopy.CopyError, "in use"):
                blockcopy.open_target(self.device)
        finally:
            process.communicate("\n")

    def test_without_the_right_to_drop_buffers(self):
        def no_right(descriptor, request, *more):
            if request == blockcopy.BLKFLSBUF:
                raise OSError(errno.EACCES, "no right")
            return ioctl(descriptor, request, *more)
        ioctl = fcntl.ioctl
        with mock.patch.object(fcntl, "ioctl", no_right):
            self.assertEqual(self.flash(*self.arguments, "--allow", "fixed"), 0, self.said)
        self.assertIn("read back and found the same", self.said)
        target = blockcopy.Target(self.device, 0, True, False)
        with mock.patch.object(fcntl, "ioctl", no_right), \
                self.assertRaisesRegex(blockcopy.CopyError, "as root"):
            blockcopy.drop_caches(target)

    def test_number(self):
        target = blockcopy.open_target(self.device)
        self.addCleanup(target.close)
        entry = blockdev.find(blockdev.read(), self.device)
        self.assertEqual(blockcopy.number(target), entry["maj:min"])
