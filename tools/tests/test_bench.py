# SPDX-License-Identifier: MIT
import tempfile
import unittest

import bench

TEXT = """
# bench map-page instructions 240.00 240.00 260.00
# bench map-random instructions 690.50 900.00 1300.00
# bench pool-alloc instructions 20.00 21.00 22.00
# bench unmap-random-left tables 1 1 1
# bench end
"""
LIMITS = """# name CHECK CPUS a32 a64
map-page           0   1  250    - 175   -
map-random         0   1  700 1200 500 900
pool-alloc         1   4    -   21   -   -   # the worst only
pool-alloc         0   1   10    -   -   -   missed
unmap-random-left any any   1    -   1   -
"""


def limits(text=LIMITS):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        return bench.read_limits(file.name)


def rows(check=0, cpus=1, text=TEXT):
    return {row["name"]: row for row in bench.rows(text, "a32", check, cpus, limits())}


class Rows(unittest.TestCase):
    def test_limits_are_for_one_build(self):
        measured = rows()
        self.assertEqual(measured["map-page"]["limit"], 250)
        self.assertEqual(measured["map-random"]["limit_worst"], 1200)
        self.assertEqual(measured["map-random"]["mean"], 690.5)
        other = rows(1, 4)
        self.assertIsNone(other["map-page"]["limit"])
        self.assertEqual(other["pool-alloc"]["limit_worst"], 21)
        self.assertEqual(other["unmap-random-left"]["limit"], 1)

    def test_bad_limits(self):
        with self.assertRaises(ValueError):
            limits("map-page 0 1 250 -\n")
        with self.assertRaises(ValueError):
            limits("map-page 0 1 250 - - - mised\n")

    def test_the_projects_limits(self):
        self.assertIn("boot", bench.read_limits())

    def test_verdict(self):
        verdicts = {name: bench.verdict(row) for name, row in rows().items()}
        self.assertEqual(verdicts, {"map-page": "", "map-random": "near", "pool-alloc": "missed",
                                    "unmap-random-left": ""})
        self.assertEqual(bench.verdict(rows(1, 4)["pool-alloc"]), "near")
        row = rows(text=TEXT.replace("240.00", "276.00", 1))["map-page"]
        self.assertEqual(bench.verdict(row), "OVER")

    def test_other_builds(self):
        results = [*rows().values(), *rows(1, 4).values()]
        lines = [line.split() for line in bench.table(results)]
        self.assertEqual([line[0] for line in lines],
                         ["name", "map-page", "map-random", "pool-alloc", "pool-alloc",
                          "unmap-random-left", "unmap-random-left"])
        self.assertEqual([line[2:4] for line in lines[3:5]], [["0", "1"], ["1", "4"]])
        self.assertEqual(lines[2][-1], "near")

    def test_tables(self):
        old = "x\n<!-- bench a32 -->\nold\n<!-- end a32 -->\ny\n"
        new = bench.with_tables(old, "a32", list(rows().values()), [])
        self.assertTrue(new.startswith("x\n<!-- bench a32 -->\n| operation"))
        self.assertTrue(new.endswith("1 |\n<!-- end a32 -->\ny\n"))
        self.assertIn("| map-random | instructions | 0 | 1 | 700 (1,200) | 690.5 | 900.0 | 1,300.0 |\n",
                      new)
        self.assertNotIn("old", new)
        self.assertEqual(bench.with_tables(new, "a32", list(rows().values()), []), new)

    def test_peers(self):
        peers = [("map", "others 300/1,300", (0, 1), ["map-page", "map-random"], "worst")]
        old = "x\n<!-- peers a32 -->\nold\n<!-- end peers a32 -->\ny\n"
        new = bench.with_tables(old, "a32", list(rows().values()), peers)
        self.assertIn("| map | 0 | 1 | others 300/1,300 | -/1,200 | 260.0/1,300.0 |\n<!-- end peers",
                      new)
        self.assertNotIn("old", new)
        self.assertEqual(bench.with_tables(old, "a64", [], peers), old)

    def test_the_projects_peers(self):
        for work, others, build, names, which in bench.read_peers():
            self.assertTrue(work and others and names)
            self.assertEqual(len(build), 2)
            self.assertIn(which, ("mean", "worst"))


if __name__ == "__main__":
    unittest.main()
