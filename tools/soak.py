#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The long run on the target: boots an image with several CPUs, and lets the firmware's `soak` make,
run and destroy spaces for as long as asked. Everything must then be as it was."""

import argparse
import os
import re
import sys

import machine as machines
from console import Console, ConsoleError
from run import wait_for_prompt

BOOT_SECONDS = 180  # the self-tests come first


def soak(machine, build, seconds, log):
    """What is wrong, or ""; prints what the firmware says."""
    limit = 2 * seconds + 60
    command = machine.command(build)
    with Console(command, log, limit=BOOT_SECONDS + limit) as console:
        try:
            wait_for_prompt(console, BOOT_SECONDS)
            console.send(f"soak {seconds}\r")
            end = console.expect(r"^soak: .*(as it was|FAILED)$|^\*\*\* stopped.*", limit)
        except ConsoleError as error:
            return str(error)
    for line in re.findall(r"^soak: .*$", console.text, re.MULTILINE):
        print(f"  {line.strip()}", flush=True)
    return "" if end[1] == "as it was" else end[0].strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--smp", type=int, required=True)
    parser.add_argument("builds", nargs="+", metavar="BUILD=FOLDER")
    args = parser.parse_args()
    failed = 0
    os.makedirs("build/logs", exist_ok=True)
    for words in args.builds:
        build, folder = words.split("=")
        cpu = "cortex-a15" if build == "a32" else "cortex-a53"
        machine = machines.Machine(build=build, cpu=cpu, smp=args.smp)
        print(f"{build}, {machine.cpu}, {args.smp} CPUs, {args.seconds} seconds:", flush=True)
        log = f"build/logs/soak-{build}.log"
        wrong = soak(machine, folder, args.seconds, log)
        if wrong:
            print(f"  FAILED: {wrong} ({log})")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
