# SPDX-License-Identifier: MIT
"""Tests of the slots (docs/update.md): what the selector makes of any content of the flash, and
what is left of an update that a power cut ends."""

import os
import struct
import zlib

import machine as machines
import run
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


JUDGES = {"selector": judge_selector}
