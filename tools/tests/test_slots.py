# SPDX-License-Identifier: MIT
"""Images in slots: headers, banks, what tests do with them; and what code in RAM may need."""

import os
import tempfile
import unittest
from types import SimpleNamespace

import check_ramtext
import slot
import update

IMAGE = bytes(range(256)) * 5 + b"tail"
START_A, START_B = 0x04001000, 0x06001000


def content(start=START_A, version=3):
    return slot.pack(40, start, version, IMAGE)


class Slots(unittest.TestCase):
    def test_packs_and_unpacks(self):
        data = content()
        found, wrong = slot.unpack(data)
        self.assertEqual(wrong, "")
        self.assertEqual((found["start"], found["version"]), (START_A, 3))
        self.assertEqual(len(data) % 512, 0)
        self.assertEqual(data[slot.HEADER_BYTES:].rstrip(b"\xff"), IMAGE)

    def test_every_damaged_byte_is_found(self):
        data = content()
        for at in [*range(32), *range(slot.HEADER_BYTES, len(data))]:
            self.assertNotEqual(slot.unpack(update.with_byte(data, at))[1], "", at)

    def test_other_versions_and_fields(self):
        found, wrong = slot.unpack(update.versioned(content(), 77))
        self.assertEqual((found["version"], wrong), (77, ""))
        found, wrong = slot.unpack(update.with_field(content(), machine=183))
        self.assertEqual((found["machine"], wrong), (183, ""))

    def test_bank(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("a", "b", "bank", "odd")]
            for path, data in zip(paths, (content(), content(START_B))):
                with open(path, "wb") as file:
                    file.write(data)
            self.assertEqual(slot.run_bank(SimpleNamespace(out=paths[2], slots=paths[:2])), 0)
            self.assertEqual(os.path.getsize(paths[2]), slot.BANK_BYTES)
            with open(paths[2], "rb") as file:
                bank = file.read()
            self.assertEqual(slot.unpack(bank[slot.SLOT_BYTES:])[1], "")
            with open(paths[3], "wb") as file:
                file.write(content(0x05001000))
            self.assertIn("no slot", slot.run_bank(SimpleNamespace(out=paths[2], slots=paths[3:])))

    def test_cuts(self):
        some = update.cuts(144, 13)
        self.assertGreaterEqual(2 * (len(some)), 50)
        self.assertEqual(some[-8:], [f"header {n}" for n in range(1, 9)])
        self.assertIn("buffer 1", some)
        self.assertIn("buffer 144", some)
        self.assertEqual(sum(name.startswith("buffer") for name in update.cuts(144, 1 << 16)), 144)


class CodeInRam(unittest.TestCase):
    def violations(self, symbol, place, elsewhere=()):
        return check_ramtext.violations([("x.o", ".ramtext.x", symbol, place)], set(elsewhere))

    def test_ram_is_fine(self):
        for place in (".ramtext", ".ramtext.other", ".data", ".data.x", ".bss.y", ".noinit"):
            self.assertEqual(self.violations("", place), [])

    def test_flash_is_not(self):
        for place in (".text", ".rodata", ".rodata.str1.1", ".dataset", ".text.ramtext"):
            self.assertEqual(len(self.violations("", place)), 1, place)

    def test_other_objects(self):
        self.assertEqual(len(self.violations("memcpy", "")), 1)
        self.assertEqual(self.violations("in_ram", "", ["in_ram"]), [])


if __name__ == "__main__":
    unittest.main()
