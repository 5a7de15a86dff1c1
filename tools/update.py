# SPDX-License-Identifier: MIT
"""Tests of the slots (docs/update.md): what the selector makes of any content of the flash, and
what is left of an update that a power cut ends."""

import os
import signal
import struct
import sys
import zlib
from types import SimpleNamespace

import machine as machines
import run
import script
import slot as slots
from console import Console, ConsoleError
from gdbstub import Stub, StubError

PATIENCE = 60.0  # seconds for one answer, on a host that is busy with others
REGISTERS = {"a32": (4, range(3)), "a64": (8, range(4))}  # bytes, and those of a loader


def write_bank(path, places):
    """A flash bank as a sparse file; places: offset -> bytes."""
    with open(path, "wb") as file:
        file.truncate(slots.BANK_BYTES)
        for offset, data in places.items():
            file.seek(offset)
            file.write(data)


def versioned(data, version):
    """A slot's content, with another version."""
    fields = list(struct.unpack_from("<7I", data))
    fields[slots.FIELDS.index("version")] = version
    words = struct.pack("<7I", *fields)
    return words + struct.pack("<I", zlib.crc32(words)) + data[32:]


def with_field(data, **changed):
    """A slot's content with other fields in its header, whose CRC is right."""
    fields = list(struct.unpack_from("<7I", data))
    for name, value in changed.items():
        fields[slots.FIELDS.index(name)] = value
    words = struct.pack("<7I", *fields)
    return words + struct.pack("<I", zlib.crc32(words)) + data[32:]


def with_byte(data, at):
    """The same with one bit flipped."""
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]


def selections(arch, a, b):
    """name -> (slot A, slot B, lines of the selector); None: that is empty."""
    other = {"a32": 183, "a64": 40}[arch]
    end_of_a = slots.HEADER_BYTES + len(a) - slots.HEADER_BYTES - 1
    a1, a5, b5, b6 = versioned(a, 1), versioned(a, 5), versioned(b, 5), versioned(b, 6)
    high = versioned(a, 0xffffffff)
    return {
        "only-a": (a5, None, "A: valid, version 5, starts", "B: no image"),
        "only-b": (None, b6, "A: no image", "B: valid, version 6, starts"),
        "newer-b": (a5, b6, "A: valid, version 5", "B: valid, version 6, starts"),
        "newer-a": (versioned(a, 7), b6, "A: valid, version 7, starts", "B: valid, version 6"),
        "equal": (a5, b5, "A: valid, version 5, starts", "B: valid, version 5"),
        "wrapped": (high, versioned(b, 0), "A: valid, version 4294967295",
                    "B: valid, version 0, starts"),
        "half-way": (a1, versioned(b, 0x80000001), "A: valid, version 1, starts",
                     "B: valid, version 2147483649"),
        "almost-half-way": (a1, versioned(b, 0x80000000), "A: valid, version 1",
                            "B: valid, version 2147483648, starts"),
        "newest-damaged": (a5, with_byte(b6, len(b6) - 1), "A: valid, version 5, starts",
                           "B: image damaged"),
        "first-byte-damaged": (with_byte(a5, slots.HEADER_BYTES), b5, "A: image damaged",
                               "B: valid, version 5, starts"),
        "last-byte-damaged": (with_byte(a5, end_of_a), b5, "A: image damaged",
                              "B: valid, version 5, starts"),
        "header-damaged": (with_byte(a5, 20), b5, "A: header damaged",
                           "B: valid, version 5, starts"),
        "other-format": (with_field(a5, format=2), b5, "A: header of another format",
                         "B: valid, version 5, starts"),
        "other-place": (a5, a5, "A: valid, version 5, starts",
                        "B: image linked for another address"),
        "other-machine": (with_field(a5, machine=other), b5,
                          "A: image for another execution state", "B: valid, version 5, starts"),
        "no-length": (with_field(a5, length=0), b5, "A: no such length",
                      "B: valid, version 5, starts"),
        "too-long": (with_field(a5, length=slots.SLOT_BYTES - slots.HEADER_BYTES + 4), b5,
                     "A: no such length", "B: valid, version 5, starts"),
        "none": (None, with_byte(b6, 5000), "A: no image", "B: image damaged",
                 "no slot holds a valid image; stopped"),
    }


