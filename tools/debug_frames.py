# SPDX-License-Identifier: MIT
"""Compares what tools/gdb reads from the code of AArch64 functions (prologue.py) with what the
compiler says of their frames (.debug_frame), behind every call of an image."""

import os
import re
import struct
import subprocess
import sys

from elftools.elf.elffile import ELFFile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "gdb"))
from ashlar_gdb import prologue

OBJDUMP = "aarch64-linux-gnu-objdump"
ENTRY = re.compile(r"FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)$", re.MULTILINE)
ROW = re.compile(r"^([0-9a-f]{16}) +\S+ +(.*)$", re.MULTILINE)
SIGNS = 0xd503233f  # paciasp


def is_call(word):
    return word >> 26 == 0x25 or word & 0xfffffc1f == 0xd63f0000


class Code:
    def __init__(self, elf):
        with open(elf, "rb") as file:
            self.sections = [(s["sh_addr"], s.data()) for s in ELFFile(file).iter_sections()
                             if s["sh_flags"] & 4 and s["sh_type"] == "SHT_PROGBITS"]

    def words(self, start, end):
        for base, data in self.sections:
            if base <= start and end <= base + len(data):
                code = data[start - base:end - base]
                return struct.unpack(f"<{len(code) // 4}I", code[:len(code) & ~3])
        return ()


def rows(text):
    """(first address, register -> rule) of a function's entry: registers by name."""
    heads = re.search(r"^ +LOC +CFA +(.*)$", text, re.MULTILINE)
    for address, rules in ROW.findall(text):
        yield int(address, 16), dict(zip(heads[1].split(), rules.split()))


def difference(frame, rules):
    """What is wrong with a frame, by the compiler's rules; ""."""
    if frame is None:
        return "no frame is found"
    if rules.get("x29") != f"c-{frame.size}":
        return f"a frame of {frame.size} bytes, x29 is at {rules.get('x29')}"
    for register in prologue.CALLEE_SAVED:
        rule = rules.get(f"x{register}", "u")
        if register in frame.saved and rule != f"c{frame.saved[register] - frame.size:+}":
            return f"x{register} is not at {frame.saved[register]}: {rule}"
        if register in frame.kept and rule != "u":
            return f"x{register} is saved: {rule}"
    return ""


def judge(elf):
    """(calls that were looked at, what is wrong)"""
    text = subprocess.run([OBJDUMP, "-WF", elf], check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout
    code, calls, wrong = Code(elf), 0, []
    for block in text.split("\n\n"):
        entry = ENTRY.search(block)
        start, end = (int(entry[1], 16), int(entry[2], 16)) if entry else (0, 0)
        words = code.words(start, end) if start else ()
        if SIGNS not in words:
            continue
        known = list(rows(block))
        for (first, rules), (last, _) in zip(known, [*known[1:], (end, None)]):
            for number in range((first - start) // 4, (last - start) // 4):
                if number and is_call(words[number - 1]):
                    calls += 1
                    what = difference(prologue.analyse(words[:number], words[number:]), rules)
                    wrong += [f"{start + 4 * number:#x}: {what}"] if what else []
    return calls, wrong
