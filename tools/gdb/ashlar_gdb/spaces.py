# SPDX-License-Identifier: MIT
"""The firmware's map and the spaces, and which of them an address belongs to."""

from dataclasses import dataclass

from . import descriptors, tables
from .errors import Absent

MOST = 10000
BOOT = "the firmware's map"


@dataclass
class Space:
    here: int
    name: str
    asid: int     # None: none in this generation
    cpus: list    # that have it
    map: tables.Map


def boot_map(target):
    """None before boot has made it."""
    try:
        raw = target.variable("ash_boot_map")
        return of_struct(target, BOOT, raw)
    except Absent:
        return None


def of_struct(target, name, raw):
    if not raw.format or not raw.root:
        return None
    format_name = target.string(target.load("struct ash_mmu_format", raw.format).name)
    mair = target.register("MAIR_EL1")
    return tables.of_struct(name, raw, format_name, target.read_physical,
                            descriptors.MAIR if mair is None else mair)


def read(target):
    """All spaces; an empty list where the firmware has none."""
    try:
        state = target.variable("spaces_state")
    except Absent:
        return []
    if state.bits == 0:
        return []
    found, address = [], state.first
    seen = set()
    while address and address not in seen and len(seen) < MOST:
        seen.add(address)
        raw = target.load("struct ash_space", address)
        cpus = [n for n, cpu in enumerate(state.asids.cpu) if cpu.now == address]
        generation = (raw.context ^ state.asids.generation) & (1 << 48) - 1 == 0
        map_ = of_struct(target, f"space {raw.name!r}", raw.map)
        if map_ is not None:
            found.append(Space(address, raw.name,
                               raw.context >> 48 if cpus or generation else None, cpus, map_))
        address = raw.next
    return found


def installed(target):
    """(TTBR0, TTBR1, whether the MMU is on), of the selected CPU; None each where no register
    tells, as in a core."""
    # An AArch32 processor with a secure state has two of each; QEMU names that state's NAME_S.
    secure = target.register("SCR_S", "SCR")
    bank = "_S" if target.arch == "a32" and secure is not None and not secure & 1 else ""
    lower = target.register(f"TTBR0_EL1{bank}", f"TTBR0{bank}")
    upper = target.register(f"TTBR1_EL1{bank}", f"TTBR1{bank}")
    control = target.register(f"SCTLR_EL1{bank}", f"SCTLR{bank}")
    address = (1 << 48) - 2
    return (None if lower is None else lower & address,
            None if upper is None else upper & address,
            None if control is None else bool(control & 1))


def of_spaces(target, va):
    """Whether spaces have the address: the identity map may reach as far, and is not asked."""
    try:
        state = target.variable("spaces_state")
    except Absent:
        return False
    return state.bits != 0 and va >= state.config.base.value


def choose(target, va, name=None):
    """(map that translates an address, words on how that is known)."""
    boot, spaces = boot_map(target), read(target)
    lower, upper, on = installed(target)
    if name is not None:
        space = next((space for space in spaces if space.name == name), None)
        if space is None:
            raise Absent(f"no space {name!r}; there are: " +
                              (", ".join(space.name for space in spaces) or "none"))
        return space.map, "as asked"
    if boot is None:
        raise Absent("boot has not made the firmware's map yet")
    if boot.covers(va) and not of_spaces(target, va):
        if on is False:
            return boot, "the MMU of this CPU is off: this is the map that is made for it"
        if lower is None:
            return boot, "no register tells what is installed"
        if lower & -4096 != boot.root & -4096:
            return boot, f"TTBR0 is {lower:#x}: another map is installed"
        return boot, "as installed"
    covering = [space for space in spaces if space.map.covers(va)]
    if upper is not None:
        for space in covering:
            if space.map.root == upper & -32:
                return space.map, "as installed"
    if len(covering) == 1:
        return covering[0].map, "the only space; this CPU has none" if upper is not None else \
            "the only space; no register tells what is installed"
    if covering:
        raise Absent("an address of spaces, and this CPU has none: name one of " +
                          ", ".join(space.name for space in covering))
    return boot, "of no space"


def report(target, spaces):
    state = target.variable("spaces_state") if target.has("spaces_state") else None
    if state is None or state.bits == 0:
        yield "this firmware has no spaces"
        return
    yield (f"{state.bits} bits of addresses from {state.config.base.value:#x}, ASIDs of "
           f"{state.asid_bits} bits, {state.count} spaces")
    for space in spaces:
        asid = "no ASID   " if space.asid is None else f"ASID {space.asid:5}"
        cpus = "".join(f"  CPU {cpu}" for cpu in space.cpus)
        mapped = sum(mapping.size for mapping in tables.leaves(space.map))
        yield (f"  {space.name:<15}  {asid}  root {space.map.root:#x}, {mapped >> 10} KiB mapped, "
               f"{space.map.tables} tables{cpus}")
