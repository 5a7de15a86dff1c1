# SPDX-License-Identifier: MIT
"""Translation tables: the walk of an address, and all that a map maps. Reads; trusts nothing that
it reads: what cannot be right is told and not followed."""

import struct
from dataclasses import dataclass, field
from typing import Callable

from . import descriptors as d


@dataclass
class Map:
    name: str
    arch: str      # lpae or a64
    root: int      # physical address
    start: int     # level of the root
    base: int      # first virtual address
    pages: int     # that it covers
    global_: bool
    asid: int
    read: Callable = field(repr=False)  # (physical address, size) -> bytes
    mair: int = d.MAIR
    tables: int = 0      # in use, as the firmware counts
    root_count: int = 0  # valid entries of the root, likewise
    track: bool = False
    contiguous: bool = False

    def __post_init__(self):
        self.known = {}

    def table(self, pa):
        """The entries of a table."""
        if pa not in self.known:
            self.known[pa] = struct.unpack("<512Q", self.read(pa, 4096))
        return self.known[pa]

    @property
    def end(self):
        return self.base + (self.pages << d.PAGE_SHIFT)

    def covers(self, va):
        return self.base <= va < self.end


def of_struct(name, mmu, format_name, read, mair=d.MAIR):
    """The map that a struct ash_mmu describes."""
    arch = {"LPAE": "lpae", "AArch64": "a64"}.get(format_name)
    if arch is None or mmu.start > 3 or mmu.root_pa.value & 0xfff:
        return None
    return Map(name, arch, mmu.root_pa.value, mmu.start, mmu.base.value, mmu.pages,
               bool(getattr(mmu, "global")), mmu.asid, read, mair, mmu.counters.tables,
               mmu.root_count, bool(mmu.track), bool(mmu.contiguous))


@dataclass(frozen=True)
class Step:
    level: int
    table: int
    index: int
    descriptor: int


@dataclass(frozen=True)
class Mapping:
    va: int
    pa: int
    level: int
    descriptor: int

    @property
    def size(self):
        return 1 << d.level_shift(self.level)


def walk(map_, va):
    """The steps of the walk of one address, which is inside the map."""
    table, offset, steps = map_.root, va - map_.base, []
    for level in range(map_.start, 4):
        index = offset >> d.level_shift(level) & 511
        descriptor = map_.table(table)[index]
        steps.append(Step(level, table, index, descriptor))
        if not d.is_table(descriptor, level):
            break
        table = d.output(descriptor)
    return steps


def lookup(map_, va):
    """What maps an address, or None."""
    if not map_.covers(va):
        return None
    last = walk(map_, va)[-1]
    if not d.is_valid(last.descriptor) or d.is_reserved(last.descriptor, last.level):
        return None
    size = 1 << d.level_shift(last.level)
    return Mapping(va & -size, d.output(last.descriptor) & -size, last.level, last.descriptor)


def physical(map_, va):
    """The physical address, or None."""
    mapping = lookup(map_, va)
    return None if mapping is None else mapping.pa + va - mapping.va


def leaves(map_, visit_table=None, unreadable=None):
    """All mappings in the order of addresses. visit_table(level, va, entries, link) sees each table
    before its entries; a table is not gone into twice, nor one that cannot be read."""
    seen = set()
    # What is left to look at: (table, level, first address, descriptor that links it).
    stack = [iter([(map_.root, map_.start, map_.base, None)])]
    while stack:
        item = next(stack[-1], None)
        if item is None:
            stack.pop()
        elif isinstance(item, Mapping):
            yield item
        else:
            table, level, va, link = item
            if table in seen:
                if unreadable:
                    unreadable(va, level, f"the table at {table:#x} is linked a second time")
                continue
            seen.add(table)
            try:
                entries = map_.table(table)
            except Exception as error:  # whatever the reader raises where there is no memory
                if unreadable:
                    unreadable(va, level, f"the table at {table:#x} cannot be read: {error}")
                continue
            if visit_table:
                visit_table(level, va, entries, link)
            stack.append(_entries(entries, level, va))


