# SPDX-License-Identifier: MIT
"""What the code of an AArch64 function did to the stack up to some instruction: where its frame
record is, how large its frame, and where it keeps the registers of its caller (DDI 0487 C6)."""

from dataclasses import dataclass, field

SP, FP, LR = 31, 29, 30
CALLEE_SAVED = range(19, 29)


@dataclass
class Frame:
    """From the address of its record, which x29 has: where the caller's stack pointer was, and the
    caller's registers. Those that are neither saved nor kept may be either."""
    size: int                                  # the caller's sp is x29 + size
    saved: dict = field(default_factory=dict)  # register -> distance from x29
    kept: list = field(default_factory=list)   # that the function does not change


def _signed(value, bits):
    return value - (1 << bits) if value >> bits - 1 else value


def _pair(word):
    """(kind, rt, rt2, rn, offset) of a load or store of two 64-bit registers."""
    kind = {0xa9800000: "push", 0xa9000000: "store", 0xa8c00000: "pop", 0xa9400000: "load"}.get(
        word & 0xffc00000)
    return kind, word & 31, word >> 10 & 31, word >> 5 & 31, 8 * _signed(word >> 15 & 127, 7)


def _stores(word):
    """([registers], base, offset, how far the base is moved first) of a store of 64-bit registers;
    no registers: it is none."""
    kind, one, other, base, offset = _pair(word)
    if kind in ("push", "store"):
        return [one, other], base, offset, offset if kind == "push" else 0
    if word & 0xffc00000 == 0xf9000000:  # str x, [x, #n]
        return [word & 31], base, 8 * (word >> 10 & 0xfff), 0
    if word & 0xffe00c00 == 0xf8000c00:  # str x, [x, #n]!
        offset = _signed(word >> 12 & 511, 9)
        return [word & 31], base, offset, offset
    return [], 0, 0, 0


def _immediate(word):
    return (word >> 10 & 0xfff) << (12 if word >> 22 & 1 else 0)


def _target(word):
    """How many instructions further a branch may lead; None: it is none, or a call."""
    if word & 0xff000000 == 0x54000000 or word & 0x7e000000 == 0x34000000:  # b.cond, cbz, cbnz
        return _signed(word >> 5 & 0x7ffff, 19)
    if word & 0x7e000000 == 0x36000000:  # tbz, tbnz
        return _signed(word >> 5 & 0x3fff, 14)
    return _signed(word & 0x3ffffff, 26) if word & 0xfc000000 == 0x14000000 else None  # b


def _may_pass(branches, number, now):
    """Whether an instruction may have been passed on the way to `now`: by a branch from before it
    to behind it, or to behind `now` and back from there."""
    over = [target for place, target in branches if place < number < target]
    return any(target <= now for target in over) or bool(over) and any(
        place >= min(over) and number < target <= now for place, target in branches)


def _leaves(word):
    """Whether what follows was reached by some other way."""
    return (word & 0xfc000000 == 0x14000000 or      # b
            word & 0xfffffc1f in (0xd61f0000, 0xd65f0000))  # br, ret


def analyse(words, rest=()):
    """The frame after these instructions, from the first of the function on; `rest`: those from
    there to its end. None if there is no record: not yet, not any more, or made in a way that is
    not known here."""
    depth, record, frame, popped = 0, None, None, False
    saved, unsure = {}, set()
    branches = [(number, number + target) for number, target in
                enumerate(map(_target, [*words, *rest])) if target is not None]
    for number, word in enumerate(words):
        registers, base, offset, moves = _stores(word)
        depth -= moves if base == SP else 0
        if registers and base in (SP, FP) and (base == SP or frame is not None):
            # The distance from the caller's stack pointer, downwards.
            place = (depth - offset + moves) if base == SP else frame.size - offset
            passed = _may_pass(branches, number, len(words))
            for register in registers:
                if register in CALLEE_SAVED and register not in saved:
                    if passed:
                        unsure.add(register)
                    elif register not in unsure:
                        saved[register] = place
                place -= 8
            if registers == [FP, LR] and base == SP and record is None:
                record = depth - offset + moves
        elif word & 0xff8003ff == 0xd10003ff:  # sub sp, sp, #n
            depth += _immediate(word)
        elif word & 0xff8003ff == 0x910003fd:  # add x29, sp, #n
            if record is not None and depth - _immediate(word) == record:
                frame = frame or Frame(record)
        elif _pair(word)[0] in ("pop", "load") and _pair(word)[1:3] == (FP, LR):
            popped = True
        popped = popped and not _leaves(word)
    if frame is None or popped:
        return None
    frame.saved = {register: frame.size - place for register, place in saved.items()}
    frame.saved[FP] = 0
    changed = unsure.union(saved, *(_stores(word)[0] for word in rest))
    frame.kept = [register for register in CALLEE_SAVED if register not in changed]
    return frame


def without_signature(address, bits):
    """A return address as it was before it was signed (FEAT_PAuth): the signature is in the bits
    above the virtual address, but for bit 55, which is the address's own."""
    low = address & (1 << bits) - 1
    return low | ((1 << 64) - (1 << bits) if address >> 55 & 1 else 0)
