# SPDX-License-Identifier: MIT
"""tools/uboot.py with the package management replaced by one that writes down how it was called."""

import os
import shutil
import tempfile
import unittest
from unittest import mock

import uboot

TARGETS = """http://mirror/debian bookworm main Debian
http://mirror/debian bookworm main Debian
http://mirror/debian bookworm-updates main Debian
http://mirror/security bookworm-security main Debian
http://elsewhere/node nodistro main Node
"""


class Mirror:
    """Answers like apt-get and dpkg-deb; `broken` names a word that makes the call fail."""

    def __init__(self, broken=""):
        self.broken = broken
        self.calls = []

    def __call__(self, command, folder, seconds):
        del seconds
        word = next(word for word in command[1:] if not word.startswith("-") or word == "-x")
        self.calls.append(word)
        if word == self.broken:
            raise uboot.Unavailable(f"{word} fails")
        if word == "indextargets":
            return TARGETS
        if word == "download":
            open(os.path.join(folder, "package_1.deb"), "w", encoding="ascii").close()
        if word == "-x":
            wanted = uboot.FILES["orangepi"].inside
            path = os.path.join(folder, "files", wanted)
            os.makedirs(os.path.dirname(path))
            with open(path, "wb") as file:
                file.write(bytes(range(256)) * 200)
        return ""


class Fetch(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, mirror, name="orangepi", again=False):
        with mock.patch.object(uboot, "call", mirror):
            return uboot.path(name, self.folder, again)

    def test_downloads_once(self):
        mirror = Mirror()
        first = self.path(mirror)
        self.assertTrue(os.path.isfile(first))
        self.assertEqual(mirror.calls, ["indextargets", "update", "download", "-x"])
        self.assertEqual(self.path(mirror), first)
        self.assertEqual(len(mirror.calls), 4)

    def test_head(self):
        whole, part = self.path(Mirror()), self.path(Mirror(), "orangepi-spl")
        with open(whole, "rb") as file, open(part, "rb") as spl:
            content = spl.read()
            self.assertEqual(len(content), 32 << 10)
            self.assertEqual(content, file.read(32 << 10))

    def test_folder_that_cannot_be_written(self):
        self.path(Mirror())
        def refuse(**more):
            raise PermissionError(13, "Permission denied")
        target = os.path.join(self.folder, "copy")
        with mock.patch.object(uboot.tempfile, "NamedTemporaryFile", refuse):
            uboot.copy("orangepi-spl", target, self.folder)
            self.assertEqual(os.path.getsize(target), 32 << 10)
            with self.assertRaisesRegex(uboot.Unavailable, "Permission denied"):
                self.path(Mirror(), "orangepi-spl")

    def test_failure_is_remembered(self):
        for word in ("update", "download", "-x"):
            with self.subTest(word):
                with self.assertRaisesRegex(uboot.Unavailable, f"{word} fails"):
                    self.path(Mirror(word), again=True)
                quiet = Mirror()
                with self.assertRaisesRegex(uboot.Unavailable, f"{word} fails"):
                    self.path(quiet)
                self.assertEqual(quiet.calls, [])
        # Asked for again, and with fresh lists.
        mirror = Mirror()
        self.path(mirror, again=True)
        self.assertIn("update", mirror.calls)

    def test_failure_is_forgotten(self):
        with self.assertRaises(uboot.Unavailable):
            self.path(Mirror("update"))
        past = os.stat(self.folder).st_mtime - 2 * uboot.REMEMBERED
        os.utime(os.path.join(self.folder, "failed.txt"), (past, past))
        self.path(Mirror())

    def test_package_without_the_file(self):
        with self.assertRaisesRegex(uboot.Unavailable, "has no usr/lib"):
            self.path(Mirror(), "nanopi_neo")

    def test_sources(self):
        lines = uboot.sources(TARGETS).splitlines()
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], r"^deb \[arch=armhf,arm64.*\] http://mirror/debian bookworm main$")
        self.assertIn("http://deb.debian.org/debian bookworm main", uboot.sources(""))

    def test_no_package_management(self):
        with self.assertRaisesRegex(uboot.Unavailable, "not a Debian system"):
            uboot.call(["/nonexistent/apt-get"], self.folder, 5)

    def test_no_answer(self):
        with self.assertRaisesRegex(uboot.Unavailable, "no answer"):
            uboot.call(["sleep", "60"], self.folder, 0.01)

    def test_complaint(self):
        with self.assertRaisesRegex(uboot.Unavailable, "^E: no such thing$"):
            uboot.call(["sh", "-c", "echo Reading; echo 'E: no such thing'; exit 100"], self.folder, 5)
