#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boots an image under QEMU.

With a terminal on standard input the serial console is there, with the firmware's prompt. Without
one the self-tests run, the machine is powered off, and the exit status is the verdict: the parsed
TAP, the disk's contents and a time limit, never QEMU's exit status.
"""

import argparse
import os
import re
import subprocess
import sys
from dataclasses import replace

import boards
import debugger
import disk as disks
import machine as machines
import tap
from console import Console, ConsoleError


def check(name, wrong=""):
    return tap.Result(name, tap.FAILED if wrong else tap.OK, wrong)


def judge(text, disk):
    """The results of a run: its TAP, and the disk's checks."""
    stream = tap.Tap()
    for line in text.splitlines():
        stream.feed(line)
    problems = stream.finish()
    results = list(stream.results)
    results += [check("tap", problem) for problem in problems]
    if disk:
        results += [check(name, wrong) for name, wrong in disk.verify(stream.notes)]
    return results


def wait_for_prompt(console, seconds=None):
    """Waits for the prompt, which comes after the self-tests. A bail-out or a fatal report ends the
    wait early."""
    match = console.expect(rf"^{re.escape(machines.PROMPT)}|^Bail out!.*|^\*\*\* stopped.*", seconds)
    if match[0] != machines.PROMPT:
        console.read(1.0)
        raise ConsoleError(match[0].strip())


def check_banner(text, machine):
    """What the firmware says it found must be the machine that it was given."""
    entered = re.search(r"entered in (.*)$", text, re.MULTILINE)
    found = entered[1] if entered else "no banner"
    megabytes = sum(int(size) for size in re.findall(r"^  RAM .* (\d+) MiB", text, re.MULTILINE))
    return [check("entered as started", "" if found == machine.entered else f"{found}, not {machine.entered}"),
            check("finds all RAM", "" if megabytes << 20 == machines.memory_bytes(machine.ram)
                  else f"{megabytes} MiB of {machine.ram}")]


def power_off(console, machine):
    """Sees whether `off` does what it can; "" or what is wrong."""
    if not machine.can_power_off:
        try:
            console.expect(r"this board cannot power off; stopped")
        except ConsoleError:
            return "`off` does not say that the machine cannot"
        return ""
    return "" if console.wait_exit() else "QEMU still runs after `off`"


def run_self_tests(machine, build, disk=None, log=None, echo=None, limit=60.0, extra=()):
    """Boots, lets the self-tests run, powers off; a list of results."""
    command = machine.command(build, disk and disk.path, extra=extra)
    results = []
    with Console(command, log, echo, limit) as console:
        wrong = ""
        try:
            machine.start(console)
            started = console.position
            wait_for_prompt(console)
            end = console.position
        except ConsoleError as error:
            wrong = str(error)
            started, end = 0, len(console.text)
        results.append(check("reaches the prompt", wrong))
        if not wrong:
            console.send("off\r")
            results.append(check("powers off", power_off(console, machine)))
        text = console.text[started:end]
    return judge(text, disk) + check_banner(text, machine) + results


def run_interactive(machine, build, disk, log):
    """The console is this terminal; the verdict comes from the log when QEMU has ended."""
    command = machine.command(
        build, disk and disk.path, serial="chardev:console", reboot=True,
        extra=["-chardev", f"stdio,id=console,mux=on,signal=off,logfile={log}",
               "-mon", "chardev=console"])
    print("The console is yours. `off` ends the machine; so does Ctrl-A x.", flush=True)
    subprocess.run(command, check=False)
    with open(log, encoding="latin-1") as file:
        text = file.read().replace("\r", "")
    end = text.find("\n" + machines.PROMPT)
    return judge(text[:end] if end >= 0 else text, disk)


def report(results, stream):
    """Prints what failed or was skipped and a line of counts; True if nothing failed."""
    count = {tap.OK: 0, tap.FAILED: 0, tap.SKIPPED: 0}
    for result in results:
        count[result.status] += 1
        if result.status != tap.OK:
            print(f"{result.status}: {result.name}{': ' if result.why else ''}{result.why}",
                  file=stream)
    skipped = f", {count[tap.SKIPPED]} skipped" if count[tap.SKIPPED] else ""
    print(f"{count[tap.OK]} passed, {count[tap.FAILED]} failed{skipped}", file=stream)
    return count[tap.FAILED] == 0


def boot(args, machine, disk):
    log = os.path.join(args.build, "console.log")
    if args.debug:
        return debugger.interactive(machine, args.build, disk, log, args.gdb)
    if sys.stdin.isatty():
        results = run_interactive(machine, args.build, disk, log)
    else:
        results = run_self_tests(machine, args.build, disk, log, sys.stdout, args.timeout)
    print()
    return 0 if report(results, sys.stdout) else 1


def machine_of(args):
    """The machine that the options describe."""
    if args.board != "virt":
        machine = boards.find(args.board, args.arch, args.entry)
        return replace(machine, ram=args.mem or machine.ram, mem=args.mem or machine.mem,
                       smp=args.smp or machine.smp)
    machine = machines.for_processor(
        machines.Machine(args.image, args.entry, args.cpu, args.mem or "512M", args.smp or 1,
                         args.gic, args.arch, args.edu), args.cpu)
    if machine.cpu != args.cpu:
        print(f"{machine.qemu} has no {args.cpu}: running on {machine.cpu}")
    return machine


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="folder of the images")
    parser.add_argument("--board", default="virt", choices=["virt", *boards.names()])
    parser.add_argument("--arch", default="a32", choices=sorted(machines.ENTRIES))
    parser.add_argument("--image", default="flash", choices=machines.IMAGES)
    parser.add_argument("--entry", default="", help="on virt: " + "; ".join(
        f"{arch}: {', '.join(entries)}" for arch, entries in machines.ENTRIES.items()))
    parser.add_argument("--cpu", default="max")
    parser.add_argument("--mem", default="", help="such as 512M; what the machine has by itself")
    parser.add_argument("--smp", type=int, default=0, help="CPUs; as many as the machine has")
    parser.add_argument("--gic", type=int, default=2)
    parser.add_argument("--edu", default="31", choices=machines.EDU_BITS,
                        help="bits of addresses that the PCI device reaches")
    parser.add_argument("--no-disk", action="store_true")
    parser.add_argument("--seed", type=int, help="seed of the disk's random data")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds")
    parser.add_argument("--debug", action="store_true", help="halt, and attach a debugger")
    parser.add_argument("--gdb", default="gdb-multiarch")
    args = parser.parse_args()

    try:
        machine = machine_of(args)
    except ValueError as error:
        sys.exit(str(error))
    disk = None
    if machine.card or not args.no_disk:
        disk = disks.of_machine(machine, args.build,
                                os.path.join(args.build, f"disk-{os.getpid()}.raw"), args.seed)
    if disk:
        print(disk)
    try:
        return boot(args, machine, disk)
    finally:
        if disk:
            os.unlink(disk.path)


if __name__ == "__main__":
    sys.exit(main())
