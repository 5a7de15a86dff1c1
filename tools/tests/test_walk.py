# SPDX-License-Identifier: MIT
"""Comparing answers about random translation tables."""

import os
import tempfile
import unittest

import tap
import walk

ASKED = [tap.Result(walk.CASE, tap.OK)]
ONE = "# walk lpae tables 2 crc32 12\n# walk lpae pages: 7\n"
OTHER = "# walk a64 tables 2 crc32 34\n"


class Answers(unittest.TestCase):
    def test_lines_by_kind(self):
        text = f"ok 1 - x\n{ONE}# another note\r\n{OTHER}ok 2 - walk/random_tables\n"
        self.assertEqual(walk.answers(text),
                         {"lpae": ["walk lpae tables 2 crc32 12", "walk lpae pages: 7"],
                          "a64": ["walk a64 tables 2 crc32 34"]})

    def test_equal(self):
        self.assertEqual(walk.difference(walk.answers(ONE), walk.answers(OTHER + ONE)), "")

    def test_another_checksum(self):
        wrong = walk.difference(walk.answers(ONE.replace("12", "13")), walk.answers(ONE))
        self.assertIn("crc32 13", wrong)

    def test_a_line_less(self):
        short = "\n".join(ONE.splitlines()[:1])
        self.assertIn("1 lines", walk.difference(walk.answers(short), walk.answers(ONE)))

    def test_unknown_questions(self):
        self.assertIn("a64", walk.difference(walk.answers(OTHER), walk.answers(ONE)))

    def test_silence(self):
        self.assertEqual(walk.difference({}, walk.answers(ONE)), "no answers")


class Check(unittest.TestCase):
    def setUp(self):
        with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as file:
            file.write(f"#!/bin/sh\ncat <<'END'\n[ RUN ] lpae\n{ONE}END\n")
        os.chmod(file.name, 0o755)
        self.addCleanup(os.unlink, file.name)
        self.simulated = walk.Simulated(file.name)

    def test_agrees(self):
        self.assertEqual([r.status for r in self.simulated.check(ASKED, ONE)], [tap.OK])

    def test_disagrees(self):
        results = self.simulated.check(ASKED, ONE.replace("7", "8"))
        self.assertEqual([r.status for r in results], [tap.FAILED])

    def test_not_asked(self):
        skipped = [tap.Result(walk.CASE, tap.SKIPPED, "RAM")]
        self.assertEqual(self.simulated.check(skipped, ""), [])


if __name__ == "__main__":
    unittest.main()
