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

MEASURED = (0, 1)  # CHECK and CPUS of the build that all rows are shown of
DEFAULT = (1, 4)   # and of the one whose figures stand beside them
IMAGES = ("bench", "bench-libc")  # the second measures the C library's own allocator
CPU = {"a32": "cortex-a15", "a64": "cortex-a53"}
FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench")
LIMITS = os.path.join(FOLDER, "limits.txt")
PEERS = os.path.join(FOLDER, "peers.txt")
TOLERANCE = 1.1  # within this factor of a limit is enough if the rest would cost clarity
NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
ROW = re.compile(rf"^# bench (\S+) (\S+) {NUMBER} {NUMBER} {NUMBER}$", re.MULTILINE)


def read_limits(path=LIMITS):
    """{name: {(check, cpus): {arch: (mean, worst, missed)}}} of the file; None: no limit."""
    limits = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            if not words:
                continue
            name, check, cpus, *most = words
            missed = most[4:] == ["missed"]
            if len(most) != 4 + missed:
                raise ValueError(f"{path}: {line.strip()}: 7 words wanted, and perhaps `missed`")
            most = [None if word == "-" else number(word) for word in most[:4]]
            build = tuple(None if word == "any" else int(word) for word in (check, cpus))
            limits.setdefault(name, {})[build] = {
                "a32": (*most[:2], missed), "a64": (*most[2:], missed)}
    return limits


def limit_of(limits, name, build, arch):
    """(mean, worst, whether it is known to be missed) that hold for a row of this build."""
    of_name = limits.get(name, {})
    for key in (build, (None, None)):
        if key in of_name:
            return of_name[key][arch]
    return None, None, False


def measure(arch, build, cpus, seconds):
    """What the images print, and what the build found."""
    text = ""
    for image in IMAGES:
        if os.path.exists(os.path.join(build, f"{image}.img")):
            text += run(image, arch, build, cpus, seconds) + "\n"
    code = os.path.join(build, "bench-code.txt")
    if os.path.exists(code):
        with open(code, encoding="ascii") as file:
            text += file.read()
    return text


def run(image, arch, build, cpus, seconds):
    """What one image prints."""
    machine = machines.Machine(cpu=CPU[arch], build=arch, smp=cpus)
    command = [word.replace("ashlar.img", f"{image}.img") for word in machine.command(build)]
    return run_command(command, os.path.join(build, f"{image}.log"), seconds)


def run_command(command, log, seconds):
    """What the machine prints that this command starts."""
    with Console([*command, "-icount", "shift=0"], log, limit=seconds) as console:
        match = console.expect(r"^# bench (end|failed.*)$|^\*\*\* stopped.*")
        if match[1] != "end":
            raise ConsoleError(match[0])
        return console.text


def smoke(command, log, seconds):
    """Whether the image of the default build measures all that has a limit there; "" or what is
    wrong. The figures of other boards than virt are nobody's concern."""
    try:
        text = run_command(command, log, seconds)
    except ConsoleError as error:
        return str(error)
    found = {match[1] for match in ROW.finditer(text)}
    wanted = {name for name, builds in read_limits().items()
              if DEFAULT in builds or (None, None) in builds}
    return ", ".join(f"{name} is not measured" for name in sorted(wanted - found))


def number(text):
    return float(text) if "." in text else int(text)


def rows(text, arch, check, cpus, limits):
    for match in ROW.finditer(text):
        name, unit = match[1], match[2]
        mean, p99, worst = map(number, match.groups()[2:])
        limit, limit_worst, missed = limit_of(limits, name, (check, cpus), arch)
        yield {"name": name, "unit": unit, "check": check, "cpus": cpus, "limit": limit,
               "limit_worst": limit_worst, "missed": missed, "mean": mean, "p99": p99, "worst": worst}


def shown(results):
    """The rows of the table: all of one build, and of the others those with limits of their own."""
    order = {}
    for row in results:
        order.setdefault(row["name"], len(order))
    chosen = [row for row in results
              if (row["check"], row["cpus"]) == MEASURED or row["limit"] is not None
              or row["limit_worst"] is not None]
    return sorted(chosen, key=lambda row: (order[row["name"]], row["cpus"], row["check"]))


def verdict(row):
    """How the row stands to its limits."""
    factor = max((row[value] / row[limit] if row[limit] else 2 * row[value]
                  for limit, value in (("limit", "mean"), ("limit_worst", "worst"))
                  if row[limit] is not None), default=0)
    if factor <= TOLERANCE:
        return "" if factor <= 1 else "near"
    return "missed" if row["missed"] else "OVER"


