# SPDX-License-Identifier: MIT
"""Adding up what gcov says of several objects."""

import unittest

import coverage


def line(number, count, *branches, function="f"):
    return {"line_number": number, "count": count, "function_name": function,
            "branches": [{"count": n} for n in branches]}


def report(file, *lines):
    return {"files": [{"file": file, "lines": list(lines)}, {"file": "other.c", "lines": []}]}


class AddUp(unittest.TestCase):
    def test_a_header_in_two_objects(self):
        reports = [report("mmu/a.h", line(1, 0, 0, 0), line(2, 1)),
                   report("mmu/a.h", line(1, 3, 3, 0), line(2, 0))]
        lines, branches = coverage.add_up(reports, "mmu/")
        self.assertEqual(lines, {("mmu/a.h", 1): 3, ("mmu/a.h", 2): 1})
        self.assertEqual(branches, {("mmu/a.h", 1, 0): 3, ("mmu/a.h", 1, 1): 0})
        self.assertEqual(coverage.share(branches), 50)

    def test_others_are_left_out(self):
        lines, branches = coverage.add_up([report("port/a.c", line(1, 1, 1, 0))], "mmu/")
        self.assertEqual((len(lines), len(branches)), (0, 0))
        self.assertEqual(coverage.share(branches), 0)


if __name__ == "__main__":
    unittest.main()
