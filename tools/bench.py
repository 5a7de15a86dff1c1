#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Instruction counts, exact and repeatable: under -icount shift=0 QEMU's cycle counter counts one
per instruction. The table is printed and written to build/bench-<arch>.json.

What the image prints, on the console:
    # bench <name> <unit> <mean> <p99> <worst>
    # bench end
"""

import argparse
import json
import os
import re
import sys

import machine as machines
from console import Console, ConsoleError

MEASURED = {"CHECK": 0, "CPUS": 1}  # the build that the limits are for
ANY_BUILD = {"boot"}                # ... but for these
CPU = {"a32": "cortex-a15", "a64": "cortex-a53"}
# Most that an operation may cost: for each architecture the mean, or the mean and the worst.
LIMITS = {
    "boot": {"a32": (2_000_000,), "a64": (2_000_000,)},
    "lock-and-release": {"a32": (3,), "a64": (3,)},
    "map-page": {"a32": (250,), "a64": (175,)},
    "map-page-new-table": {"a32": (290,), "a64": (200,)},
    "map-512-pages": {"a32": (16,), "a64": (11,)},
    "map-blocks": {"a32": (18,), "a64": (11,)},
    "unmap-512-pages": {"a32": (22,), "a64": (16,)},
    "unmap-512-pages-tlbi": {"a32": (1,), "a64": (1,)},
    "unmap-512-pages-barriers": {"a32": (1,), "a64": (1,)},
    "unmap-last-page": {"a32": (350,), "a64": (280,)},
    "protect-page": {"a32": (260,), "a64": (200,)},
    "protect-512-pages": {"a32": (22,), "a64": (16,)},
    "query-page": {"a32": (75,), "a64": (50,)},
    "split": {"a32": (4500,), "a64": (3000,)},
    "split-tlbi": {"a32": (3,), "a64": (3,)},
    "map-random": {"a32": (700, 1200), "a64": (500, 900)},
    "unmap-random": {"a32": (950, 1600), "a64": (750, 1200)},
    "unmap-random-left": {"a32": (1,), "a64": (1,)},
    "standard-map": {"a32": (8,), "a64": (8,)},
    "space-switch": {"a32": (25,), "a64": (25,)},
    "user-null-call": {"a32": (90,), "a64": (90,)},
}
# The same in the default build (CHECK=1, CPUS=4).
DEFAULT = {"CHECK": 1, "CPUS": 4}
LIMITS_DEFAULT = {
    "space-switch": {"a32": (45,), "a64": (45,)},
    "user-null-call": {"a32": (90,), "a64": (90,)},
}
TOLERANCE = 1.1  # within this factor of a limit is enough if the rest would cost clarity
NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
ROW = re.compile(rf"^# bench (\S+) (\S+) {NUMBER} {NUMBER} {NUMBER}$", re.MULTILINE)


def measure(arch, build, seconds):
    """What the image prints."""
    machine = machines.Machine(cpu=CPU[arch], build=arch)
    command = machines.qemu_command(machine, build, extra=["-icount", "shift=0"])
    command = [word.replace("ashlar.img", "bench.img") for word in command]
    with Console(command, os.path.join(build, "bench.log"), limit=seconds) as console:
        match = console.expect(r"^# bench (end|failed.*)$|^\*\*\* stopped.*")
        if match[1] != "end":
            raise ConsoleError(match[0])
        return console.text


def number(text):
    return float(text) if "." in text else int(text)


def rows(text, arch, check, cpus):
    for match in ROW.finditer(text):
        name, unit = match[1], match[2]
        mean, p99, worst = map(number, match.groups()[2:])
        limits = LIMITS.get(name, {}).get(arch, ())
        build = {"CHECK": check, "CPUS": cpus}
        if build == DEFAULT and name in LIMITS_DEFAULT:
            limits = LIMITS_DEFAULT[name].get(arch, ())
        elif build != MEASURED and name not in ANY_BUILD:
            limits = ()
        limit, limit_worst = (*limits, None, None)[:2]
        yield {"name": name, "unit": unit, "check": check, "cpus": cpus, "limit": limit,
               "limit_worst": limit_worst, "mean": mean, "p99": p99, "worst": worst}


def verdict(row):
    """How the row stands to its limits."""
    factor = max((row[value] / row[limit]
                  for limit, value in (("limit", "mean"), ("limit_worst", "worst"))
                  if row[limit] is not None), default=0)
    return "" if factor <= 1 else "near" if factor <= TOLERANCE else "OVER"


def show(value):
    return "-" if value is None else f"{value:,}"


def table(measured, beside):
    """The rows with limits, and the means of the other build beside them."""
    other = {row["name"]: row for row in beside}
    lines = [("name", "unit", "limit", "mean", "p99", "limit", "worst", "default: mean", "worst",
              "")]
    for row in measured:
        default = other.get(row["name"], {})
        lines.append((row["name"], row["unit"], show(row["limit"]), show(row["mean"]),
                      show(row["p99"]), show(row["limit_worst"]), show(row["worst"]),
                      show(default.get("mean")), show(default.get("worst")), verdict(row)))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [f"{cell:<{width}}" if i < 2 else f"{cell:>{width}}"
                 for i, (cell, width) in enumerate(zip(line, widths))]
        yield "  ".join(cells).rstrip()


def readme(text, arch, measured):
    """The text with the table between this architecture's marks made anew."""
    start, end = f"<!-- bench {arch} -->\n", f"<!-- end {arch} -->"
    lines = ["| operation | unit | at most | mean | worst |", "|---|---|---|---|---|"]
    for row in measured:
        limit = show(row["limit"])
        if row["limit_worst"] is not None:
            limit += f" ({show(row['limit_worst'])})"
        lines.append(f"| {row['name']} | {row['unit']} | {limit} | {show(row['mean'])} "
                     f"| {show(row['worst'])} |")
    before, after = text.split(start)[0], text.split(end)[1]
    return before + start + "\n".join(lines) + "\n" + end + after


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", required=True, choices=sorted(CPU))
    parser.add_argument("--json", required=True)
    parser.add_argument("--readme", help="file whose table is made anew")
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("builds", nargs="+", help="CHECK=<n>:CPUS=<n>:<folder>")
    args = parser.parse_args()
    results = []
    for build in args.builds:
        check, cpus, folder = build.split(":", 2)
        check, cpus = (int(word.split("=")[1]) for word in (check, cpus))
        try:
            text = measure(args.arch, folder, args.timeout)
        except ConsoleError as error:
            print(f"bench: {folder}: {error}", file=sys.stderr)
            return 1
        results.append(list(rows(text, args.arch, check, cpus)))
    measured, *others = results
    absent = sorted(set(LIMITS) - {row["name"] for row in measured})
    for name in absent:
        print(f"bench: {name}: not measured", file=sys.stderr)
    print("\n".join(table(measured, others[0] if others else [])))
    everything = [row for result in results for row in result]
    with open(args.json, "w", encoding="utf-8") as file:
        json.dump(everything, file, indent=1)
        file.write("\n")
    if args.readme:
        with open(args.readme, encoding="utf-8") as file:
            text = file.read()
        with open(args.readme, "w", encoding="utf-8") as file:
            file.write(readme(text, args.arch, measured))
    return 1 if absent or any(verdict(row) == "OVER" for row in everything) else 0


if __name__ == "__main__":
    sys.exit(main())
