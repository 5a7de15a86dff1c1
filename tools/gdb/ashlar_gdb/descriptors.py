# SPDX-License-Identifier: MIT
"""Long descriptors as the architecture has them: AArch32 LPAE (DDI 0406C B3.6), AArch64 with pages
of 4 KiB (DDI 0487 D8.3). Written from the manual; shares nothing with mmu/."""

from dataclasses import dataclass

ENTRIES = 512
PAGE_SHIFT = 12
# The attribute registers as the firmware sets them (include/ashlar/mmu.h), where no register tells.
MAIR = 0x000444ff
TYPES = {0xff: "normal", 0x44: "uncached", 0x04: "device", 0x00: "strict"}
OUTPUT_BITS = {"lpae": 40, "a64": 48}


def level_shift(level):
    """log2 of the bytes that an entry of that level covers."""
    return PAGE_SHIFT + 9 * (3 - level)


def is_valid(descriptor):
    return descriptor & 1 == 1


def is_table(descriptor, level):
    return level < 3 and descriptor & 3 == 3


def is_reserved(descriptor, level):
    """Valid, but of no kind that this level has."""
    return is_valid(descriptor) and not is_table(descriptor, level) and (
        level == 0 or descriptor & 3 != (3 if level == 3 else 1))


def output(descriptor):
    return descriptor & 0x0000fffffffff000


@dataclass(frozen=True)
class Leaf:
    """What a page or block says."""
    kind: str            # normal, uncached, device, strict, or the byte of MAIR
    write: bool          # by privileged code, now or after the first write is noted
    user: bool
    privileged_exec: bool
    user_exec: bool
    accessed: bool
    not_global: bool
    contiguous: bool
    guarded: bool
    clean: bool          # the first write is noted

    @property
    def execute(self):
        """By the level that owns the page."""
        return self.user_exec if self.user else self.privileged_exec

    @property
    def is_normal(self):
        return self.kind in ("normal", "uncached")

    @property
    def access(self):
        return (f"r{'w' if self.write else '-'}{'x' if self.execute else '-'}"
                f"{'u' if self.user else '-'}")


def leaf(descriptor, arch, mair=MAIR):
    def bit(number):
        return bool(descriptor >> number & 1)

    byte = mair >> 8 * (descriptor >> 2 & 7) & 0xff
    user, read_only = bit(6), bit(7)
    # AArch64 notes the first write by DBM; AArch32 has no such bit, and the firmware takes one of
    # those that the hardware ignores.
    clean = read_only and bit(51 if arch == "a64" else 55)
    if arch == "a64":
        privileged_exec = not bit(53) and not (user and not read_only)
        user_exec = not bit(54)
    else:
        privileged_exec = not bit(53) and not bit(54)
        user_exec = user and not bit(54)
    return Leaf(TYPES.get(byte, f"MAIR {byte:#04x}"), not read_only or clean, user,
                privileged_exec, user_exec, bit(10), bit(11), bit(52),
                arch == "a64" and bit(50), clean)


def attribute_words(attributes):
    """An ash_mmu_attr_t (include/ashlar/mmu.h) in words."""
    kind = ("normal", "uncached", "device", "strict")[attributes >> 8 & 3]
    text = f"{kind} r{'w' if attributes & 1 else '-'}{'x' if attributes & 2 else '-'}" \
           f"{'u' if attributes & 4 else '-'}"
    for flag, word in ((0x10, "pages"), (0x20, "guarded"), (0x40, "old"), (0x80, "clean")):
        text += f" {word}" if attributes & flag else ""
    rest = attributes & ~0x3f7
    return text + (f" + {rest:#x}?" if rest else "")
