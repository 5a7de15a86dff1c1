# SPDX-License-Identifier: MIT
"""The list of machines: it is complete, and it is read strictly."""

import itertools
import unittest
from collections import Counter

import machine as machines
import matrix

VALUES = {
    "a32": {
        "build": ("a32", "a32-flat"),
        "image": machines.IMAGES,
        "entry": machines.ENTRIES["a32"],
        "cpu": ("max", "cortex-a15", "cortex-a7", "cortex-a53", "cortex-a72"),
        "mem": ("32M", "512M", "3G", "6G"),
        "gic": (2, 3),
        "edu": machines.EDU_BITS,
    },
    "a64": {
        "build": ("a64", "a64-va48"),
        "image": machines.IMAGES,
        "entry": machines.ENTRIES["a64"],
        "cpu": ("max", "cortex-a53", "cortex-a72", "cortex-a76"),
        "mem": ("32M", "512M", "8G"),
        "gic": (2, 3),
        "edu": machines.EDU_BITS,
    },
}

# The states in which several CPUs start: plain, below a hypervisor's level, secure.
PRIVILEGED = {"a32": ("svc", "hyp", "secure"), "a64": ("el1", "el2", "el3")}


class Matrix(unittest.TestCase):
    def setUp(self):
        self.rows = matrix.rows()

    def of(self, arch):
        return [machine for _, machine in self.rows if machine.arch == arch]

    def test_names_are_unique(self):
        names = [name for name, _ in self.rows]
        self.assertEqual(len(names), len(set(names)))

    def test_every_value_in_two_rows(self):
        for arch, fields in VALUES.items():
            for field, values in fields.items():
                count = Counter(getattr(machine, field) for machine in self.of(arch))
                for value in values:
                    self.assertGreaterEqual(count[value], 2, f"{arch} {field} {value}")
                self.assertEqual(set(count), set(values), f"{arch} {field}")

    def test_two_and_four_cpus_in_each_state(self):
        for arch in VALUES:
            for kind in PRIVILEGED[arch]:
                count = Counter(machine.smp for machine in self.of(arch) if machine.entry == kind)
                for smp in (2, 4):
                    self.assertGreaterEqual(count[smp], 1, f"{arch} {kind} {smp}")

    def test_every_pair_of_image_and_entry(self):
        for arch, entries in machines.ENTRIES.items():
            pairs = {(machine.image, machine.entry) for machine in self.of(arch)}
            selected = {pair for pair in pairs if pair[0] == "slots"}
            self.assertEqual(pairs - selected, set(itertools.product(("flash", "ram"), entries)))

    def test_uboot_has_the_memory_it_needs(self):
        for name, machine in self.rows:
            if machine.entry == "uboot":
                self.assertGreaterEqual(machines.memory_bytes(machine.mem), 512 << 20, name)


class Reader(unittest.TestCase):
    def test_row(self):
        rows = matrix.read(["# x\n", "\n", "a a32 flash hyp max 3G 2 3 - # y\n",
                            "b a64-va48 ram el2 max 8G 1 3 31\n"])
        self.assertEqual(rows, [
            ("a", machines.Machine("flash", "hyp", "max", "3G", 2, 3)),
            ("b", machines.Machine("ram", "el2", "max", "8G", 1, 3, "a64-va48", "31"))])

    def test_bad_rows(self):
        for line in ("a a32 flash hyp max 3G 2 3", "a a32 disk hyp max 3G 2 3 -",
                     "a a32 flash el2 max 3G 2 3 -", "a a64 flash hyp max 3G 2 3 -",
                     "a a32 flash hyp max 3K 2 3 -", "a a32 flash hyp max 0M 2 3 -",
                     "a a32 flash hyp max 3G 9 3 -", "a a32 flash hyp max 3G 2 4 -",
                     "a a32 flash hyp max 3G two 3 -", "a a16 flash hyp max 3G 2 3 -",
                     "a a32 flash hyp max 3G 2 3 32", "a a32 slots stub max 3G 2 3 -"):
            with self.assertRaises(ValueError, msg=line):
                matrix.read([line])


class Command(unittest.TestCase):
    def test_every_machine_is_told_apart(self):
        lines = {tuple(machine.command("b")) for _, machine in matrix.rows()}
        self.assertEqual(len(lines), len(matrix.rows()))

    def test_flash_is_read_only_and_no_network(self):
        line = " ".join(machines.Machine().command("b"))
        self.assertIn("if=pflash,format=raw,readonly=on,unit=0,file=b/ashlar.img", line)
        self.assertIn("-nic none", line)
        self.assertIn("-no-reboot", line)

    def test_processors_of_the_other_qemu(self):
        machine = machines.Machine()
        self.assertEqual(machines.for_processor(machine, "cortex-a53").cpu, "max")
        self.assertEqual(machines.for_processor(machine, "cortex-a7").cpu, "cortex-a7")
        machine = machines.Machine(entry="drop")
        self.assertEqual(machines.for_processor(machine, "cortex-a53").cpu, "cortex-a53")

    def test_architecture_decides_the_program(self):
        for machine, program in ((machines.Machine(), "qemu-system-arm"),
                                 (machines.Machine(entry="drop"), "qemu-system-aarch64"),
                                 (machines.Machine(build="a64"), "qemu-system-aarch64")):
            self.assertEqual(machine.command("b")[0], program)
