# SPDX-License-Identifier: MIT
"""Backtraces through signed return addresses (FEAT_PAuth), where the remote end or the core does
not tell gdb how to take signatures off. Every function of the firmware that calls another one has a
frame record; without signatures gdb does by itself."""

import struct

import gdb
from gdb.unwinder import Unwinder, register_unwinder

from . import prologue

LONGEST = 65536  # of a function


class Id:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


def function_at(pc):
    """[start, end) of the function with that instruction; (0, 0): there is none."""
    block = gdb.block_for_pc(pc)
    while block is not None and block.function is None and block.superblock is not None:
        block = block.superblock
    # One that was inlined belongs to the one around it.
    while block is not None and block.superblock is not None and \
            block.superblock.function is not None:
        block = block.superblock
    return (block.start, block.end) if block is not None and block.function else (0, 0)


def address_bits():
    """Of the firmware's map: what is above them in an address may be a signature."""
    symbol = gdb.lookup_global_symbol("ash_boot_map")
    pages = int(symbol.value()["pages"]) if symbol is not None else 0
    return pages.bit_length() + 11 if 1 << 13 <= pages <= 1 << 36 else 39


def words(code):
    return struct.unpack(f"<{len(code) // 4}I", code)


class Signed(Unwinder):
    def __init__(self):
        super().__init__("ashlar")

    def __call__(self, pending):
        if not pending.architecture().name().startswith("aarch64"):
            return None
        try:
            return self.unwind(pending)
        except (gdb.error, gdb.MemoryError, ValueError):
            return None

    @staticmethod
    def unwind(pending):
        pc, fp = int(pending.read_register("pc")), int(pending.read_register("x29"))
        if fp == 0 or fp & 7:
            return None
        inferior = gdb.selected_inferior()
        returns = struct.unpack("<Q", bytes(inferior.read_memory(fp + 8, 8)))[0]
        bare = prologue.without_signature(returns, address_bits())
        if bare == returns:
            return None
        start, end = function_at(pc)
        if not start <= pc < end <= start + LONGEST:
            return None
        code = bytes(inferior.read_memory(start, (pc - start) & ~3))
        rest = bytes(inferior.read_memory(pc, (end - pc) & ~3))
        frame = prologue.analyse(words(code), words(rest))
        if frame is None:
            return None
        word = gdb.lookup_type("unsigned long")
        caller = gdb.Value(fp + frame.size).cast(word)
        info = pending.create_unwind_info(Id(caller, gdb.Value(start).cast(word)))
        for register, distance in frame.saved.items():
            value = struct.unpack("<Q", bytes(inferior.read_memory(fp + distance, 8)))[0]
            info.add_saved_register(f"x{register}", gdb.Value(value).cast(word))
        for register in frame.kept:
            info.add_saved_register(f"x{register}", pending.read_register(f"x{register}"))
        info.add_saved_register("pc", gdb.Value(bare).cast(word))
        info.add_saved_register("sp", caller)
        return info


def register():
    register_unwinder(None, Signed(), replace=True)
