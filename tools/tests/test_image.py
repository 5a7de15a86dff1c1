# SPDX-License-Identifier: MIT
"""Images of cards and flash parts: what goes into them, where it lies, and that it is the same each
time; what `make flash` makes of a board's description."""

import os
import shutil
import struct
import subprocess
import tempfile
import unittest
from unittest import mock

import blockcopy
import boards
import check_reproducible
import flash
import flash_openocd
import flash_uboot
import image
import uboot
import uboot_commands
import uimage

CARD = """
# image = "in-a-comment.bin"
image boot.vfat {
    size = 4M
    vfat {
        extraargs = "--invariant"
        file kernel.img { image = "ashlar-ram.bin" }
        files = { "boot.scr", "config.txt" }
    }
}
image ashlar-sd.img {
    hdimage {
        disk-signature = 0x41534801
        align = 512
    }
    partition loader {
        in-partition-table = false
        offset = 8K
        image = "orangepi-spl.bin"
    }
    partition boot {
        partition-type = 0xC
        offset = 1M
        image = "boot.vfat"
    }
}
"""
COMMANDS = "load mmc 0:1 @load@ kernel.img\ngo @entry@\n"


class Card(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        self.board, self.build = (os.path.join(self.root, name) for name in ("board", "build"))
        os.mkdir(self.board)
        os.mkdir(self.build)
        self.config = self.write(self.board, "sd.genimage", CARD.encode())
        self.write(self.board, "boot.cmd", COMMANDS.encode())
        self.write(self.board, "config.txt", b"enable_uart=1\n")
        self.write(self.build, "ashlar-ram.bin", b"firmware" * 1000)
        self.loader = self.write(self.root, "spl", b"SPL" * 5000)
        self.out = os.path.join(self.build, "ashlar-sd.img")
        patches = (mock.patch.object(uboot, "whole", lambda name, folder: self.loader),
                   mock.patch.object(uimage, "addresses", lambda elf: (0x40200000, 0x40200040)))
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)

    @staticmethod
    def write(folder, name, content):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def make(self):
        image.card(self.config, self.build, self.out)
        with open(self.out, "rb") as file:
            return file.read()

    def in_fat(self, name):
        return subprocess.run(["mtype", "-i", f"{self.out}@@1M", f"::{name}"], check=True,
                              stdout=subprocess.PIPE).stdout

    def test_inputs(self):
        self.assertEqual(image.inputs(CARD),
                         ["ashlar-ram.bin", "orangepi-spl.bin", "boot.scr", "config.txt"])

    def test_layout(self):
        content = self.make()
        self.assertEqual(content[8192:8192 + 15000], b"SPL" * 5000)
        self.assertEqual(content[510:512], b"\x55\xaa")
        self.assertEqual(struct.unpack("<I", content[440:444])[0], 0x41534801)
        kind, first, sectors = struct.unpack("<4xB3xII", content[446:462])
        self.assertEqual((kind, first, sectors), (0xC, 2048, 8192))
        self.assertEqual(content[462:510], bytes(48))
        self.assertEqual(len(content) % (1 << 20), 0)

    def test_files(self):
        self.make()
        self.assertEqual(self.in_fat("kernel.img"), b"firmware" * 1000)
        self.assertEqual(self.in_fat("config.txt"), b"enable_uart=1\n")
        self.assertIn(b"load mmc 0:1 0x40200000 kernel.img\ngo 0x40200040\n", self.in_fat("boot.scr"))

    def test_same_bytes(self):
        first = self.make()
        for folder, name in ((self.build, "ashlar-ram.bin"), (self.board, "boot.cmd"),
                             (self.board, "config.txt")):
            os.utime(os.path.join(folder, name), (1, 1))
        with mock.patch.dict(os.environ, TZ="Pacific/Auckland", SOURCE_DATE_EPOCH="1700000000"):
            self.assertEqual(self.make(), first)

    def test_skipped(self):
        def unavailable(name, folder):
            del folder
            raise uboot.Unavailable(f"no {name} today")
        args = mock.Mock(config=self.config, build=self.build, out=self.out)
        self.make()
        with mock.patch.object(uboot, "whole", unavailable), mock.patch("builtins.print"):
            image.make_card(args)
        self.assertFalse(os.path.exists(self.out))
        with open(f"{self.out}.skipped", encoding="utf-8") as file:
            self.assertEqual(file.read(), "no orangepi-spl today")
        image.make_card(args)
        self.assertTrue(os.path.exists(self.out))
        self.assertFalse(os.path.exists(f"{self.out}.skipped"))

    def test_missing_file(self):
        os.unlink(os.path.join(self.board, "config.txt"))
        with self.assertRaisesRegex(image.ImageError, "config.txt: neither in"):
            self.make()

    def test_overlap(self):
        self.write(self.root, "spl", bytes(2 << 20))
        self.write(self.board, "sd.genimage", CARD.replace("orangepi-spl", "orangepi").encode())
        with self.assertRaisesRegex(image.ImageError, "overlap"):
            self.make()

    def test_flash_part(self):
        out = os.path.join(self.root, "nor.img")
        args = mock.Mock(bin=os.path.join(self.build, "ashlar-ram.bin"), bytes=1 << 20, fill="0xff",
                         out=out)
        image.make_flash(args)
        with open(out, "rb") as file:
            content = file.read()
        self.assertEqual(content, b"firmware" * 1000 + b"\xff" * ((1 << 20) - 8000))
        args.bytes = 4096
        with self.assertRaisesRegex(image.ImageError, "longer than the part"):
            image.make_flash(args)

    def test_sizes(self):
        self.assertEqual([image.size(text) for text in ("512", "64K", "64M", "1G")],
                         [512, 65536, 64 << 20, 1 << 30])
        for text in ("", "M", "0", "-1", "64T", "1.5M"):
            with self.assertRaises(Exception):
                image.size(text)


