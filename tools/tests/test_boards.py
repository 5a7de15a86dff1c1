# SPDX-License-Identifier: MIT
"""Descriptions of boards: what they mean, what is wrong with bad ones, and the README's table."""

import unittest

import boards
import machine as machines

GOOD = """
title = "A board"
machine = "moon"
ram = "1G"
smp = 2

[boot.flash]
what = "flash"
arguments = ["-drive", "file={build}/x.img"]
entered = "SVC"

[boot.kernel]
what = "RAM"
arch = ["a32", "a64"]
entered = "EL1"
serial = 1
card = "{build}/c.img"
arguments = ["-drive", "if=sd,file={disk}"]
test = false
steps = [{expect = "=>"}, {send = "go\\r"}]
"""


class Descriptions(unittest.TestCase):
    def test_good(self):
        (where, flash), (nowhere, kernel), (_, other) = boards.read("b", GOOD)
        self.assertEqual((where, nowhere), ("test", ""))
        self.assertEqual((flash.name, kernel.name, other.name),
                         ("b flash a32", "b kernel a32", "b kernel a64"))
        command = flash.command("build/b")
        self.assertEqual(command[:3], ["qemu-system-arm", "-M", "moon"])
        self.assertIn("file=build/b/x.img", command)
        self.assertEqual(machines.boot_files(command, "build/b"), ["build/b/x.img"])
        self.assertEqual(machines.boot_files(kernel.command("build/b"), "build/b"), ["build/b/c.img"])
        self.assertIn("if=sd,file=other.disk", kernel.command("build/b", "other.disk"))
        command = other.command("build/b")
        self.assertEqual(command[0], "qemu-system-aarch64")
        self.assertEqual([command[i + 1] for i, word in enumerate(command) if word == "-serial"],
                         ["null", "stdio"])

    def test_two_consoles(self):
        def ports(text, console):
            command = next(boards.read("b", text))[1].command("build/b", serial=console)
            return [command[i + 1] for i, word in enumerate(command) if word in ("-serial", "-chardev")]

        text = GOOD.replace("smp = 2", "loader_serial = 2")
        self.assertEqual(ports(text, "stdio"), ["stdio,id=both,mux=on,signal=off", "chardev:both", "null",
                                                "chardev:both"])
        self.assertEqual(ports(text, "chardev:mine"), ["chardev:mine", "null", "chardev:mine"])
        self.assertEqual(ports(text.replace("serial = 2", "serial = 0"), "stdio"), ["stdio"])

    def test_bench(self):
        self.assertEqual(list(boards.read_bench("b", GOOD)), [])
        text = GOOD + '[bench]\narch = ["a64"]\narguments = ["-kernel", "{build}/bench.elf"]\n'
        machine, = boards.read_bench("b", text)
        self.assertEqual((machine.name, machine.machine), ("b bench a64", "moon"))
        self.assertIn("build/b/bench.elf", machine.command("build/b"))
        self.assertEqual(len(list(boards.read("b", text))), 3)
        with self.assertRaisesRegex(ValueError, "bench: unknown: speed"):
            list(boards.read_bench("b", text + "speed = 1\n"))

    def test_steps(self):
        class Console:
            did = []

            def expect(self, text):
                self.did.append(text)

            send = did.append

        list(boards.read("b", GOOD))[1][1].start(Console())
        self.assertEqual(Console.did, ["=>", "go\r"])

    def test_bad(self):
        for old, new, told in (("ram = ", "rum = ", "unknown: rum"), ("smp = 2", "", ""),
                               ('entered = "SVC"', "", "missing: entered"),
                               ("[boot.flash]", "[bot.flash]", "unknown: bot"),
                               ('title = "A board"', "", "missing: title")):
            text = GOOD.replace(old, new, 1)
            if not told:
                list(boards.read("b", text))
                continue
            with self.assertRaisesRegex(ValueError, told):
                list(boards.read("b", text))
        with self.assertRaisesRegex(ValueError, "no .boot.NAME."):
            list(boards.read("b", 'machine = "moon"'))

    def test_find(self):
        board = boards.names()[0]
        machine = boards.machines(board)[0][1]
        self.assertEqual(boards.find(board, machine.arch).entry, machine.entry)
        with self.assertRaisesRegex(ValueError, machine.entry):
            boards.find(board, machine.arch, "rocket")

    def test_readme_has_the_table(self):
        with open(boards.README, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(boards.with_table(text), text,
                         "README.md: run `python3 tools/boards.py` to make its table anew")
