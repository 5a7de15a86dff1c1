# SPDX-License-Identifier: MIT
"""Console and scripts, with a shell program in the firmware's place."""

import os
import unittest
from unittest import mock

import machine as machines
import matrix
import run
import script
import tap
from console import Console, ConsoleError

FIRMWARE = r"""
import sys
if "quiet" not in sys.argv:
    print("boot, entered in SVC\n  RAM all 512 MiB\nTAP version 13\n1..1\nok 1 - a/b\n# done 1")
while True:
    print("ashlar> ", end="", flush=True)
    line = ""
    while (c := sys.stdin.read(1)) not in ("\r", ""):
        line = line[:-1] if c == "\x7f" else line + c
    print(line)
    if line in ("off", ""):
        break
    if line == "crash":
        print("data abort", flush=True)
        sys.stdin.read()
    print("you said " + line)
"""
COMMAND = ["/usr/bin/python3", "-c", FIRMWARE]


class Reading(unittest.TestCase):
    def test_sections(self):
        got = script.read(["# x", "machine image=ram smp=2", "[a]", "send x", "[b]", "final"])
        self.assertEqual(got.machine, machines.Machine(image="ram", smp=2))
        self.assertEqual([(s.name, s.final) for s in got.sections], [("a", False), ("b", True)])

    def test_machine_options(self):
        got = script.read(["qemu -a 'b c'", "qemu -d", "tree / { x; };", "tree / { y; };", "[a]"])
        self.assertEqual(got.qemu, ["-a", "b c", "-d"])
        self.assertEqual(got.tree, "/ { x; };\n/ { y; };\n")

    def test_bad_lines(self):
        for lines in (["send x"], ["[a]", "say x"], ["[a]", "[a]"], ["[a]", "machine image=ram"], ["[a]", "tree /"],
                      ["machine image=rom", "[a]"]):
            with self.assertRaises(ValueError, msg=lines):
                script.read(lines)

    def test_architectures(self):
        got = script.read(["machine image=ram", "arch a32 a64", "[a]", "[b]", "arch a64"])
        self.assertEqual([section.name for section in got.on("a32").sections], ["a"])
        self.assertEqual([section.name for section in got.on("a64").sections], ["a", "b"])
        self.assertEqual(got.on("a64").machine, machines.Machine("ram", "el1", build="a64"))
        steps = script.read(["arch a32 a64", "[a]", "send x", "a32 expect y z", "a64 expect w"])
        self.assertEqual(steps.on("a32").sections[0].steps, [("send", "x"), ("expect", "y z")])
        self.assertEqual(steps.on("a64").sections[0].steps, [("send", "x"), ("expect", "w")])
        with self.assertRaises(ValueError):
            script.read(["[a]", "a64 expct w"])
        with self.assertRaises(ValueError):
            script.read(["[a]"]).on("a64")
        with self.assertRaises(ValueError):
            script.read(["arch a16"])

    def test_project_scripts_are_readable(self):
        folder = os.path.join(matrix.ROOT, "tests", "machines")
        for name in os.listdir(folder):
            if name.endswith(".script"):
                self.assertTrue(list(script.jobs(os.path.join(folder, name))), name)


@mock.patch.object(machines.Machine, "command", lambda *_, **__: COMMAND)
@mock.patch.object(script, "PATIENCE", 0.5)
class Playing(unittest.TestCase):
    def play(self, *lines):
        parsed = script.read(lines)
        results = script.run_sections(parsed, parsed.sections, "b", os.devnull)
        return [(result.name, result.status) for result in results]

    def test_good_and_bad_sections(self):
        self.assertEqual(
            self.play("[good]", "send hello", "expect said hello", "[bad]", "send x", "expect z",
                      "[backspace]", r"type hex\x7fl", r"send lo", "expect said hello"),
            [("good", tap.OK), ("bad", tap.FAILED), ("backspace", tap.OK)])

    def test_final(self):
        self.assertEqual(self.play("[a]", "final", "send crash", "expect data abort"),
                         [("a", tap.OK)])

    def test_gone(self):
        self.assertEqual(self.play("[a]", "send off", "gone", "[b]", "send crash", "gone"),
                         [("a", tap.OK), ("b", tap.FAILED)])

    def test_prompt_must_come_back(self):
        self.assertEqual(self.play("[a]", "send crash", "expect abort"), [("a", tap.FAILED)])

    def test_never(self):
        self.assertEqual(self.play("[a]", "send x", "never said y", "[b]", "send y", "never said y"),
                         [("a", tap.OK), ("b", tap.FAILED)])

    def test_self_tests(self):
        results = run.run_self_tests(machines.Machine(), "b", log=os.devnull, limit=5)
        self.assertEqual([(r.name, r.status) for r in results],
                         [("a/b", tap.OK), ("entered as started", tap.OK), ("finds all RAM", tap.OK),
                          ("reaches the prompt", tap.OK), ("powers off", tap.OK)])

    def test_another_machine_than_asked_for(self):
        machine = machines.Machine(entry="hyp", mem="1G")
        results = {r.name: r for r in run.run_self_tests(machine, "b", log=os.devnull, limit=5)}
        self.assertEqual(results["entered as started"].why, "SVC, not Hyp")
        self.assertEqual(results["finds all RAM"].why, "512 MiB of 1G")


class Failing(unittest.TestCase):
    def run_command(self, *command, limit=5):
        with mock.patch.object(machines.Machine, "command", lambda *_, **__: list(command)):
            return {r.name: r for r in run.run_self_tests(machines.Machine(), "b", limit=limit)}

    def test_silence(self):
        results = self.run_command("sleep", "5", limit=0.3)
        self.assertEqual(results["reaches the prompt"].status, tap.FAILED)
        self.assertEqual(results["tap"].status, tap.FAILED)

    def test_early_end_with_status_zero(self):
        results = self.run_command("printf", "TAP version 13\n1..2\nok 1 - a\n")
        self.assertIn("stops after 1 of 2", results["tap"].why)

    def test_prompt_without_tests(self):
        results = self.run_command(*COMMAND, "quiet")
        self.assertEqual(results["reaches the prompt"].status, tap.OK)
        self.assertEqual(results["tap"].status, tap.FAILED)

    def test_bail_out_does_not_wait_for_the_limit(self):
        results = self.run_command("sh", "-c", "printf 'TAP version 13\\n1..2\\nBail out! x\\n'; sleep 9")
        self.assertIn("Bail out! x", results["reaches the prompt"].why)

    def test_missing_program(self):
        with Console(["/nonexistent"], limit=5) as console:
            with self.assertRaises(ConsoleError):
                console.expect("ashlar")
