# SPDX-License-Identifier: MIT
"""How CPUs start, as they really did: QEMU logs each instruction that joins coherency (ACTLR.SMP,
CPUECTLR.SMPEN), turns the MMU and the caches on, or is an exclusive load, with the registers before
it. What comes of that is a list of steps, `CPU join|on|off|exclusive`, for the simulated machine
(tests/unit/test_proof_start.c): to QEMU these registers read 0, and it ignores what is written."""

import os
import re
import subprocess

import machine as machines
import run
from console import Console, ConsoleError

PROGRAM = "test_proof_start"
OBJDUMP = {"a32": "arm-none-eabi-objdump", "a64": "aarch64-linux-gnu-objdump"}
# Processors that have such a bit, entered where it may be written.
MACHINES = {
    "a7-hyp": machines.Machine(image="ram", entry="hyp", cpu="cortex-a7", mem="32M", smp=2),
    "a15-svc": machines.Machine(image="ram", entry="svc", cpu="cortex-a15", mem="32M", smp=2),
    "a15-secure": machines.Machine(image="ram", entry="secure", cpu="cortex-a15", mem="32M", smp=2),
    "a53-el3": machines.Machine(build="a64", image="ram", entry="el3", cpu="cortex-a53", mem="32M",
                                smp=2),
    "a72-el3": machines.Machine(build="a64", image="ram", entry="el3", cpu="cortex-a72", mem="32M",
                                smp=4, gic=3),
}
SMP, CACHED = 1 << 6, 0b101  # SMP and SMPEN; C and M of SCTLR
# Instructions by what they are about, the first register being the one that is written.
KINDS = {
    "join": r"mcr(?P<j>eq|)\s+15, 0, (?P<jr>\w+), cr1, cr0, \{1\}"
            r"|mcrr\s+15, 1, (?P<jq>\w+), \w+, cr15|msr\s+s3_1_c15_c2_1, (?P<jx>\w+)",
    "control": r"mcr\s+15, 0, (?P<cr>\w+), cr1, cr0, \{0\}|msr\s+sctlr_el1, (?P<cx>\w+)",
    "exclusive": r"lda?(?:ex|xr|xp)[bhd]?\s|ldrex[bhd]?\s|lda?xr[bh]?\s",
}
SITE = re.compile(r"^\s*([0-9a-f]+):\s+(?:" +
                  "|".join(f"(?P<{kind}>{regex})" for kind, regex in KINDS.items()) + ")",
                  re.MULTILINE)
# QEMU's log: an instruction that is about to run, and the registers.
TRACE = re.compile(r"^Trace ([0-9]+): \S+ \[[0-9a-f]+/([0-9a-f]+)/")
REGISTER = re.compile(r"\b([RX][0-9]{2})=([0-9a-f]+)")
ZERO = re.compile(r"PSR=[0-9a-f]+ .Z")


def sites(text):
    """address -> (kind, register or "", condition), from a disassembly."""
    found = {}
    for match in SITE.finditer(text):
        kind = next(kind for kind in KINDS if match[kind] is not None)
        names = [match[n] for n in ("jr", "jq", "jx", "cr", "cx") if match[n]]
        found[int(match[1], 16)] = (kind, names[0] if names else "", match["j"] or "")
    return found


def register(name):
    """As QEMU writes it: x1 -> X01, r0 -> R00; "" for the zero register."""
    return f"{name[0].upper()}{int(name[1:]):02}" if name[1:].isdigit() else ""


def events(log, known):
    """(CPU, kind, value, condition holds) for each instruction of `known` that the log shows."""
    current, registers, zero = None, {}, False
    for line in [*log, "Trace 0: end [0/0/0]"]:
        if match := TRACE.match(line):
            if current:
                kind, name, condition = known[current[1]]
                value = registers.get(register(name), 0) if name else 0
                yield current[0], kind, value, not condition or zero
            address = int(match[2], 16)
            current = (int(match[1]), address) if address in known else None
            registers, zero = {}, False
        else:
            registers.update((name, int(value, 16)) for name, value in REGISTER.findall(line))
            zero = zero or ZERO.search(line) is not None


def steps(happened):
    """The list for the simulated machine, without what changes nothing: later exclusives of a CPU,
    registers that are written again."""
    state, result = {}, []
    for cpu, kind, value, holds in happened:
        known = state.setdefault(cpu, {"join": False, "on": False, "exclusive": False})
        if kind == "join" and holds and value & SMP and not known["join"]:
            known["join"] = True
            result.append(f"{cpu} join")
        elif kind == "control" and bool(value & CACHED) != known["on"]:
            known["on"] = not known["on"]
            result.append(f"{cpu} {'on' if known['on'] else 'off'}")
        elif kind == "exclusive" and not known["exclusive"]:
            known["exclusive"] = True
            result.append(f"{cpu} exclusive")
    return result


def record(machine, build, log):
    """Starts all CPUs of the machine; the steps."""
    elf = os.path.join(build, "ashlar-ram.elf")
    text = subprocess.run([OBJDUMP[machine.arch], "-d", "--no-show-raw-insn", elf], check=True,
                          text=True, stdout=subprocess.PIPE).stdout
    known = sites(text)
    trace = f"{log}.trace"
    extra = ["-append", "notest", "-accel", "tcg,thread=single", "-singlestep", "-D", trace,
             "-d", "exec,cpu,nochain", "-dfilter", ",".join(f"{a:#x}+4" for a in sorted(known))]
    try:
        with Console(machine.command(build, extra=extra), log, limit=100) as console:
            run.wait_for_prompt(console)
            console.send("cpus\r")
            console.expect(rf"^  CPU {machine.smp - 1}  waits for calls")
        with open(trace, encoding="latin-1") as file:
            return steps(events(file, known))
    finally:
        if os.path.exists(trace):
            os.unlink(trace)


def judge(name, build, program, log):
    """One result: what the simulated machine says to the steps of this start."""
    machine = MACHINES[name]
    try:
        found = record(machine, build, log)
    except ConsoleError as error:
        return [run.check(name, str(error))]
    path = f"{log}.steps"
    with open(path, "w", encoding="ascii") as file:
        file.write("".join(f"{step}\n" for step in found))
    with open(log, "a", encoding="latin-1") as file:
        file.write("\n" + "\n".join(found) + "\n")
    process = subprocess.run([program, path, str(machine.smp)], check=False, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with open(log, "a", encoding="latin-1") as file:
        file.write(process.stdout)
    lines = process.stdout.strip().splitlines()
    return [run.check(name, "" if process.returncode == 0 else lines[-1] if lines else "no verdict")]
