# SPDX-License-Identifier: MIT
"""What to type at the prompt of U-Boot to bring an image into a board's memory, and what it must
answer. Lists of steps only: tools/flash_uboot.py plays them on a serial line, tests play them under
QEMU, and a person can type them.
"""

import re
from dataclasses import dataclass

PROMPT = r"^(=>|U-Boot>) "
AUTOBOOT = r"Hit any key to stop autoboot"
# Whatever the command: none of this may be in an answer.
COMPLAINTS = re.compile(r"Unknown command|^Usage:|[Ee]rror|ERROR|not erased|[Pp]rotected sectors|"
                        r"Can't|[Tt]imeout|CRC mismatch|!=|Bad |failed|data abort|exception",
                        re.MULTILINE)


@dataclass(frozen=True)
class Step:
    command: str
    answer: str  # a regular expression that must be in what it prints
    seconds: int = 200  # a limit for what hangs; a machine that is emulated may be slow
    sends: bool = False  # the file goes over the line while it runs
    starts: bool = False  # it does not come back: the image runs


@dataclass(frozen=True)
class Memory:
    """Where an image goes. Addresses and sizes in bytes."""
    ram: int  # where it waits, or stays
    address: int = 0  # in flash; of SPI flash the offset
    sector: int = 0  # what an erase takes at once
    start: str = ""  # the command that starts it in RAM


def load(memory, size, crc):
    """The image into RAM over the console, and proof that it has arrived."""
    return [Step(f"loady {memory.ram:#x}", rf"Total Size += 0x0*{size:x} ", sends=True),
            checksum(memory.ram, size, crc)]


def checksum(address, size, crc):
    return Step(f"crc32 {address:#x} {size:#x}", rf"==> {crc:08x}$")


def arrive(memory, size, crc, loaded):
    """The image is in RAM: over the console, or `loaded` already, by something else."""
    return [checksum(memory.ram, size, crc)] if loaded else load(memory, size, crc)


def erase(memory, size):
    """Erases the sectors that the image touches."""
    last = memory.address + -(-size // memory.sector) * memory.sector - 1
    seconds = 200 + 4 * (last + 1 - memory.address) // memory.sector
    return [Step(f"protect off {memory.address:#x} {last:#x}", r"Un-Protected \d+ sectors"),
            Step(f"erase {memory.address:#x} {last:#x}", r"Erased \d+ sectors", seconds)]


def compare(memory, size, crc):
    return [Step(f"cmp.b {memory.ram:#x} {memory.address:#x} {size:#x}",
                 rf"Total of {size} byte\(s\) were the same"),
            checksum(memory.address, size, crc)]


def nor(memory, size, crc, loaded=False):
    """Parallel NOR flash, as U-Boot's driver writes it."""
    return [*arrive(memory, size, crc, loaded), *erase(memory, size),
            Step(f"cp.b {memory.ram:#x} {memory.address:#x} {size:#x}", r"Copy to Flash.*done",
                 200 + size // 1000),
            *compare(memory, size, crc)]


def nor_words(memory, size, crc, loaded=False):
    """Parallel NOR flash of two chips of 16 bits, side by side, with Intel's commands, word by word.

    For QEMU 7.2: it places a write to the chips' buffer where the number of words was written, not
    where the words are (mended upstream in "hw/pflash: fix block write start"). U-Boot writes the
    number to the start of the sector, so that `cp` fails behind the first 4 KiB of each."""
    end = memory.address + -(-size // 4) * 4
    fill = end - memory.address - size
    return [*arrive(memory, size, crc, loaded), *erase(memory, size),
            *([Step(f"mw.b {memory.ram + size:#x} 0xff {fill:#x}", "")] if fill else []),
            Step(f"setenv from {memory.ram:x}; setenv to {memory.address:x}", ""),
            Step(f"while itest $to < {end:x}; do setexpr.l word *$from; mw.l $to 400040; "
                 "mw.l $to $word; setexpr from $from + 4; setexpr to $to + 4; done", "",
                 600 + size // 200),
            Step(f"mw.l {memory.address:x} ff00ff", ""),
            *compare(memory, size, crc)]


def spi(memory, size, crc, loaded=False):
    """Serial NOR flash."""
    back = memory.ram + -(-size // (1 << 20)) * (1 << 20)
    seconds = 200 + size // 1000
    return [*arrive(memory, size, crc, loaded),
            Step("sf probe 0", r"SF: Detected"),
            Step(f"sf update {memory.ram:#x} {memory.address:#x} {size:#x}", r"bytes written",
                 seconds),
            Step(f"sf read {back:#x} {memory.address:#x} {size:#x}", r"Read: OK", seconds),
            checksum(back, size, crc)]


def ram(memory, size, crc, loaded=False):
    """Into RAM, and started; nothing lasts."""
    return [*arrive(memory, size, crc, loaded),
            Step(memory.start.format(address=f"{memory.ram:#x}"), r"", starts=True)]


PLANS = {"nor": nor, "nor-words": nor_words, "spi": spi, "ram": ram}


def complaint(answer):
    """The line of an answer that complains, or ""."""
    match = COMPLAINTS.search(answer)
    if not match:
        return ""
    start, end = answer.rfind("\n", 0, match.start()) + 1, answer.find("\n", match.start())
    return answer[start:end if end >= 0 else len(answer)].strip()


def judge(step, answer):
    """What is wrong with the answer to a step, or ""."""
    if words := complaint(answer):
        return f"`{step.command}`: U-Boot says: {words}"
    if not re.search(step.answer, answer, re.MULTILINE):
        return f"`{step.command}`: not the answer it should have: {answer.strip()[-200:]!r}"
    return ""