def command_of(machine, build, bank, serial="stdio", extra=()):
    """The machine with a bank of its own that it may write."""
    command = machine.command(build, serial=serial, extra=extra)
    own = os.path.join(build, "ashlar-slots.img")
    return [word.replace(f"readonly=on,unit=1,file={own}", f"unit=1,file={bank}")
            for word in command]


def wait_for(console, pattern):
    return console.expect(pattern, PATIENCE)


def select(machine, build, log, case):
    """"" or what is wrong with what the selector does with this content."""
    content_a, content_b, *lines = case
    bank = f"{log}.bank"
    write_bank(bank, {offset: data for offset, data in
                      ((0, content_a), (slots.SLOT_BYTES, content_b)) if data})
    try:
        with Console(command_of(machine, build, bank), log, limit=2 * PATIENCE) as console:
            for line in lines:
                said = wait_for(console, r"^selector: (?:slot )?(.*)\n")[1]
                if said != line:
                    return f"says {said!r} instead of {line!r}"
            if "stopped" not in lines[-1]:
                wait_for(console, "^Ashlar on ")
                start = 0x06001000 if lines[1].endswith("starts") else 0x04001000
                wait_for(console, rf"^  image +0x0?{start + 0x1000 >> 16:04x}")
    except ConsoleError as error:
        return str(error)
    finally:
        os.unlink(bank)
    return ""


def passes_registers(machine, build, log):
    """"" or which of the loader's registers does not reach the image."""
    size, numbers = REGISTERS[machine.arch]
    start = slots.BANK_BASE + slots.HEADER_BYTES
    path = f"{log}.gdb"
    extra = ["-S", "-chardev", f"socket,path={path},server=on,wait=off,id=gdb", "-gdb",
             "chardev:gdb"]
    bank = os.path.join(build, "ashlar-slots.img")
    try:
        with Console(command_of(machine, build, bank, extra=extra), log, limit=2 * PATIENCE), \
                Stub(path, PATIENCE) as stub:
            stub.ask("?")
            for number in numbers:
                stub.set_register(number, size, 0x11223340 + number)
            stub.breakpoint(start)
            stub.go()
            stub.wait()
            found = [stub.register(number, size) for number in numbers]
    except StubError as error:
        return str(error)
    wanted = [0x11223340 + number for number in numbers]
    return "" if found == wanted else f"{found} instead of {wanted}"


def judge_selector(arch, build, log):
    """One result for each content of the flash."""
    contents = []
    for name in ("a", "b"):
        with open(os.path.join(build, f"ashlar-slot-{name}.slot"), "rb") as file:
            contents.append(file.read())
    machine = machines.Machine(image="slots", build=arch)
    results = [run.check(name, select(machine, build, f"{log}.{name}", case))
               for name, case in selections(arch, *contents).items()]
    results.append(run.check("passes-registers", passes_registers(machine, build, log)))
    return results


OPERATION = "cfi_operate"  # starts each program and each erase operation of the flash
KINDS = {0x60: "unlock", 0x20: "erase", 0xe8: "buffer", 0x40: "program"}
HEADER_WRITES = 8
SPREAD = 13  # buffers after which an update is cut, besides all other operations
OLD, RUNNING, NEW = 0, 1, 2  # versions: in the free slot, in the other, and of the update


