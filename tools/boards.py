# SPDX-License-Identifier: MIT
"""Boards that QEMU models, beside virt: board/<name>/machine.toml says how a board is started.
Called by itself, it makes the README's table of them anew.

    title = "..."           the board's name in full, and its processors
    machine = "..."         QEMU's -M
    cpu = "..."             -cpu; left out: the machine's only one
    ram = "1G"              what the firmware must find; QEMU's -m is `mem` where it differs
    smp = 2                 -smp
    serial = 0              which of the serial ports is the firmware's console
    loader_serial = 1       another one, which a boot loader talks on; left out: the same. What both
                            say is seen; what is typed goes to the one with the higher number until
                            one types Ctrl-A c
    power_off = true        false: `off` can only stop the CPUs

    [boot.NAME]             a way to boot; `make run BOOT=NAME`, the first if nothing is said
    what = "..."            in words: what is started, and how
    arch = ["a32"]          execution states of the image; left out: a32
    arguments = [...]       more of QEMU's command line; {build} is the folder of the images. An
                            image that could not be made here has a file with the reason beside
                            it, IMAGE.skipped: the row is skipped then
    card = "{build}/x.img"  the image of a memory card, as a person writes it: the machine gets a copy
                            that random data follows; {disk} in the arguments is that copy
    reads_card = true       the firmware reads all of the card, and writes to its end (tools/disk.py)
    entered = "..."         what the firmware's banner must say
    smp, ram, machine, ...  as above, where this way differs
    steps = [{expect = "..."}, {send = "..."}]   what a person does at the loader's prompt
    test = false            not a row of `make test`

    [bench]                 how the image that measures is started, {build}/bench.img or .bin or .elf:
                            a job of `make test`; words as above
"""

import glob
import os
import re
import sys
import tomllib
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
QEMU = {"a32": "qemu-system-arm", "a64": "qemu-system-aarch64"}
TURNS = 4  # CPUs, from which on QEMU runs one at a time
README = os.path.join(ROOT, "README.md")
TABLE = re.compile(r"(<!-- boards -->\n).*(<!-- end boards -->)", re.DOTALL)
WORDS = {"title", "machine", "cpu", "ram", "mem", "smp", "serial", "loader_serial", "power_off", "arch",
         "what", "arguments", "entered", "steps", "test", "qemu", "image", "card", "reads_card"}


@dataclass(frozen=True)
class BoardMachine:
    """One way to boot one board in one execution state; what run.py needs of a machine."""
    board: str
    entry: str
    arch: str
    machine: str
    entered: str
    ram: str
    what: str
    title: str
    cpu: str = ""
    mem: str = ""
    smp: int = 1
    serial: int = 0
    loader_serial: int = -1
    power_off: bool = True
    qemu: str = ""
    image: str = "ashlar"
    card: str = ""
    reads_card: bool = False
    arguments: tuple = field(default=())
    steps: tuple = field(default=())

    has_disk = False

    @property
    def name(self):
        """Of its row in `make test`."""
        return f"{self.board} {self.entry} {self.arch}"

    @property
    def elf(self):
        return f"{self.image}.elf"

    @property
    def build(self):
        return self.arch

    @property
    def can_power_off(self):
        return self.power_off

    def command(self, build, disk=None, serial="stdio", reboot=False, extra=()):
        """QEMU's command line; `serial` is what the firmware's console is connected to."""
        command = [self.qemu or QEMU[self.arch], "-M", self.machine,
                   *(["-cpu", self.cpu] if self.cpu else []), "-m", self.mem or self.ram,
                   "-smp", str(self.smp), "-nic", "none", "-audiodev", "none,id=silent",
                   "-display", "none"]
        if self.smp >= TURNS:
            # A thread each, on a host with fewer processors, wait for what the host does not let
            # run: the CPUs take turns instead, and one that waits gives up its own.
            command += ["-accel", "tcg,thread=single"]
        if serial:
            command += ["-monitor", "none", *self.serial_ports(serial)]
        if not reboot:
            command.append("-no-reboot")
        return [*command, *(word.format(build=build, disk=disk or self.card.format(build=build))
                             for word in self.arguments), *extra]

    @property
    def has_two_consoles(self):
        return self.loader_serial not in (-1, self.serial)

    def serial_ports(self, console):
        """What each serial port is connected to. Two share the console."""
        arguments = []
        ports = {self.serial} | ({self.loader_serial} if self.has_two_consoles else set())
        if self.has_two_consoles and not console.startswith("chardev:"):
            arguments = ["-chardev", f"{console},id=both,mux=on,signal=off"]
            console = "chardev:both"
        for number in range(max(ports) + 1):
            arguments += ["-serial", console if number in ports else "null"]
        return arguments

    def start(self, console):
        for step in self.steps:
            if "expect" in step:
                console.expect(step["expect"])
            else:
                console.send(step["send"])


