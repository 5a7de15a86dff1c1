# SPDX-License-Identifier: MIT
"""A strict reader of the Test Anything Protocol, as the firmware's self-tests print it.

    TAP version 13
    1..3
    ok 1 - frames/splits
    not ok 2 - frames/merges
    ok 3 - block/interrupt # SKIP no disk
    # done 3

The plan comes first, every number appears once and in order, and the end is marked: a stream that
stops early is a failure, whatever it said before. Other text between the lines is let through.
"""

import re
from dataclasses import dataclass

OK, FAILED, SKIPPED = "ok", "FAILED", "skipped"

VERSION = re.compile(r"TAP version 13")
PLAN = re.compile(r"1\.\.([0-9]+)")
RESULT = re.compile(r"(not )?ok ([0-9]+) - (\S.*?)(?:\s+# SKIP(?:\s+(.*))?)?")
DONE = re.compile(r"# done ([0-9]+)")
BAIL = re.compile(r"Bail out!(.*)")
LOOKS_LIKE_TAP = re.compile(r"(not )?ok\b|[0-9]+\.\.|TAP version|# done\b|Bail out", re.IGNORECASE)


@dataclass
class Result:
    name: str
    status: str
    why: str = ""


class Tap:
    """Feed it lines; `results` and `problems` then tell. `ended` after the end mark or a bail-out."""

    def __init__(self):
        self.started = False
        self.ended = False
        self.plan = None
        self.results = []
        self.notes = []
        self.problems = []

    def feed(self, line):
        line = line.rstrip()
        if not self.started:
            # Before the version line anything may be printed, but no TAP.
            if VERSION.fullmatch(line):
                self.started = True
            elif LOOKS_LIKE_TAP.match(line):
                self._problem(f"before the version line: {line!r}")
            return
        if self.ended:
            if LOOKS_LIKE_TAP.match(line):
                self._problem(f"after the end: {line!r}")
            return
        if match := BAIL.fullmatch(line):
            self._problem(f"bailed out:{match[1]}")
            self.ended = True
        elif match := PLAN.fullmatch(line):
            self._take_plan(int(match[1]))
        elif match := RESULT.fullmatch(line):
            self._take_result(bool(match[1]), int(match[2]), match[3], match[4], "# SKIP" in line)
        elif match := DONE.fullmatch(line):
            self._take_done(int(match[1]))
        elif LOOKS_LIKE_TAP.match(line):
            self._problem(f"not understood: {line!r}")
        elif line.startswith("#"):
            self.notes.append(line[1:].strip())

    def finish(self):
        """Call at the end of the output; returns the problems."""
        if not self.started:
            self._problem("no TAP version line: the self-tests did not start")
        elif not self.ended:
            last = self.results[-1].name if self.results else "nothing"
            self._problem(f"no end: the output stops after {len(self.results)} of "
                          f"{self.plan if self.plan is not None else '?'} tests, last {last}")
            self.ended = True
        return self.problems

    @property
    def good(self):
        return (self.ended and not self.problems
                and all(result.status != FAILED for result in self.results))

    def _problem(self, text):
        self.problems.append(text)

    def _take_plan(self, count):
        if self.plan is not None:
            self._problem("a second plan")
        elif self.results:
            self._problem("the plan comes after a result")
        elif count == 0:
            self._problem("the plan has no test")
        else:
            self.plan = count

    def _take_result(self, negated, number, name, why, skipped):
        if self.plan is None:
            self._problem(f"result {number} comes before the plan")
        elif number > self.plan:
            self._problem(f"result {number} is beyond the plan 1..{self.plan}")
        elif number != len(self.results) + 1:
            self._problem(f"result {number} where {len(self.results) + 1} was expected")
        if skipped and not why:
            self._problem(f"result {number} is skipped without a reason")
        status = FAILED if negated else SKIPPED if skipped else OK
        self.results.append(Result(name, status, why or ""))

    def _take_done(self, count):
        if self.plan is None:
            self._problem("the end comes before the plan")
        elif count != self.plan or len(self.results) != self.plan:
            self._problem(f"the end says {count} tests, the plan {self.plan}, "
                          f"seen {len(self.results)}")
        self.ended = True
