# SPDX-License-Identifier: MIT
"""docs/proof.md against the tests that it speaks of: rules, test names, redundant steps."""

import glob
import os
import re
import unittest

import matrix

UNIT = os.path.join(matrix.ROOT, "tests", "unit")
STRING = r'"((?:\\.|[^"\\])*)"'


def read(*path):
    with open(os.path.join(matrix.ROOT, *path), encoding="utf-8") as file:
        return file.read()


def rows(text, heading, columns):
    """The cells of the table whose first column has that heading."""
    table = re.search(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    cells = [[c.strip() for c in line.strip("|").split(" | ")] for line in table[1].splitlines()]
    assert all(len(row) == columns for row in cells), cells
    return cells


def rules_of_the_machine(text):
    """Numbers of the rules that port/sim names."""
    table = re.search(r"rule_names\[\] = \{(.*?)\};", text, re.DOTALL)
    return {int(n) for n in re.findall(r"\[(\d+)\]", table[1])}


def reasons(text):
    """Why steps are redundant, in the words of a proof's tables."""
    text = re.sub(r'"\s*\\?\s*"', "", re.sub(r"\\\n", "\n", text))
    named = dict(re.findall(rf"#define (\w+)\s+{STRING}", text))
    found = set()
    for call in re.findall(r"(?:NEEDLESS|OR_LATER)\(((?:[^()]|\([^()]*\))*)\)", text):
        found |= set(re.findall(STRING, call))
        found |= {named[word] for word in re.findall(r"\w+", call) if word in named}
    for entry in re.findall(r"\{\s*(SIM_\w+, SIM_\w+, \d+, [^{}]*)\}", text):
        found |= set(re.findall(STRING, entry))
        found |= {named[word] for word in re.findall(r"\w+", entry) if word in named}
    return found


def proofs():
    return sorted(glob.glob(os.path.join(UNIT, "test_*.c")) +
                  glob.glob(os.path.join(UNIT, "proof*.h")))


class Parsing(unittest.TestCase):
    def test_reasons(self):
        text = ('#define WHY "why"\n#define FAR \\\n    "far"\n#define NEVER "never"\n'
                'NEEDLESS(A, B, 0, "a" \\\n    " b"),\nOR_LATER(A, B, RULE(1) | RULE(2), WHY),\n'
                '{SIM_A, SIM_B, 0, RULE(3), FAR, false},\n')
        self.assertEqual(reasons(text), {"a b", "why", "far"})

    def test_rows(self):
        self.assertEqual(rows("| x | y |\n|---|---|\n| 1 | a |\n| 2 | b |\n", "x", 2),
                         [["1", "a"], ["2", "b"]])


class Document(unittest.TestCase):
    def setUp(self):
        self.text = read("docs", "proof.md")

    def test_each_rule_has_a_row(self):
        numbers = [int(row[0]) for row in rows(self.text, "rule", 4)]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(set(numbers), rules_of_the_machine(read("port", "sim", "verdict.c")))

    def test_tests_exist_and_are_run(self):
        for row in rows(self.text, "rule", 4):
            tests = re.findall(r"`(test_\w+): (\w+)`", row[2])
            self.assertTrue(tests, row)
            for file, name in tests:
                self.assertIn(f"cmocka_unit_test({name})", read("tests", "unit", f"{file}.c"), row)

    def test_a_test_of_a_rule_names_it(self):
        for row in rows(self.text, "rule", 4):
            text = "".join(read("tests", "unit", f"{file}.c")
                           for file in re.findall(r"`(test_\w+):", row[2]))
            text += read("tests", "unit", "proof_mmu.h") + read("tests", "unit", "proof.h")
            number = row[0]
            wanted = rf"RULE\({number}\)|TRIAL\({number},|BOTH\({number}\)|broken\({number},|" \
                     rf", {number}[,}}]"
            self.assertRegex(text, wanted, row)

    def test_attacks_are_listed(self):
        listed = {row[0].strip("`") for row in rows(self.text, "test", 4)}
        attacks = {os.path.basename(path)[:-2] for path in proofs()
                   if path.endswith(".c") and
                   re.search(r"\b(rig_attack|proof_attack(_all)?)\(", read(path))}
        self.assertEqual(listed, attacks)

    def test_redundant_steps_are_listed(self):
        listed = {row[2] for row in rows(self.text, "step", 3)}
        found = set()
        for path in proofs():
            found |= reasons(read(path))
        self.assertEqual(listed, found)

    def test_runs_stopped_are_demanded(self):
        for row in rows(self.text, "test", 4):
            number = row[3].removeprefix("more than ").replace(",", "")
            self.assertIn(f"assert_true(result.stopped > {number});",
                          read("tests", "unit", row[0].strip("`") + ".c"))


if __name__ == "__main__":
    unittest.main()