def _entries(entries, level, va):
    shift = d.level_shift(level)
    for index, descriptor in enumerate(entries):
        if descriptor & 1 == 0:
            continue
        at = va + (index << shift)
        if d.is_table(descriptor, level):
            yield d.output(descriptor), level + 1, at, descriptor
        else:
            yield Mapping(at, d.output(descriptor), level, descriptor)


# -- words, as the firmware's prompt has them --

def size_words(size, width=5):
    size >>= 10
    unit = 0
    while unit < 2 and size and size & 1023 == 0:
        size >>= 10
        unit += 1
    return f"{size:{width}} {'KMG'[unit]}iB"


def explain(map_, va):
    """The walk of an address, a line a level."""
    yield f"VA {va:#x}"
    if not map_.covers(va):
        yield "  outside of this map"
        return
    for step in walk(map_, va):
        descriptor = step.descriptor
        where = f"  level {step.level}: table {step.table:#x} [{step.index}] = {descriptor:#018x}"
        if not d.is_valid(descriptor):
            yield f"{where} invalid: translation fault, level {step.level}"
        elif d.is_table(descriptor, step.level):
            yield (f"{where} table at {d.output(descriptor):#x}, {count_of(descriptor)} entries "
                   f"valid{', stays' if descriptor >> 55 & 1 else ''}")
        elif d.is_reserved(descriptor, step.level):
            yield f"{where} reserved: translation fault, level {step.level}"
        else:
            leaf = d.leaf(descriptor, map_.arch, map_.mair)
            more = "".join(word for on, word in (
                (not leaf.not_global, " global"), (not leaf.accessed, " AF=0"),
                (leaf.clean, " clean"), (leaf.contiguous, " contiguous"),
                (leaf.guarded, " guarded")) if on)
            yield (f"{where} {'page' if step.level == 3 else 'block'} at "
                   f"{d.output(descriptor):#x}: {leaf.kind} {leaf.access}{more}")
            yield f"  PA {physical(map_, va):#x}"


def count_of(link):
    """The valid entries of a table, which the firmware keeps in bits that the hardware ignores."""
    return link >> 2 & 0x3ff


@dataclass
class Run:
    va: int
    pa: int
    size: int
    same: tuple
    leaf: d.Leaf
    entries: dict


def runs(map_):
    """Neighbours that continue each other with the same attributes."""
    run = None
    for mapping in leaves(map_):
        leaf = d.leaf(mapping.descriptor, map_.arch, map_.mair)
        same = leaf.kind, leaf.access, leaf.guarded
        if run is None or (run.va + run.size, run.pa + run.size, run.same) != (
                mapping.va, mapping.pa, same):
            if run:
                yield run
            run = Run(mapping.va, mapping.pa, 0, same, leaf, {})
        run.size += mapping.size
        run.entries[mapping.level] = run.entries.get(mapping.level, 0) + 1
    if run:
        yield run


def dump(map_):
    """The whole map, as ash_mmu_dump() prints it."""
    name = {"lpae": "LPAE", "a64": "AArch64"}[map_.arch]
    yield (f"{name}, level {map_.start} to 3, root at {map_.root:#x}, "
           f"{'global' if map_.global_ else f'ASID {map_.asid}'}")
    total = 0
    for run in runs(map_):
        total += run.size
        place = " = PA          " if run.va == run.pa else f" > 0x{run.pa:010x}"
        entries = "".join(f" {run.entries[level]} x {name}" for level, name in
                          ((1, "1G"), (2, "2M"), (3, "4K")) if level in run.entries)
        yield (f"  0x{run.va:08x}-0x{run.va + run.size - 1:08x}{place} {size_words(run.size)} "
               f"{run.leaf.kind:<8} {run.leaf.access} {entries}")
    yield f"  {size_words(total, 0)} mapped, {map_.tables} tables"
