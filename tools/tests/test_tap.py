# SPDX-License-Identifier: MIT
"""The TAP reader: what a good stream says, and that every way to be malformed is a failure."""

import unittest

import tap

GOOD = ["TAP version 13", "1..3", "ok 1 - a/x", "# a note", "some text", "ok 2 - a/y # SKIP no disk",
        "ok 3 - b/z", "# done 3"]


def read(lines):
    stream = tap.Tap()
    for line in lines:
        stream.feed(line)
    stream.finish()
    return stream


def without(index):
    return GOOD[:index] + GOOD[index + 1:]


def instead(index, *lines):
    return GOOD[:index] + list(lines) + GOOD[index + 1:]


class Good(unittest.TestCase):
    def test_results_and_notes(self):
        stream = read(["boot text", "", *GOOD, "more text"])
        self.assertTrue(stream.good, stream.problems)
        self.assertEqual([(r.name, r.status) for r in stream.results],
                         [("a/x", tap.OK), ("a/y", tap.SKIPPED), ("b/z", tap.OK)])
        self.assertEqual(stream.results[1].why, "no disk")
        self.assertEqual(stream.notes, ["a note"])

    def test_carriage_returns(self):
        self.assertTrue(read([line + "\r" for line in GOOD]).good)

    def test_failed_case_is_no_problem_of_the_stream(self):
        stream = read(instead(6, "not ok 3 - b/z"))
        self.assertEqual(stream.problems, [])
        self.assertEqual(stream.results[2].status, tap.FAILED)
        self.assertFalse(stream.good)


class Malformed(unittest.TestCase):
    def assert_problem(self, lines, text):
        stream = read(lines)
        self.assertFalse(stream.good)
        self.assertTrue(any(text in problem for problem in stream.problems), stream.problems)

    def test_nothing_at_all(self):
        self.assert_problem([], "did not start")

    def test_no_version(self):
        self.assert_problem(without(0), "before the version")

    def test_no_plan(self):
        self.assert_problem(without(1), "before the plan")

    def test_plan_at_the_end(self):
        self.assert_problem(without(1)[:-1] + ["1..3", "# done 3"], "after a result")

    def test_two_plans(self):
        self.assert_problem(instead(1, "1..3", "1..3"), "second plan")

    def test_empty_plan(self):
        self.assert_problem(["TAP version 13", "1..0", "# done 0"], "no test")

    def test_missing_case(self):
        self.assert_problem(without(2), "where 1 was expected")

    def test_missing_last_case(self):
        self.assert_problem(without(6), "the end says")

    def test_case_twice(self):
        self.assert_problem(instead(4, "ok 1 - a/x"), "where 2 was expected")

    def test_cases_out_of_order(self):
        self.assert_problem(["TAP version 13", "1..2", "ok 2 - a", "ok 1 - b", "# done 2"],
                            "where 1 was expected")

    def test_beyond_the_plan(self):
        self.assert_problem(instead(7, "ok 4 - more", "# done 3"), "beyond the plan")

    def test_no_end(self):
        self.assert_problem(without(7), "no end")

    def test_stops_in_the_middle(self):
        self.assert_problem(GOOD[:4], "stops after 1 of 3")

    def test_end_with_another_count(self):
        self.assert_problem(instead(7, "# done 2"), "the end says 2")

    def test_bail_out(self):
        self.assert_problem(instead(6, "Bail out! no memory"), "bailed out: no memory")

    def test_no_name(self):
        self.assert_problem(instead(2, "ok 1"), "not understood")

    def test_no_number(self):
        self.assert_problem(instead(2, "ok - a/x"), "not understood")

    def test_garbled_line(self):
        self.assert_problem(GOOD[:2] + ["ok 1 - a/xok 2 - a/y"] + GOOD[6:], "where 2 was expected")

    def test_wrong_case(self):
        self.assert_problem(instead(2, "OK 1 - a/x"), "not understood")

    def test_skip_without_reason(self):
        self.assert_problem(instead(5, "ok 2 - a/y # SKIP"), "without a reason")

    def test_starts_again(self):
        self.assert_problem(GOOD[:4] + GOOD, "not understood")

    def test_result_after_the_end(self):
        self.assert_problem(GOOD + ["ok 4 - late"], "after the end")
