# SPDX-License-Identifier: MIT
import unittest

import bench

TEXT = """
# bench map-page instructions 240.00 240.00 260.00
# bench map-random instructions 690.50 900.00 1300.00
# bench unmap-random-left tables 1 1 1
# bench end
"""


class Rows(unittest.TestCase):
    def test_limits_are_for_one_build(self):
        measured = {row["name"]: row for row in bench.rows(TEXT, "a32", 0, 1)}
        self.assertEqual(measured["map-page"]["limit"], 250)
        self.assertEqual(measured["map-random"]["limit_worst"], 1200)
        self.assertEqual(measured["map-random"]["mean"], 690.5)
        for row in bench.rows(TEXT, "a32", 1, 4):
            self.assertIsNone(row["limit"])

    def test_verdict(self):
        verdicts = {row["name"]: bench.verdict(row) for row in bench.rows(TEXT, "a32", 0, 1)}
        self.assertEqual(verdicts, {"map-page": "", "map-random": "near", "unmap-random-left": ""})
        row = next(bench.rows(TEXT.replace("240.00", "276.00", 1), "a32", 0, 1))
        self.assertEqual(bench.verdict(row), "OVER")

    def test_other_build_beside(self):
        measured, beside = (list(bench.rows(TEXT, "a32", *build)) for build in ((0, 1), (1, 4)))
        lines = list(bench.table(measured, beside))
        self.assertEqual(len(lines), 4)
        self.assertTrue(lines[2].endswith("near"))

    def test_readme(self):
        measured = list(bench.rows(TEXT, "a32", 0, 1))
        old = "x\n<!-- bench a32 -->\nold\n<!-- end a32 -->\ny\n"
        new = bench.readme(old, "a32", measured)
        self.assertTrue(new.startswith("x\n<!-- bench a32 -->\n| operation"))
        self.assertTrue(new.endswith("1 |\n<!-- end a32 -->\ny\n"))
        self.assertIn("| map-random | instructions | 700 (1,200) | 690.5 | 1,300.0 |\n", new)
        self.assertNotIn("old", new)
        self.assertEqual(bench.readme(new, "a32", measured), new)


if __name__ == "__main__":
    unittest.main()
