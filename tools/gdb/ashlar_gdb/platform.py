# SPDX-License-Identifier: MIT
"""What the machine consists of: memory, image, stacks, as boot left it."""

from dataclasses import dataclass

from .ranges import Ranges

PARTS = (("reset code", "__reset_start", "__reset_end", None),
         (".text", "__text_start", "__text_end", "r-x"),
         (".libtext", "__libtext_start", "__libtext_end", "r-x"),
         (".rodata", "__rodata_start", "__rodata_end", "r--"),
         (".ramtext", "__ramtext_start", "__ramtext_end", "r-x"),
         (".data .bss .stacks", "__ramtext_end", "__ram_end", None))


@dataclass
class Area:
    name: str
    first: int
    end: int
    kind: str  # image, RAM, reserved, flash, device, pmem
    access: str = None  # that it must have


def of_range(name, range_, kind):
    return Area(name, range_.base.value, range_.base.value + range_.size, kind)


def image(target):
    for name, first, end, access in PARTS:
        area = Area(name, target.linker(first), target.linker(end), "image", access)
        if area.first is not None and area.end is not None and area.first < area.end:
            yield area


def machine(target):
    """RAM, reserved ranges, flash, devices; nothing where boot has not got there."""
    platform = target.variable("ash_platform")
    for kind, count, ranges in (("RAM", platform.ram_count, platform.ram),
                                ("flash", platform.flash_count, platform.flash)):
        for range_ in ranges[:min(count, len(ranges))]:
            yield of_range(kind, range_, kind)
    for kind, count, items in (
            ("reserved", platform.reserved_count, platform.reserved),
            ("device", platform.device_count, platform.device)):
        for item in items[:min(count, len(items))]:
            yield of_range(item.name, item.range, kind)


def memory(target):
    """RAM and flash, the places of normal memory; with them the image, wherever it lies."""
    areas = [area for area in machine(target) if area.kind in ("RAM", "flash")]
    areas += list(image(target))
    return Ranges((area.first & -4096, (area.end + 4095) & -4096) for area in areas)


def guards(target):
    """(name, first, end) of the guard below each stack."""
    layout = target.variable("stacks_layout")
    parts = target.load_array("struct stacks_part", layout.part, layout.count)
    names = target.enumerators("enum ash_stack", "ASH_STACK_")
    for cpu in range(target.macro("ASH_CPUS", "ash_frames_init")):
        for part in parts:
            base = layout.blocks + cpu * layout.bytes + part.base
            yield (f"the guard below stack {names.get(part.stack, '?')} of CPU {cpu}",
                   base - layout.guard, base)

