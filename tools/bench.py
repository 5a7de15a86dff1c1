#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Instruction counts, exact and repeatable: under -icount shift=0 QEMU's cycle counter counts one
per instruction. The table is printed and written to build/bench-<arch>.json.

The firmware's side, on the console:
    boot: <n> cycles from reset to main
    # bench <name> <unit> <mean> <p99> <worst>
"""

import argparse
import json
import os
import re
import sys

import machine as machines
import run
from console import Console, ConsoleError

# Most that an operation may cost: (mean, worst).
LIMITS = {"boot": (2_000_000, 2_000_000)}
BOOT = re.compile(r"boot: ([0-9]+) cycles")
ROW = re.compile(r"^# bench (\S+) (\S+) ([0-9]+) ([0-9]+) ([0-9]+)$", re.MULTILINE)


def measure(build, qemu, limit):
    """The console's text up to the prompt."""
    command = machines.qemu_command(machines.Machine(), build, qemu, extra=["-icount", "shift=0"])
    with Console(command, os.path.join(build, "bench.log"), limit=limit) as console:
        run.wait_for_prompt(console)
        return console.text


def rows(text, check, cpus):
    found = [("boot", "instructions", *[int(m[1])] * 3) for m in BOOT.finditer(text)][:1]
    found += [(m[1], m[2], *map(int, m.groups()[2:])) for m in ROW.finditer(text)]
    for name, unit, mean, p99, worst in found:
        limit, limit_worst = LIMITS.get(name, (None, None))
        yield {"name": name, "unit": unit, "check": check, "cpus": cpus, "limit": limit,
               "limit_worst": limit_worst, "mean": mean, "p99": p99, "worst": worst}


def over(row):
    return any(row[limit] is not None and row[value] > row[limit]
               for limit, value in (("limit", "mean"), ("limit_worst", "worst")))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--qemu", default="qemu-system-arm")
    parser.add_argument("--check", type=int, required=True)
    parser.add_argument("--cpus", type=int, required=True)
    parser.add_argument("--json", required=True)
    parser.add_argument("--timeout", type=float, default=120)
    args = parser.parse_args()
    try:
        table = list(rows(measure(args.build, args.qemu, args.timeout), args.check, args.cpus))
    except ConsoleError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if not table:
        print("bench: the firmware printed no count", file=sys.stderr)
        return 1
    print(f"{'name':<24}{'unit':<14}{'mean':>12}{'p99':>12}{'worst':>12}{'limit':>12}")
    for row in table:
        limit = "-" if row["limit"] is None else f"{row['limit']:,}"
        print(f"{row['name']:<24}{row['unit']:<14}{row['mean']:>12,}{row['p99']:>12,}"
              f"{row['worst']:>12,}{limit:>12}{'  OVER' if over(row) else ''}")
    with open(args.json, "w", encoding="utf-8") as file:
        json.dump(table, file, indent=1)
        file.write("\n")
    return 1 if any(map(over, table)) else 0


if __name__ == "__main__":
    sys.exit(main())
