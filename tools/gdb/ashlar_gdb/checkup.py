# SPDX-License-Identifier: MIT
"""The check of everything: each module by itself, and one against the other."""

from . import descriptors, frames, frames_check, heaps, locks, platform, pmem, pools, slabs, \
    spaces, tables, tables_check, vmap
from .errors import Absent, Damaged
from .findings import Finding, at
from .ranges import Ranges


def _frames(target):
    known = frames.read(target)
    if known is None:
        return "not started", []
    found = frames_check.check(known)
    count = sum(1 for _ in known.blocks())
    return f"{count} blocks in {known.state.range_count} ranges", found


def _pools(target):
    known = pools.read(target)
    return f"{len(known)}", list(pools.check(known))


def _slabs(target):
    known = slabs.read(target)
    count = sum(len(cache.slabs) for cache in known)
    return f"{len(known)}, {count} slabs", list(slabs.check(known))


def _heaps(target):
    known = heaps.read(target)
    blocks = sum(1 for heap in known for _ in heap.blocks())
    return f"{len(known)}, {blocks} blocks", list(heaps.check(known))


def _pmem(target):
    known = pmem.read(target)
    runs = sum(len(region.runs) for region in known)
    return f"{len(known)} regions, {runs} runs", list(pmem.check(known))


def _vmap(target):
    known = vmap.read(target)
    if known is None:
        return "not made yet", []
    return f"{len(known.areas)} areas", list(vmap.check(known, spaces.boot_map(target)))


def _vmap_range(target):
    """The addresses that are no identity map."""
    try:
        range_ = target.variable("ash_board").vmap
        return range_.base.value, range_.base.value + range_.size
    except Absent:
        return 0, 0


def _boot_map(target):
    map_ = spaces.boot_map(target)
    if map_ is None:
        return "not made yet", []
    areas = list(platform.image(target))
    holes = [("page 0", 0, 4096)]
    try:
        holes += list(platform.guards(target))
    except Absent:
        pass
    # Of the reset code, which lies in page 0, nothing is mapped where that page is not.
    parts = [(a.name, a.first, a.end, a.access) for a in areas if a.access]
    outside = _vmap_range(target)
    found = tables_check.well_formed(map_, platform.memory(target))
    found += list(tables_check.firmware(map_, outside, parts, holes))
    lower, _, on = spaces.installed(target)
    if on and lower is not None and lower & -4096 != map_.root & -4096:
        found.append(Finding(f"TTBR0 is {lower:#x}, the map's root {map_.root:#x}"))
    return f"{map_.tables} tables", found


def _spaces(target):
    known = spaces.read(target)
    memory = platform.memory(target)
    found = []
    for space in known:
        found += [Finding(f"space {space.name}: {finding}")
                  for finding in tables_check.well_formed(space.map, memory)]
    return f"{len(known)}", found


def _owners(target):
    """What modules have of frames, frames must say as well."""
    known = frames.read(target)
    if known is None:
        return "frames: not started", []
    numbers = {name: number for number, name in known.owners.items()}
    claims = list(_claims(target, numbers))
    found, memory = [], []
    for what, number, order, owner in claims:
        block = known.block_of(number)
        if block is None or block.state != "used":
            found.append(at(number << 12, f"{what}, but no frames in use"))
        elif (block.number, block.order) != (number, order) and order is not None:
            found.append(at(number << 12, f"{what}, but no block of order {order}"))
        elif owner is not None and block.owner != owner:
            found.append(at(number << 12, f"{what}, but frames of "
                                          f"{known.owners.get(block.owner, '?')}"))
        if order is not None:
            memory.append((number, number + (1 << order), what))
    found += list(_overlaps(memory))
    found += list(_free_and_mapped(target, known))
    return f"{len(claims)} blocks that others have", found


def _claims(target, numbers):
    """(what, frame, order, owner)"""
    for heap in _known(heaps.read, target):
        for chunk in heap.chunks:
            if chunk.order:
                yield (f"a chunk of heap {heap.name}", chunk.frame, chunk.order - 1,
                       numbers.get("heap"))
    for pool in _known(pools.read, target):
        if pool.created:
            yield f"pool {pool.name}", pool.frame, pool.order - 1, numbers.get("pool")
    for cache in _known(slabs.read, target):
        for slab in cache.slabs:
            yield f"a slab of {cache.name}", slab.base >> 12, cache.order, cache.owner


def _known(read, target):
    try:
        return read(target)
    except (Absent, Damaged):
        return []


def _overlaps(memory):
    memory.sort()
    for (_, end, one), (first, _, other) in zip(memory, memory[1:]):
        if first < end:
            yield at(first << 12, f"{one} and {other}")


def _free_and_mapped(target, known):
    """What programs use is in use, and so are tables."""
    free = Ranges(((block.number << 12), (block.number + block.size) << 12)
                  for block in known.blocks() if block.state != "used")
    maps = [spaces.boot_map(target)] + [space.map for space in _known(spaces.read, target)]
    for map_ in filter(None, maps):
        used = []

        def visit(_level, va, _entries, link, map_=map_, used=used):
            used.append((va, map_.root if link is None else descriptors.output(link)))

        for mapping in tables.leaves(map_, visit):
            if map_.name != spaces.BOOT and free.meets(mapping.pa, mapping.pa + mapping.size):
                yield at(mapping.va, f"{map_.name} maps {mapping.pa:#x}, which is free")
        for va, table in used:
            if free.meets(table, table + 4096):
                yield at(table, f"a table of {map_.name} (for {va:#x}), but the frame is free")


def _locks(target):
    raws = locks.read(target)
    if raws is None:
        return "without names", []
    known = locks.holders(target)
    found = []
    for raw in raws:
        words = locks.words(raw, known)
        if words.startswith("damaged"):
            found.append(at(raw.here, f"lock {target.string(raw.name)}: {words}"))
    return f"{len(raws)}", found


def held(target):
    """The locks that are held now: what they protect may be in the middle of a change."""
    raws, known = locks.read(target), locks.holders(target)
    for raw in raws or ():
        words = locks.words(raw, known)
        if words.startswith("held"):
            yield f"{target.string(raw.name) or 'unnamed'} ({words})"


MODULES = (("frames", _frames), ("pools", _pools), ("object caches", _slabs), ("heaps", _heaps),
           ("pmem", _pmem), ("boot map", _boot_map), ("vmap", _vmap), ("spaces", _spaces),
           ("owners", _owners),
           ("locks", _locks))


def run(target):
    """(name, what was looked at, findings) of each module."""
    for name, module in MODULES:
        try:
            yield (name, *module(target))
        except Damaged as error:
            yield name, "", [Finding(str(error))]
        except Absent as error:
            yield name, f"left out: {error}", []
