# SPDX-License-Identifier: MIT
"""The list of machines: it is complete, and it is read strictly."""

import itertools
import unittest
from collections import Counter

import machine as machines
import matrix

VALUES = {
    "image": machines.IMAGES,
    "entry": machines.ENTRIES,
    "cpu": ("max", "cortex-a15", "cortex-a7"),
    "mem": ("32M", "512M", "3G", "6G"),
    "gic": (2, 3),
}


class Matrix(unittest.TestCase):
    def setUp(self):
        self.rows = matrix.rows()

    def test_names_are_unique(self):
        names = [name for name, _ in self.rows]
        self.assertEqual(len(names), len(set(names)))

    def test_every_value_in_two_rows(self):
        for field, values in VALUES.items():
            count = Counter(getattr(machine, field) for _, machine in self.rows)
            for value in values:
                self.assertGreaterEqual(count[value], 2, f"{field} {value}")
            self.assertEqual(set(count), set(values), field)

    def test_several_cpus_in_two_rows(self):
        self.assertGreaterEqual(sum(machine.smp > 1 for _, machine in self.rows), 2)

    def test_every_pair_of_image_and_entry(self):
        pairs = {(machine.image, machine.entry) for _, machine in self.rows}
        self.assertEqual(pairs, set(itertools.product(machines.IMAGES, machines.ENTRIES)))

    def test_uboot_has_the_memory_it_needs(self):
        for name, machine in self.rows:
            if machine.entry == "uboot":
                self.assertGreaterEqual(machines.memory_bytes(machine.mem), 512 << 20, name)


class Reader(unittest.TestCase):
    def test_row(self):
        rows = matrix.read(["# x\n", "\n", "a flash hyp max 3G 2 3 # y\n"])
        self.assertEqual(rows, [("a", machines.Machine("flash", "hyp", "max", "3G", 2, 3))])

    def test_bad_rows(self):
        for line in ("a flash hyp max 3G 2", "a disk hyp max 3G 2 3", "a flash el2 max 3G 2 3",
                     "a flash hyp max 3K 2 3", "a flash hyp max 0M 2 3", "a flash hyp max 3G 9 3",
                     "a flash hyp max 3G 2 4", "a flash hyp max 3G two 3"):
            with self.assertRaises(ValueError, msg=line):
                matrix.read([line])


class Command(unittest.TestCase):
    def test_every_machine_is_told_apart(self):
        lines = {tuple(machines.qemu_command(machine, "b")) for _, machine in matrix.rows()}
        self.assertEqual(len(lines), len(matrix.rows()))

    def test_flash_is_read_only_and_no_network(self):
        line = " ".join(machines.qemu_command(machines.Machine(), "b"))
        self.assertIn("if=pflash,format=raw,readonly=on,unit=0,file=b/ashlar.img", line)
        self.assertIn("-nic none", line)
        self.assertIn("-no-reboot", line)

    def test_processors_of_the_other_qemu(self):
        machine = machines.Machine()
        self.assertEqual(machines.for_processor(machine, "cortex-a53").cpu, "max")
        self.assertEqual(machines.for_processor(machine, "cortex-a7").cpu, "cortex-a7")