def machines_of(board, name, settings):
    """One machine for each execution state, from the words of a description."""
    if unknown := set(settings) - WORDS:
        raise ValueError(f"{board}: {name}: unknown: {', '.join(sorted(unknown))}")
    if missing := {"title", "machine", "ram", "what", "entered"} - set(settings):
        raise ValueError(f"{board}: {name}: missing: {', '.join(sorted(missing))}")
    settings = {word: value for word, value in settings.items() if word != "test"}
    for arch in settings.pop("arch", ["a32"]):
        yield BoardMachine(
            board, name.removeprefix("boot."), arch,
            **{**settings, "arguments": tuple(settings.get("arguments", ())),
               "steps": tuple(settings.get("steps", ()))})


def read(board, text):
    """The machines that a board's description gives; ValueError says what is wrong with it."""
    described = tomllib.loads(text)
    described.pop("bench", None)
    boots = described.pop("boot", {})
    if not boots:
        raise ValueError(f"{board}: no [boot.NAME]")
    for name, boot in boots.items():
        settings = {"image": "ashlar", **described, **boot}
        where = "test" if settings.get("test", True) else ""
        for machine in machines_of(board, f"boot.{name}", settings):
            yield where, machine


def read_bench(board, text):
    """The machines that its measurements run on."""
    described = tomllib.loads(text)
    described.pop("boot", None)
    if bench := described.pop("bench", None):
        yield from machines_of(board, "bench", {
            **described, "image": "bench", "what": "the measurements", "entered": "", **bench})


def read_file(board):
    with open(os.path.join(ROOT, "board", board, "machine.toml"), encoding="utf-8") as file:
        return file.read()


def names():
    """Boards with a description, in alphabetical order."""
    return sorted(os.path.basename(os.path.dirname(path))
                  for path in glob.glob(os.path.join(ROOT, "board", "*", "machine.toml")))


def machines(board):
    """[(where it is tested: test or nowhere, BoardMachine)]"""
    return list(read(board, read_file(board)))


def benches():
    """[BoardMachine] of all boards that measure."""
    return [machine for board in names() for machine in read_bench(board, read_file(board))]


def find(board, arch, entry=""):
    """The machine for a person's words, or ValueError."""
    ways = [machine for _, machine in machines(board) if machine.arch == arch]
    for machine in ways:
        if entry in ("", machine.entry):
            return machine
    raise ValueError(f"BOOT={entry}: {board} in {arch} boots by one of: "
                     f"{', '.join(machine.entry for machine in ways)}")


def table():
    """The rows of the README's table, one for each way to boot."""
    tested = {"test": "`make test`", "": "by hand"}
    lines = ["| board | started from | states | entered in | CPUs | RAM | tested by |",
             "|---|---|---|---|---|---|---|"]
    for board in names():
        ways = {}
        for where, machine in machines(board):
            ways.setdefault((machine.entry, where), []).append(machine)
        for (_, where), same in ways.items():
            first = same[0]
            lines.append(f"| {first.title} (`{board}`) | {first.what} | "
                         f"{', '.join(machine.arch.upper() for machine in same)} | {first.entered} | "
                         f"{first.smp} | {first.ram} | {tested[where]} |")
    return "\n".join(lines) + "\n"


def with_table(text):
    """The README with the table as it is now."""
    return TABLE.sub(lambda match: match[1] + table() + match[2], text)


def main():
    with open(README, encoding="utf-8") as file:
        text = file.read()
    with open(README, "w", encoding="utf-8") as file:
        file.write(with_table(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
