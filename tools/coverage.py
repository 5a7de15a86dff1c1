#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Branch and line coverage of some sources, from the counts that a program built with --coverage
left beside its objects. One line; the branches never taken go to a file. Fails below --least.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
from collections import defaultdict


def read(folder):
    """What gcov says of every object with counts under the folder."""
    paths = sorted(glob.glob(os.path.join(folder, "**", "*.gcda"), recursive=True))
    if not paths:
        return []
    output = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", *paths],
                            check=True, text=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def add_up(reports, prefix):
    """({(file, line): count}, {(file, line, n-th branch of it): count}): a header's functions are in
    many objects, and what counts is whether any of them took the branch."""
    lines, branches = defaultdict(int), defaultdict(int)
    for report in reports:
        for file in report["files"]:
            if not file["file"].startswith(prefix):
                continue
            seen = defaultdict(int)  # an inline function may stand in an object more than once
            for line in file["lines"]:
                place = (file["file"], line["line_number"])
                lines[place] += line["count"]
                function = (place, line.get("function_name"))
                for branch in line["branches"]:
                    branches[(*place, seen[function])] += branch["count"]
                    seen[function] += 1
    return lines, branches


def share(counts):
    return 100 * sum(count > 0 for count in counts.values()) / len(counts) if counts else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="of the objects")
    parser.add_argument("prefix", help="sources that are looked at: mmu/")
    parser.add_argument("--least", type=float, default=0, help="percent of branches")
    parser.add_argument("--list", required=True, help="file for what was never taken")
    args = parser.parse_args()

    lines, branches = add_up(read(args.folder), args.prefix)
    with open(args.list, "w", encoding="utf-8") as file:
        for place, count in sorted(branches.items()):
            if count == 0:
                file.write("{}:{}: branch {}\n".format(*place))
    print(f"{args.prefix}: {share(branches):.1f} % of {len(branches)} branches taken, "
          f"{share(lines):.1f} % of {len(lines)} lines run; the others: {args.list}")
    return 0 if branches and share(branches) >= args.least else 1


if __name__ == "__main__":
    sys.exit(main())
