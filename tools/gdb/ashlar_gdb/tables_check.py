# SPDX-License-Identifier: MIT
"""Whether a map is well formed and keeps the firmware's promises: written from the manual and from
docs, not from mmu/verify.c. Changes nothing."""

from . import descriptors as d
from .findings import at
from .ranges import Ranges
from .tables import count_of, leaves

RUN = 16  # entries that the contiguous hint joins
HIERARCHICAL = 0x1f << 59


class _Tables:
    """Sees each table before its entries."""

    def __init__(self, map_):
        self.map = map_
        self.found = []
        self.count = 0

    def unreadable(self, va, _level, what):
        self.found.append(at(va, what))

    def visit(self, level, va, entries, link):
        self.count += 1
        valid = sum(entry & 1 for entry in entries)
        counted = self.map.root_count if link is None else count_of(link)
        if valid != counted:
            self.found.append(at(va, f"the table of level {level} has {valid} valid entries, "
                                     f"and {counted} are counted"))
        elif valid == 0 and link is not None and not link >> 55 & 1:
            self.found.append(at(va, f"an empty table of level {level} was kept"))
        if link is not None and link & HIERARCHICAL:
            self.found.append(at(va, f"hierarchical attributes in the table descriptor {link:#x}"))
        if level >= 1:
            self.found += self.runs(level, va, entries)

    def runs(self, level, va, entries):
        """Runs that the contiguous hint joins."""
        step = 1 << d.level_shift(level)
        for first in range(0, d.ENTRIES, RUN):
            run = entries[first:first + RUN]
            hinted = [entry >> 52 & entry & 1 and not d.is_table(entry, level) for entry in run]
            if not any(hinted):
                continue
            # The access flag, dirty state and what is ignored may differ.
            ignored = 1 << 10 | 1 << 7 | 0xf << 55
            if not all((entry ^ (run[0] + i * step)) & ~ignored == 0
                       for i, entry in enumerate(run)) or not self.map.contiguous or (
                           d.output(run[0]) & (RUN * step - 1)):
                yield at(va + first * step, "a contiguous hint in a run whose entries differ, "
                                            "are not aligned, or should have none")


def _leaf_errors(map_, mapping, leaf):
    descriptor = mapping.descriptor
    if d.is_reserved(descriptor, mapping.level):
        yield f"reserved descriptor {descriptor:#x} at level {mapping.level}"
        return
    if mapping.pa & (mapping.size - 1):
        yield f"output address {mapping.pa:#x} is not aligned to its size"
    if mapping.pa >> d.OUTPUT_BITS[map_.arch]:
        yield f"output address {mapping.pa:#x} is out of reach"
    if leaf.kind.startswith("MAIR"):
        yield f"memory type {leaf.kind} is none of the firmware's"
    if leaf.write and (leaf.privileged_exec or leaf.user_exec):
        yield f"writable and executable ({descriptor:#x})"
    if not leaf.is_normal and (leaf.privileged_exec or leaf.user_exec):
        yield f"device memory that may be executed ({descriptor:#x})"
    if map_.arch == "a64" and not leaf.user and leaf.user_exec:
        yield f"the firmware's, but unprivileged code may execute it ({descriptor:#x})"
    if leaf.user and leaf.user_exec and leaf.privileged_exec and map_.arch == "a64":
        yield f"a program's, but privileged code may execute it ({descriptor:#x})"
    if leaf.is_normal and descriptor >> 8 & 3 != 3:
        yield f"normal memory that is not inner shareable ({descriptor:#x})"
    if leaf.not_global == map_.global_:
        yield "not global in the firmware's map" if map_.global_ else "global entry under an ASID"
    if not map_.track and (not leaf.accessed or leaf.clean):
        yield f"no access flag, or a first write to be noted, in a map that does not track " \
              f"({descriptor:#x})"


def well_formed(map_, memory=None):
    """Findings of one map. memory: Ranges of RAM and flash, the only places of normal memory."""
    tables = _Tables(map_)
    found = []
    kinds = {}  # the memory types of what is not write-back memory
    normal = []
    for mapping in leaves(map_, tables.visit, tables.unreadable):
        leaf = d.leaf(mapping.descriptor, map_.arch, map_.mair)
        found += [at(mapping.va, what) for what in _leaf_errors(map_, mapping, leaf)]
        if leaf.is_normal and memory is not None and not memory.holds(
                mapping.pa, mapping.pa + mapping.size):
            found.append(at(mapping.va, f"normal memory at {mapping.pa:#x}, where no RAM or flash "
                                        "is"))
        if leaf.kind == "normal":
            normal.append(mapping)
        else:
            kinds.setdefault(leaf.kind, []).append((mapping.pa, mapping.pa + mapping.size))
    found += _aliases(kinds, normal)
    if tables.count != map_.tables:
        found.append(at(map_.root, f"{tables.count} tables are reached, {map_.tables} are counted"))
    return tables.found + found


def _aliases(kinds, normal):
    """A frame with two memory types (DDI 0487 B2.8)."""
    sets = {kind: Ranges(ranges) for kind, ranges in kinds.items()}
    for mapping in normal:
        for kind, ranges in sets.items():
            if ranges.meets(mapping.pa, mapping.pa + mapping.size):
                yield at(mapping.va, f"mapped as normal memory here and as {kind} elsewhere")
    names = sorted(sets)
    for i, one in enumerate(names):
        for other in names[i + 1:]:
            for first, end in sets[one]:
                if sets[other].meets(first, end):
                    yield at(first, f"mapped as {one} and as {other}")


def firmware(map_, vmap, parts, holes):
    """The promises of the firmware's own map. vmap: (first, end) of the addresses that are no
    identity map; parts: (name, first, end, access); holes: (name, first, end) that nothing maps."""
    mappings = list(leaves(map_))
    code = Ranges((m.pa, m.pa + m.size) for m in mappings
                  if d.leaf(m.descriptor, map_.arch, map_.mair).execute)
    for mapping in mappings:
        leaf = d.leaf(mapping.descriptor, map_.arch, map_.mair)
        end = mapping.va + mapping.size
        if mapping.va != mapping.pa and not (vmap[0] <= mapping.va and end <= vmap[1]):
            yield at(mapping.va, f"leads to {mapping.pa:#x}: no identity, outside of the vmap range")
        if leaf.write and code.meets(mapping.pa, mapping.pa + mapping.size):
            yield at(mapping.va, f"a second mapping, writable, of the code at {mapping.pa:#x}")
        if leaf.user:
            yield at(mapping.va, "unprivileged code may use it")
        for name, first, last in holes:
            if mapping.va < last and first < end:
                yield at(max(mapping.va, first), f"{name} is mapped")
        for name, first, last, access in parts:
            if mapping.va < last and first < end and leaf.access[:3] != access:
                yield at(max(mapping.va, first), f"{name} is {leaf.access[:3]}, not {access}")
    for name, first, last, _ in parts:
        covered = Ranges((m.va, m.va + m.size) for m in mappings)
        if first < last and not covered.holds(first, last):
            yield at(first, f"{name} is not mapped as a whole")