def show(value):
    return "-" if value is None else f"{value:,}"


def table(results):
    """The rows, and the figures of the default build beside them."""
    other = {row["name"]: row for row in results if (row["check"], row["cpus"]) == DEFAULT}
    lines = [("name", "unit", "CHECK", "CPUS", "limit", "mean", "p99", "limit", "worst",
              "default: mean", "worst", "")]
    for row in shown(results):
        default = other.get(row["name"], {})
        lines.append((row["name"], row["unit"], str(row["check"]), str(row["cpus"]),
                      show(row["limit"]), show(row["mean"]), show(row["p99"]),
                      show(row["limit_worst"]), show(row["worst"]),
                      show(default.get("mean")), show(default.get("worst")), verdict(row)))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [f"{cell:<{width}}" if i < 2 else f"{cell:>{width}}"
                 for i, (cell, width) in enumerate(zip(line, widths))]
        yield "  ".join(cells).rstrip()


def read_peers(path=PEERS):
    """(work, peers, (check, cpus), rows, "mean" or "worst") of each line."""
    peers = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                work, others, build, names, which = (word.strip() for word in line.split(";"))
                if which not in ("mean", "worst"):
                    raise ValueError(f"{path}: {which}: mean or worst")
                peers.append((work, others, tuple(map(int, build.split())),
                              [name.strip() for name in names.split("/")], which))
    return peers


def peers_table(results, peers):
    """What others need for the same work, and what was measured here; lines of Markdown."""
    measured = {(row["name"], row["check"], row["cpus"]): row for row in results}
    yield "| work | CHECK | CPUS | others | at most | Ashlar |"
    yield "|---|---|---|---|---|---|"
    for work, others, build, names, which in peers:
        found = [measured[name, *build] for name in names]
        limit = "limit" if which == "mean" else "limit_worst"
        cells = [work, str(build[0]), str(build[1]), others,
                 "/".join(show(row[limit]) for row in found),
                 "/".join(show(row[which]) for row in found)]
        yield f"| {' | '.join(cells)} |"


def between(text, start, end, lines):
    """The text with the lines between the two marks; as it was if it has no such marks."""
    if start not in text:
        return text
    before, after = text.split(start)[0], text.split(start)[1].split(end, 1)[1]
    return before + start + "\n".join(lines) + "\n" + end + after


def with_tables(text, arch, results, peers):
    """The text with this architecture's tables made anew."""
    text = between(text, f"<!-- peers {arch} -->\n", f"<!-- end peers {arch} -->",
                   peers_table(results, peers) if f"<!-- peers {arch} -->" in text else [])
    lines = ["| operation | unit | CHECK | CPUS | at most | mean | p99 | worst |",
             "|---|---|---|---|---|---|---|---|"]
    for row in shown(results):
        limit = show(row["limit"])
        if row["limit_worst"] is not None:
            limit += f" ({show(row['limit_worst'])})"
        lines.append(f"| {row['name']} | {row['unit']} | {row['check']} | {row['cpus']} | {limit} "
                     f"| {show(row['mean'])} | {show(row['p99'])} | {show(row['worst'])} |")
    return between(text, f"<!-- bench {arch} -->\n", f"<!-- end {arch} -->", lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", required=True, choices=sorted(CPU))
    parser.add_argument("--json", required=True)
    parser.add_argument("--tables", action="append", default=[], metavar="FILE",
                        help="file whose tables are made anew")
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("builds", nargs="+", help="CHECK=<n>:CPUS=<n>:<folder>")
    args = parser.parse_args()
    limits = read_limits()
    results = []
    for build in args.builds:
        check, cpus, folder = build.split(":", 2)
        check, cpus = (int(word.split("=")[1]) for word in (check, cpus))
        try:
            text = measure(args.arch, folder, cpus, args.timeout)
        except ConsoleError as error:
            print(f"bench: {folder}: {error}", file=sys.stderr)
            return 1
        results += rows(text, args.arch, check, cpus, limits)
    peers = read_peers()
    wanted = set(limits).union(*(names for _, _, _, names, _ in peers))
    absent = sorted(wanted - {row["name"] for row in results})
    for name in absent:
        print(f"bench: {name}: not measured", file=sys.stderr)
    print("\n".join(table(results)))
    with open(args.json, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    for path in [] if absent else args.tables:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(with_tables(text, args.arch, results, peers))
    return 1 if absent or any(verdict(row) == "OVER" for row in results) else 0


if __name__ == "__main__":
    sys.exit(main())
