# SPDX-License-Identifier: MIT
"""Compares what machines say of random translation tables with what the simulated machine says.

Both ask themselves the same questions (tests/shared/walk_cases.c). The unit test test_proof_walks and
the self-test `walk` print their answers as counts and a checksum, for example

    # walk lpae tables 2400 queries 57600 translated 26791 crc32 493e149a
    # walk lpae permission fault, level 2: 5602

The second word says which questions a processor was asked. All lines of it must be the same.
"""

import re
import subprocess
import threading

import tap

PROGRAM = "test_proof_walks"
CHECK = "walks agree with the simulated machine"
CASE = "walk/random_tables"
LINE = re.compile(r"^# (walk (\S+) .*?)\s*$", re.MULTILINE)


def answers(text):
    """The lines of each kind of questions, in order."""
    kinds = {}
    for line, kind in LINE.findall(text):
        kinds.setdefault(kind, []).append(line)
    return kinds


def difference(found, expected):
    """The first difference in words, or "" if there is none."""
    for kind, lines in found.items():
        wanted = expected.get(kind)
        if wanted is None:
            return f"nothing is known of {kind}"
        for ours, theirs in zip(lines, wanted):
            if ours != theirs:
                return f"{ours!r}, the simulated machine: {theirs!r}"
        if len(lines) != len(wanted):
            return f"{len(lines)} lines of {kind}, the simulated machine has {len(wanted)}"
    return "" if found else "no answers"


class Simulated:
    """The simulated machine's answers: asked once, when first wanted."""

    def __init__(self, program):
        self.program = program
        self.lock = threading.Lock()
        self.known = None

    def answers(self):
        with self.lock:
            if self.known is None:
                output = subprocess.run([self.program], check=False, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
                self.known = answers(output)
        return self.known

    def check(self, results, text):
        """One more result, if the self-tests asked the machine: it printed `text`."""
        if not any(r.name == CASE and r.status == tap.OK for r in results):
            return []
        wrong = difference(answers(text), self.answers())
        return [tap.Result(CHECK, tap.FAILED if wrong else tap.OK, wrong)]
