# SPDX-License-Identifier: MIT
"""The hunt for mutants: every verdict, on a tree whose tests are replaced by a word in a file."""

import contextlib
import io
import os
import shutil
import tempfile
import unittest
from unittest import mock

import matrix
import mutants
import run
import tap

PATCH = """Guards: the word is right
Notices: unit test_word

--- a/word.txt
+++ b/word.txt
@@ -1,3 +1,3 @@
 before
-{old}
+{new}
 after
"""


class Reading(unittest.TestCase):
    def test_good(self):
        mutant = mutants.read("tests/mutants/x-y.patch", (
            "Guards: a\nNotices: script prompt/off\nOptions: CHECK=2 CPUS=1\n\n--- a/b\n").split("\n"))
        self.assertEqual((mutant.name, mutant.kind, mutant.test, mutant.options),
                         ("x-y", "script", "prompt/off", ("CHECK=2", "CPUS=1")))

    def test_bad(self):
        for text in ("Guards: a\n", "Notices: unit test_a\n", "Guards: a\nNotices: luck x\n",
                     "Guards: a\nNotices: unit\n", "--- a/b\nGuards: a\nNotices: unit test_a\n"):
            with self.assertRaises(ValueError, msg=text):
                mutants.read("x.patch", text.split("\n"))


class Verdicts(unittest.TestCase):
    def test_suite(self):
        results = [tap.Result("a/x", tap.OK), tap.Result("b/x", tap.FAILED)]
        self.assertEqual(mutants.why_it_failed(mutants.of_suite(results, "a")), "")
        self.assertEqual(mutants.why_it_failed(mutants.of_suite(results, "b")), "b/x")
        with self.assertRaises(mutants.Broken):
            mutants.why_it_failed(mutants.of_suite(results, "c"))

    def test_a_machine_that_dies_is_noticed(self):
        results = [tap.Result("a/x", tap.OK), tap.Result("tap", tap.FAILED, "no end")]
        self.assertEqual(mutants.why_it_failed(mutants.of_suite(results, "a")), "tap: no end")


class Soaking(unittest.TestCase):
    MUTANTS = [mutants.Mutant(name, "", "", "unit", "test_a", ()) for name in
               ("mmu-a", "mmu-b", "pool-a")]

    def choose(self, text):
        with tempfile.TemporaryDirectory() as root, mock.patch("matrix.ROOT", root):
            os.makedirs(os.path.join(root, "tests", "fuzz"))
            with open(os.path.join(root, "tests", "fuzz", "soak_mmu.unseen"), "w",
                      encoding="utf-8") as file:
                file.write(text)
            return mutants.for_soak(self.MUTANTS, "mmu")

    def test_unseen_are_left_out(self):
        chosen, unseen = self.choose("# why\n\nmmu-b: nobody does that\n")
        self.assertEqual([(m.name, m.kind, m.test) for m in chosen],
                         [("mmu-a", "soak", "soak_mmu")])
        self.assertEqual(unseen, {"mmu-b": "nobody does that"})

    def test_an_unseen_that_is_no_mutant(self):
        with self.assertRaises(ValueError):
            self.choose("mmu-c: nobody does that\n")


class Hunting(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        with open(os.path.join(self.root, "word.txt"), "w", encoding="utf-8") as file:
            file.write("before\nright\nafter\n")
        for target, value in (("mutants.FOLDER", os.path.join(self.root, "build", "mutants")),
                              ("matrix.ROOT", self.root)):
            patcher = mock.patch(target, value)
            patcher.start()
            self.addCleanup(patcher.stop)

    def hunt(self, *patches):
        """The verdict of each patch (old word, new word), hunted one after the other."""
        def test(copy, mutant, log):
            with open(os.path.join(copy.root, "word.txt"), encoding="utf-8") as file:
                word = file.read().split()[1]
            if word == "unbuildable":
                raise mutants.Broken("does not build")
            return [run.check("word", "it is wrong" if word == "wrong" else "")]

        found = []
        for number, (old, new) in enumerate(patches):
            path = os.path.join(self.root, f"p{number}.patch")
            text = PATCH.format(old=old, new=new)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            found.append(mutants.read(path, text.split("\n")))
        with mock.patch.object(mutants.Copy, "test", test), \
                contextlib.redirect_stdout(io.StringIO()) as said:
            unnoticed = mutants.Hunt(found, 1).run()
        return [line.split()[0] for line in said.getvalue().splitlines()], unnoticed

    def test_verdicts(self):
        self.assertEqual(
            self.hunt(("right", "wrong"), ("right", "other"), ("left", "wrong"),
                      ("right", "unbuildable"), ("right", "wrong")),
            (["noticed", "SURVIVED", "ERROR", "ERROR", "noticed"], 3))

    def test_test_that_fails_anyway(self):
        with open(os.path.join(self.root, "word.txt"), "w", encoding="utf-8") as file:
            file.write("before\nwrong\nafter\n")
        self.assertEqual(self.hunt(("wrong", "right")), (["ERROR"], 1))

    def test_the_tree_itself_is_not_touched(self):
        self.hunt(("right", "wrong"))
        with open(os.path.join(self.root, "word.txt"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "before\nright\nafter\n")


class Project(unittest.TestCase):
    def test_patches_are_readable(self):
        folder = os.path.join(matrix.ROOT, "tests", "mutants")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                mutants.read(name, file)
