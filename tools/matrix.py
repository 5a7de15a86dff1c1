# SPDX-License-Identifier: MIT
"""The list of machines in tests/machines/matrix.txt."""

import os

import machine as machines

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATH = os.path.join(ROOT, "tests", "machines", "matrix.txt")


def read(lines):
    """(name, Machine) of each row; ValueError names a bad line."""
    rows = []
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            name, build, image, entry, cpu, mem, smp, gic, edu = words
            rows.append((name, machines.Machine(image, entry, cpu, mem, int(smp), int(gic), build,
                                                edu)))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    return rows


def rows():
    with open(PATH, encoding="utf-8") as file:
        return read(file)


def host_memory():
    """Bytes that the host could give to a machine now."""
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 0


def why_not(machine):
    """Why this host cannot run the machine, or ""."""
    needed = machines.memory_bytes(machine.ram) + (256 << 20)
    if host_memory() < needed:
        return f"the host has less than {needed >> 20} MiB of memory to spare"
    return ""
