# SPDX-License-Identifier: MIT
"""The disk's checks: what the firmware did right, and each thing that it could do wrong."""

import os
import struct
import tempfile
import unittest

import disk as disks

SIZE = 64 * disks.SECTOR


class DiskTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.disk = disks.Disk(os.path.join(folder.name, "disk"), SIZE)
        self.notes = [f"disk 0 bytes {SIZE} crc32 {self.disk.crc:08x}", "disk 0 pattern 8 4"]

    def write(self, sector, data):
        with open(self.disk.path, "r+b") as file:
            file.seek(sector * disks.SECTOR)
            file.write(data)

    def write_pattern(self, first=8, count=4):
        for sector in range(first, first + count):
            self.write(sector, disks.pattern_sector(sector))

    def wrong(self, notes=None):
        return {name for name, wrong in self.disk.verify(self.notes if notes is None else notes)
                if wrong}

    def test_pattern(self):
        words = struct.unpack("<128I", disks.pattern_sector(3))
        self.assertEqual(words[0], 0x41534800 ^ 384)
        self.assertEqual(words[127], 0x41534800 ^ 511)

    def test_seed_repeats(self):
        again = disks.Disk(self.disk.path, SIZE, self.disk.seed)
        self.assertEqual(again.content, self.disk.content)

    def test_a_card_starts_with_its_image(self):
        image = f"{self.disk.path}.img"
        with open(image, "wb") as file:
            file.write(b"boot" * 300)
        card = disks.Disk(self.disk.path, SIZE, self.disk.seed, image=image)
        self.assertEqual(card.content, b"boot" * 300 + self.disk.content[1200:])
        with self.assertRaisesRegex(ValueError, "has 1200 bytes, and the disk 512"):
            disks.Disk(self.disk.path, disks.SECTOR, image=image)

    def test_a_card_is_larger_than_its_image(self):
        class Machine:
            card = "{build}.img"
            reads_card = True

        for length, size in ((1200, disks.CARD_BYTES), (disks.CARD_BYTES, 2 * disks.CARD_BYTES)):
            with open(f"{self.disk.path}.img", "wb") as file:
                file.truncate(length)
            card = disks.of_machine(Machine, self.disk.path, self.disk.path)
            self.assertEqual(len(card.content), size)

    def test_what_has_no_driver_is_not_checked(self):
        self.disk.checked = False
        self.assertEqual(self.wrong([]), set())

    def test_good(self):
        self.write_pattern()
        self.assertEqual(self.wrong(), set())

    def test_says_nothing(self):
        self.assertEqual(self.wrong([]), {"disk crc", "disk pattern"})

    def test_wrong_crc(self):
        self.write_pattern()
        self.notes[0] = f"disk 0 bytes {SIZE} crc32 {self.disk.crc ^ 1:08x}"
        self.assertEqual(self.wrong(), {"disk crc"})

    def test_wrong_size(self):
        self.write_pattern()
        self.notes[0] = f"disk 0 bytes {SIZE // 2} crc32 {self.disk.crc:08x}"
        self.assertEqual(self.wrong(), {"disk crc"})

    def test_pattern_not_written(self):
        self.assertIn("disk pattern", self.wrong())

    def test_pattern_in_part(self):
        self.write_pattern(count=3)
        self.assertIn("disk pattern", self.wrong())

    def test_pattern_elsewhere(self):
        self.write_pattern(first=9)
        self.assertEqual(self.wrong(), {"disk pattern", "disk unchanged elsewhere"})

    def test_pattern_beyond_the_disk(self):
        self.notes[1] = "disk 0 pattern 63 2"
        self.assertEqual(self.wrong(), {"disk pattern"})

    def test_empty_pattern(self):
        self.notes[1] = "disk 0 pattern 8 0"
        self.assertEqual(self.wrong(), {"disk pattern"})

    def test_written_elsewhere(self):
        self.write_pattern()
        self.write(20, b"x")
        self.assertEqual(self.wrong(), {"disk unchanged elsewhere"})

    def test_other_disk(self):
        self.write_pattern()
        self.assertEqual(self.wrong([note.replace("disk 0", "disk 1") for note in self.notes]),
                         {"disk crc", "disk pattern", "disk unchanged elsewhere"})
