#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A product's linker script that forgets a symbol gets a link error that names it.

For each symbol that the example's script defines, links without it: either nothing needs it, or the
linker refuses and names it, and the README lists it. What follows `--` is the link command without
script and output.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

DEFINITION = re.compile(r"^\s*(__\w+)\s*=[^=].*;\s*$", re.MULTILINE)


def without(text, symbol):
    return re.sub(rf"^\s*{symbol}\s*=[^=].*;\s*$", "", text, flags=re.MULTILINE)


def link(command, text, folder, name):
    """(linked?, what the linker said)."""
    path = os.path.join(folder, name)
    with open(path + ".ld", "w", encoding="utf-8") as file:
        file.write(text)
    process = subprocess.run([*command, "-T", path + ".ld", "-o", path + ".elf"], check=False,
                             text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return process.returncode == 0, process.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--script", required=True)
    parser.add_argument("--readme", required=True)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with open(args.script, encoding="utf-8") as file:
        text = file.read()
    with open(args.readme, encoding="utf-8") as file:
        listed = set(re.findall(r"__\w+", file.read()))
    symbols = sorted(set(DEFINITION.findall(text)))
    unneeded = set()
    bad = [] if symbols else [f"{args.script}: defines no symbol"]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        good, said = link(args.command, text, folder, "whole")
        if not good:
            bad.append(f"{args.script}: does not link as it is: {said}")
        links = pool.map(lambda s: link(args.command, without(text, s), folder, s), symbols)
        for symbol, (good, said) in zip(symbols, links):
            if good:
                unneeded.add(symbol)
            elif symbol not in said:
                bad.append(f"{symbol}: the error does not name it: {said}")
            elif symbol not in listed:
                bad.append(f"{symbol}: {args.readme} does not list it")
    print(f"needed: {' '.join(sorted(set(symbols) - unneeded))}")
    print(f"not needed: {' '.join(sorted(unneeded)) or 'none'}")
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
