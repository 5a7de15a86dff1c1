# SPDX-License-Identifier: MIT
"""Scripted sessions at the firmware's prompt: tests/machines/*.script.

    machine image=ram entry=hyp     how to boot; before the first section (default: flash, plainly)
    arch a32 a64                    the architectures to run on (default: a32)
    append notest                   the command line of the machine; only for the image ram
    qemu -blockdev ...              more options of QEMU
    tree / { x { y = <1>; }; };     is added to the device tree, which is QEMU's own otherwise
    [name]                          a section is one test; it starts at the prompt
    send mem                        types a line
    type he\\x7f                     types without the return key; Python's escapes count
    expect .text .* r-x             waits for a regular expression, after what was matched before
    never regex                     must not stand between the last match and the next prompt
    final                           the prompt does not come back: a fresh machine for this section
    gone                            QEMU ends by itself
    arch a64                        in a section: only on this architecture
    a64 expect EL1                  a step for this architecture only

Sections without `final` share one machine; after a failure the next one gets a new one.
"""

import os
import re
import shlex
import subprocess
from dataclasses import dataclass, field, replace

import machine as machines
import run
from console import Console, ConsoleError

PATIENCE = 30.0  # seconds for one answer, on a host that is busy with others


@dataclass
class Section:
    name: str
    steps: list = field(default_factory=list)
    arches: tuple = ()  # none: all of the script's

    def on(self, arch):
        steps = [step for step in self.steps if step[0] not in machines.ENTRIES or step[0] == arch]
        return replace(self, steps=[
            tuple(rest.partition(" ")[::2]) if word == arch else (word, rest)
            for word, rest in steps])

    @property
    def final(self):
        return any(word in ("final", "gone") for word, _ in self.steps)


@dataclass
class Script:
    machine: machines.Machine
    sections: list
    append: str = ""
    qemu: list = field(default_factory=list)
    tree: str = ""
    arches: tuple = ("a32",)

    def on(self, arch):
        """The same on an architecture: its machine, and the sections that are for it."""
        if arch not in self.arches:
            raise ValueError(f"not for {arch}")
        machine = self.machine if arch == "a32" else replace(self.machine, entry="", build=arch)
        return replace(self, machine=machine, sections=[
            section.on(arch) for section in self.sections
            if not section.arches or arch in section.arches])


WORDS = ("send", "type", "expect", "never", "final", "gone")


def step(word, rest):
    """Whether this is one, of all architectures or of one."""
    if word in machines.ENTRIES:
        word, _, rest = rest.partition(" ")
    if word in ("expect", "never"):
        re.compile(rest)
    return word in WORDS


def read(lines):
    options, sections, append, qemu, tree, arches = {}, [], "", [], "", ("a32",)
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\n")
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.strip().partition(" ")
        if match := re.fullmatch(r"\[([\w-]+)\]", line.strip()):
            if match[1] in (section.name for section in sections):
                raise ValueError(f"line {number}: a second [{match[1]}]")
            sections.append(Section(match[1]))
        elif word == "machine" and not sections:
            options.update(part.split("=", 1) for part in rest.split())
        elif word == "append" and not sections:
            append = rest
        elif word == "qemu" and not sections:
            qemu += shlex.split(rest)
        elif word == "tree" and not sections:
            tree += rest + "\n"
        elif word == "arch" and rest and not set(rest.split()) - set(machines.ENTRIES):
            if sections:
                sections[-1].arches = tuple(rest.split())
            else:
                arches = tuple(rest.split())
        elif sections and step(word, rest):
            sections[-1].steps.append((word, rest))
        else:
            raise ValueError(f"line {number}: not understood: {line!r}")
    for number in ("smp", "gic"):
        if number in options:
            options[number] = int(options[number])
    return Script(machines.Machine(**options), sections, append, qemu, tree, arches)


def load(path):
    with open(path, encoding="utf-8") as file:
        try:
            return read(file)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def unescape(text):
    return text.encode("latin-1").decode("unicode_escape")


def expect(console, regex):
    """Waits for the regular expression; a machine that has stopped for good says nothing more."""
    try:
        match = console.expect(rf"(?:{regex})|^\*\*\* stopped.*", PATIENCE)
    except ConsoleError:
        raise ConsoleError(f"no {regex!r}; last line: {console.last_line()!r}") from None
    if not re.search(regex, match[0], re.MULTILINE):
        raise ConsoleError(f"no {regex!r} before the machine stopped")


def play(console, section):
    """Runs the steps; raises ConsoleError at the first that fails."""
    nevers = []
    for word, rest in section.steps:
        if word == "send":
            console.send(unescape(rest) + "\r")
        elif word == "type":
            console.send(unescape(rest))
        elif word == "expect":
            expect(console, rest)
        elif word == "never":
            nevers.append(rest)
        elif word == "gone" and not console.wait_exit(PATIENCE):
            raise ConsoleError("QEMU still runs")
    start = console.position
    if not section.final:
        console.expect(rf"^{re.escape(machines.PROMPT)}", PATIENCE)
    for regex in nevers:
        if match := re.search(regex, console.text[start:]):
            raise ConsoleError(f"{match[0]!r} must not be there")


def make_tree(script, build, path):
    """The machine's own device tree with the script's text added, as the file `path`."""
    command = script.machine.command(build)
    command = command[:command.index("-nic") + 2]
    command[command.index("-M") + 1] += f",dumpdtb={path}.own"
    quiet = {"check": True, "stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, timeout=PATIENCE, **quiet)
    own = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", f"{path}.own"],
                         stdout=subprocess.PIPE, **quiet).stdout
    with open(f"{path}.dts", "wb") as file:
        file.write(own + script.tree.encode())
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", path, f"{path}.dts"], **quiet)


def boot(script, build, log, reboot):
    extra = ["-append", script.append] if script.append else []
    extra += script.qemu
    if script.tree:
        make_tree(script, build, f"{log}.dtb")
        extra += ["-dtb", f"{log}.dtb"]
    console = Console(script.machine.command(build, reboot=reboot, extra=extra),
                      log, limit=180)
    try:
        script.machine.start(console)
        run.wait_for_prompt(console, 60)
    except ConsoleError:
        console.close()
        raise
    return console


def run_sections(script, sections, build, log):
    """One result for each section, on one machine as long as nothing fails."""
    results = []
    console = None
    for index, section in enumerate(sections):
        wrong = ""
        try:
            if console is None:
                path = log if index == 0 else f"{log}.{index}"
                resets = any("reset" in rest for _, rest in section.steps)
                console = boot(script, build, path, resets or not section.final)
            play(console, section)
        except ConsoleError as error:
            wrong = str(error)
        results.append(run.check(section.name, wrong))
        if console and (wrong or section.final):
            console.close()
            console = None
    if console:
        console.close()
    return results


def jobs(path):
    """(name, architecture, script, sections) of what can run at the same time."""
    loaded = load(path)
    base = os.path.basename(path).removesuffix(".script")
    for arch in loaded.arches:
        script = loaded.on(arch)
        shared = [section for section in script.sections if not section.final]
        if shared:
            yield base, arch, script, shared
        for section in script.sections:
            if section.final:
                yield f"{base}/{section.name}", arch, script, [section]