class Boards(unittest.TestCase):
    """The descriptions of all boards."""

    def described(self):
        for board in sorted(os.listdir(os.path.join(boards.ROOT, "board"))):
            for arch in ("a32", "a64"):
                for name in flash.MEANS:
                    try:
                        yield board, name, flash.settings(board, arch, name)
                    except flash.Refused:
                        pass

    def test_words(self):
        words = {"disk": {"image"}, "openocd": {"image", "kind", "address"},
                 "uboot": {"image", "plan", "ram", "address", "sector", "start"}}
        needed = {"nor": {"ram", "address", "sector"}, "nor-words": {"ram", "address", "sector"},
                  "spi": {"ram", "sector"}, "ram": {"ram", "start"}}
        found = list(self.described())
        self.assertTrue(found)
        for board, name, settings in found:
            with self.subTest(f"{board} {name}"):
                self.assertLessEqual(set(settings), words[name])
                self.assertIn("image", settings)
                if name == "uboot":
                    self.assertLessEqual(needed[settings["plan"]], set(settings))
                    memory = uboot_commands.Memory(settings["ram"], settings.get("address", 0),
                                                   settings.get("sector", 0), settings.get("start", ""))
                    self.assertTrue(flash_uboot.plan(settings["plan"], memory, b"x"))

    @unittest.skipUnless(shutil.which("openocd"), "no OpenOCD")
    def test_openocd_reads_its_configurations(self):
        found = {board: settings for board, name, settings in self.described() if name == "openocd"}
        for board, settings in found.items():
            with self.subTest(board):
                self.assertIn(settings["kind"], ("nor", "ram"))
                command = flash_openocd.command("interface/dummy.cfg", board, settings, "x.bin")
                procedure = command[-1].split()[0]
                # Nothing is there to talk to: read the configurations, and end.
                command[-1] = f"info body {procedure}; shutdown"
                process = subprocess.run(command, check=False, text=True, timeout=60,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                self.assertEqual(process.returncode, 0, process.stdout)
                self.assertNotIn("Error", process.stdout)

    def test_no_such_means(self):
        with self.assertRaisesRegex(flash.Refused, "virt is not written that way"):
            flash.settings("virt", "a32", "disk")

    def test_skipped_image(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "sd.img.skipped"), "w", encoding="ascii") as file:
                file.write("no mirror")
            args = mock.Mock(image=None, board="b", arch="a32", build=folder, device="/dev/sdb")
            with mock.patch.object(flash, "settings", lambda board, arch, means: {"image": "sd.img"}), \
                    self.assertRaisesRegex(flash.Refused, "could not be made: no mirror"):
                flash.choose_image(args)

    @unittest.skipUnless(shutil.which("openocd"), "no OpenOCD")
    def test_openocd_without_a_board(self):
        """The adapter that is none: OpenOCD must end with an error, not with success or never."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"firmware")
            file.flush()
            args = flash.parse(["openocd:interface/dummy.cfg", file.name, "--board", "vexpress-a15",
                                "--confirm", "vexpress-a15"])
            with open(os.devnull, "w", encoding="ascii") as out, \
                    mock.patch.object(subprocess, "run", self.quiet(subprocess.run)), \
                    self.assertRaisesRegex(blockcopy.CopyError, "OpenOCD"):
                flash.flash_by_openocd(args, out)

    @staticmethod
    def quiet(run):
        def run_quietly(command, check):
            return run(command, check=check, timeout=100, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return run_quietly


class Again(unittest.TestCase):
    def test_differences(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            self.assertEqual(check_reproducible.compare(one, two), ["nothing was built"])
            for folder in (one, two):
                Card.write(folder, "same.img", b"x" * 100)
                Card.write(folder, "ignored.elf", folder.encode())
            self.assertEqual(check_reproducible.compare(one, two), [])
            Card.write(one, "a.img", b"x" * 100)
            Card.write(two, "a.img", b"x" * 99 + b"y")
            Card.write(two, "d.img", b"made")
            Card.write(one, "d.img.skipped", b"no mirror")
            Card.write(one, "b.bin", b"1")
            Card.write(two, "b.bin", b"12")
            Card.write(two, "c.fit", b"1")
            self.assertEqual(check_reproducible.compare(one, two), [
                "c.fit: not there the first time", "a.img: at byte 0x63",
                "b.bin: 1 bytes, and 2 the other time"])
