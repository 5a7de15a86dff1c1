# SPDX-License-Identifier: MIT
"""U-Boot on QEMU's virt copies the image to NOR flash by its own commands, those that `make flash`
plays (tools/uboot_commands.py), and then the machine starts from that flash.

The image comes to RAM by QEMU, which spares a minute of transfer; tools/tests/test_uboot_commands.py
has the transfer.
"""

import os
import zlib

import machine as machines
import run
import tap
import uboot_commands
from console import Console, ConsoleError

CPUS = {"a32": "cortex-a15", "a64": "cortex-a53"}
MEMORY = uboot_commands.Memory(ram=machines.UIMAGE_ADDRESS, address=0x04000000, sector=0x40000)
BANK_BYTES = 64 << 20
IMAGE, BANK = "ashlar-bank1.bin", "ashlar-bank1.img"


def machine(arch):
    """U-Boot in the first bank, our image in the second."""
    return machines.Machine(image="flash", entry="uboot", build=arch, cpu=CPUS[arch])


def writing_command(arch, build, bank):
    """The machine whose second bank can be written, with the image in RAM."""
    words = machine(arch).command(build)
    words = [word.replace("readonly=on,", "").replace(os.path.join(build, BANK), bank)
             for word in words]
    return [word.replace(os.path.join(build, "jump.uimg"), os.path.join(build, IMAGE))
            for word in words]


def starting_command(arch, build, bank):
    return [word.replace(os.path.join(build, BANK), bank) for word in machine(arch).command(build)]


def write(arch, build, bank, log):
    """Plays the commands; "" or what went wrong."""
    with open(os.path.join(build, IMAGE), "rb") as file:
        image = file.read()
    with open(bank, "wb") as file:
        file.truncate(BANK_BYTES)
    with Console(writing_command(arch, build, bank), log, limit=900) as console:
        try:
            console.expect(uboot_commands.AUTOBOOT)
            console.send("\recho at-the-prompt\r")
            console.expect(rf"^at-the-prompt\n{uboot_commands.PROMPT}")
            for step in uboot_commands.nor_words(MEMORY, len(image), zlib.crc32(image), loaded=True):
                start = console.position
                console.send(f"{step.command}\r")
                console.expect(uboot_commands.PROMPT)
                if wrong := uboot_commands.judge(step, console.text[start:console.position]):
                    return wrong
        except ConsoleError as error:
            return str(error)
    with open(bank, "rb") as file:
        return "" if file.read(len(image)) == image else "the flash's file does not hold the image"


def start(arch, build, bank, log):
    """Starts the machine from what was written; "" or what went wrong."""
    subject = machine(arch)
    with Console(starting_command(arch, build, bank), log, limit=300) as console:
        try:
            subject.start(console)
            console.expect(rf"^  image +0x0*{MEMORY.address + 0x1000:x} ")
            console.expect(r"^  MMU on: ")
        except ConsoleError as error:
            return str(error)
    return ""


def judge(arch, build, log):
    """The results of both."""
    bank = f"{log}.bank"
    try:
        results = [run.check("writes", write(arch, build, bank, log))]
        if results[0].status == tap.OK:
            results.append(run.check("starts", start(arch, build, bank, f"{log}.start")))
        return results
    finally:
        if os.path.exists(bank):
            os.unlink(bank)