def symbol(elf_path, name):
    from elftools.elf.elffile import ELFFile  # pylint: disable=import-outside-toplevel

    with open(elf_path, "rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        return table.get_symbol_by_name(name)[0]["st_value"]


class Operations:
    """Names the operations of an update as they come: "erase 2", "header 8"."""

    def __init__(self):
        self._count = {}

    def name(self, command):
        kind = KINDS.get(command, f"command {command:#x}")
        if kind == "program":
            kind = "header" if "erase" in self._count else "give-up"
        self._count[kind] = self._count.get(kind, 0) + 1
        return f"{kind} {self._count[kind]}"


class Flashed:
    """A machine whose second flash bank is a file, and a disk with the images of an update."""

    def __init__(self, arch, build, log, smp=1):
        self.machine = machines.Machine(image="slots", build=arch, smp=smp, mem="64M")
        self.build, self.log = build, log
        self.bank, self.bundle, tree = f"{log}.bank", f"{log}.bundle", f"{log}.dtb"
        self.pid, self.socket = f"{log}.pid", f"{log}.gdb"
        self.slots = []
        for name in ("a", "b"):
            with open(os.path.join(build, f"ashlar-slot-{name}.slot"), "rb") as file:
                self.slots.append(file.read())
        with open(self.bundle, "wb") as file:
            file.write(b"".join(versioned(data, NEW) for data in self.slots))
        script.make_tree(SimpleNamespace(
            machine=self.machine, tree='/ { chosen { bootargs = "notest"; }; };'), build, tree)
        self.extra = ["-dtb", tree, "-pidfile", self.pid,
                      "-drive", f"if=none,format=raw,readonly=on,id=disk0,file={self.bundle}",
                      "-device", "virtio-blk-device,drive=disk0"]
        self.reset()

    def reset(self):
        """The running image in slot A, an older one in slot B."""
        write_bank(self.bank, {0: versioned(self.slots[0], RUNNING),
                               slots.SLOT_BYTES: versioned(self.slots[1], OLD)})

    def read(self, slot, size):
        with open(self.bank, "rb") as file:
            file.seek(slot * slots.SLOT_BYTES)
            return file.read(size)

    def command(self, *extra):
        return command_of(self.machine, self.build, self.bank, extra=[*self.extra, *extra])

    def halted(self):
        """Halted at the reset vector, waiting for the debugger."""
        return self.command("-S", "-chardev",
                            f"socket,path={self.socket},server=on,wait=off,id=gdb", "-gdb",
                            "chardev:gdb")

    def kill(self):
        """As a power cut would: at once. QEMU is the child of what the console started."""
        with open(self.pid, encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGKILL)

    def remove(self):
        for path in (self.bank, self.bundle):
            os.unlink(path)


def boots(console, started, version):
    """The selector starts the slot, and its firmware comes to its prompt."""
    wait_for(console, rf"^selector: slot {started}: valid, version {version}, starts$")
    wait_for(console, rf"^{machines.PROMPT}")


def cut(flashed, place, target, started="A", version=RUNNING):
    """Boots, which must work whatever was cut before; then updates, and kills QEMU as soon as the
    operation `target` is done; "" kills it at the prompt. The names of all operations."""
    names, operations = [], Operations()
    size = REGISTERS[flashed.machine.arch][0]
    with Console(flashed.halted(), flashed.log, limit=4 * PATIENCE) as console, \
            Stub(flashed.socket, PATIENCE) as stub:
        stub.breakpoint(place)
        stub.go()
        boots(console, started, version)
        if target:
            console.send("update\r")
        while target:
            stub.wait()
            if names and names[-1] == target:
                break
            pointer = stub.register(1, size)
            names.append(operations.name(int.from_bytes(stub.memory(pointer + size, 4), "little")))
            stub.pass_over(place)
            if names[-1] == target == f"header {HEADER_WRITES}":
                wait_for(console, rf"^update: slot B holds version {NEW}")
                break
        flashed.kill()
        console.wait_exit(PATIENCE)
    return names


def cuts(buffers, spread):
    """The operations after which to cut, in the order in which they come."""
    some = sorted({round(1 + i * (buffers - 1) / (spread - 1)) for i in range(spread)}) \
        if spread < buffers else range(1, buffers + 1)
    return ["unlock 1", "give-up 1", "unlock 2", "erase 1", "erase 2", "erase 3",
            *(f"buffer {n}" for n in some), *(f"header {n + 1}" for n in range(HEADER_WRITES))]


def left(flashed, target):
    """"" or what is wrong with what a cut after `target` left in the flash."""
    size = len(flashed.slots[0])
    if flashed.read(0, size) != versioned(flashed.slots[0], RUNNING):
        return "the running slot has changed"
    content = flashed.read(1, size)
    if target == "unlock 1":
        return "" if content == versioned(flashed.slots[1], OLD) else "the old image has changed"
    if target == f"header {HEADER_WRITES}":
        return "" if content == versioned(flashed.slots[1], NEW) else "not the image of the update"
    return "" if slots.unpack(content)[1] == "no image" else "the free slot has a header"


def judge_kills(arch, build, log, spread=SPREAD):
    """One result for each power cut, whose boot sees what the one before it left; and one for the
    new image."""
    flashed = Flashed(arch, build, log)
    place = symbol(os.path.join(build, "ashlar-slot-a.elf"), OPERATION)
    buffers = -(-(len(flashed.slots[1]) - slots.HEADER_BYTES) // 4096)
    results = []
    try:
        for target in cuts(buffers, spread):
            try:
                names = cut(flashed, place, target)
                wrong = left(flashed, target) if target in names else f"{names[-1]} was the last"
            except (ConsoleError, StubError) as error:
                wrong = str(error)
            results.append(run.check(f"after {target}", wrong))
        try:
            cut(flashed, place, "", "B", NEW)
            wrong = ""
        except (ConsoleError, StubError) as error:
            wrong = str(error)
        results.append(run.check("the new image runs", wrong))
    finally:
        flashed.remove()
    return results


STRIDE = 4096  # sectors of the disk from one source of images to the next


def refusals(arch, a, b):
    """(content of the source, what the prompt's `update` says) for each that changes nothing."""
    new_a, new_b = versioned(a, NEW), versioned(b, NEW)
    other = {"a32": 183, "a64": 40}[arch]
    return [
        (b"\0" * 512, "the source begins with no image: not found"),
        (new_a, "the source has no image for the free slot: not found"),
        (versioned(a, RUNNING) + versioned(b, RUNNING),
         "the image is not newer than the one that runs: already there"),
        (new_a + with_byte(new_b, len(new_b) // 2),
         "the image in the source is damaged: malformed file"),
        (new_a + with_byte(new_b, 8), "header damaged: malformed file"),
        (new_a + with_field(new_b, machine=other),
         "image for another execution state: malformed file"),
        (new_a + with_field(new_b, length=slots.SLOT_BYTES),
         "no such length: malformed file"),
    ]


def read_only(flashed):
    """The machine with a second bank that refuses to be written."""
    own = f"unit=1,file={flashed.bank}"
    return [word.replace(own, f"readonly=on,{own}") for word in flashed.command()]


def ask(console, text, answer):
    """"" or what the prompt said instead."""
    console.send(f"{text}\r")
    said = wait_for(console, r"^update: (?!.* KiB$)(.*)\n")[1]
    wait_for(console, rf"^{machines.PROMPT}")
    return "" if said == answer else f"says {said!r} instead of {answer!r}"


def judge_refused(arch, build, log):
    """What must not be written is not; a flash that refuses is told of; and an update with other
    CPUs at work, which go on afterwards."""
    flashed = Flashed(arch, build, log, smp=3)
    before = [flashed.read(slot, len(flashed.slots[slot])) for slot in (0, 1)]
    cases = refusals(arch, *flashed.slots)
    good = b"".join(versioned(data, NEW) for data in flashed.slots)
    results = []
    with open(flashed.bundle, "wb") as file:
        for number, (content, _) in enumerate([*cases, (good, "")]):
            file.seek(number * STRIDE * 512)
            file.write(content)
    good_at = len(cases) * STRIDE
    try:
        with Console(read_only(flashed), log, limit=4 * PATIENCE) as console:
            boots(console, "A", RUNNING)
            for number, (_, answer) in enumerate(cases):
                results.append(run.check(answer, ask(console, f"update 0 {number * STRIDE}",
                                                     answer)))
            answer = "the flash failed to program: input/output error"
            results.append(run.check("flash that refuses", ask(console, f"update 0 {good_at}",
                                                               answer)))
            console.send("slots\r")
            wait_for(console, f"^slot B .*valid, version {OLD}, ")
            wait_for(console, "^slot A starts at a reset")
        after = [flashed.read(slot, len(flashed.slots[slot])) for slot in (0, 1)]
        results.append(run.check("nothing written", "" if before == after else "it has changed"))
        with Console(flashed.command(), f"{log}.smp", limit=4 * PATIENCE) as console:
            boots(console, "A", RUNNING)
            answer = f"slot B holds version {NEW}, which starts at the next reset"
            results.append(run.check("with other CPUs", ask(console, f"update 0 {good_at}",
                                                            answer)))
            console.send("cpus\r")
            for cpu in (1, 2):
                wait_for(console, rf"^ +CPU {cpu} +waits for calls")
            console.send("test smp\r")
            wait_for(console, "^0 failed")
            results.append(run.check("other CPUs go on"))
    except ConsoleError as error:
        results.append(run.check("answers", str(error)))
    finally:
        flashed.remove()
    return results


JUDGES = {"selector": judge_selector, "kills": judge_kills, "refused": judge_refused}


def main():
    """Power cuts after every operation: arguments are architecture=build folder."""
    passed = True
    for argument in sys.argv[1:]:
        arch, _, build = argument.partition("=")
        log = os.path.join(build, "kills.log")
        results = judge_kills(arch, build, log, spread=1 << 16)
        print(f"power cuts, {arch}: ", end="")
        passed = run.report(results, sys.stdout) and passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
