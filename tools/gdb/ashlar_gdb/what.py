# SPDX-License-Identifier: MIT
"""One question across all modules: whose memory is this, and what has an owner?"""

from . import descriptors, frames, heaps, platform, pmem, pools, slabs, spaces, tables
from .errors import Absent, Damaged


def _try(function, *arguments):
    try:
        return function(*arguments)
    except (Absent, Damaged):
        return None


def at_address(target, va):
    yield f"{va:#x}"
    symbol = target.symbol_at(va)
    if symbol:
        yield f"  symbol: {symbol}"
    for area in platform.image(target):
        if area.first <= va < area.end:
            yield f"  image: {area.name}"
    for name, first, end in _try(lambda: list(platform.guards(target))) or ():
        if first <= va < end:
            yield f"  stack: {name}"
    yield from _mapping(target, va)
    for pool in _try(pools.read, target) or ():
        block = pool.block_of(va) if pool.stride and pool.blocks else None
        if block is not None:
            state = "free" if block in pool.free or block >= pool.fresh else "in use"
            yield (f"  pool: block {block} of {pool.name} ({state}), "
                   f"{(va - pool.blocks) % pool.stride} bytes behind its start")
    for cache in _try(slabs.read, target) or ():
        slab = cache.slab_of(va)
        if slab:
            yield f"  object cache: {_object(cache, slab, va)}"
    for heap in _try(heaps.read, target) or ():
        block = heap.block_of(va)
        if block:
            names = frames.owner_names(target)
            yield (f"  heap: {heap.name}, {'used' if block.used else 'free'} block of "
                   f"{block.size} bytes at {block.address:#x}" +
                   (f", owner {names.get(block.owner, '?')}" if block.used else ""))


def _object(cache, slab, va):
    index, inside = divmod(va - slab.base, cache.stride)
    if index >= cache.count:
        return f"behind the objects of a slab of {cache.name}"
    state = "free" if index >= slab.fresh or index in slab.free else \
        "in a magazine" if index in slab.cached else "in use"
    return f"object {index} of the slab at {slab.base:#x} of {cache.name} ({state}), " \
           f"{inside} bytes behind its start"


def _mapping(target, va):
    chosen = _try(spaces.choose, target, va)
    mapping = chosen and _try(tables.lookup, chosen[0], va)
    if not mapping:
        yield "  mapping: none" if chosen else "  mapping: of a space"
        return
    map_ = chosen[0]
    leaf = descriptors.leaf(mapping.descriptor, map_.arch, map_.mair)
    pa = mapping.pa + va - mapping.va
    yield f"  mapping: PA {pa:#x}, {leaf.kind} {leaf.access}, by {map_.name}"
    for area in _try(lambda: list(platform.machine(target))) or ():
        if area.first <= pa < area.end:
            yield f"  machine: {area.kind} {area.name}".rstrip()
    known = _try(frames.read, target)
    if known and known.index_of(pa >> 12):
        yield f"  {frames.describe(known, pa >> 12)}"
    names = frames.owner_names(target) if known else {}
    for region in _try(pmem.read, target) or ():
        for run in region.runs:
            if region.pa(run) <= pa < region.pa(run) + run.quanta * pmem.QUANTUM:
                yield (f"  pmem: {region.name}, block of {4 * run.quanta} KiB at "
                       f"{region.pa(run):#x}: {pmem.words(run, names)}")


def owners(target, name):
    known = frames.read(target)
    if known is None:
        yield "the frame allocator has not started"
        return
    numbers = {text: number for number, text in known.owners.items()}
    if name and name not in numbers:
        raise Absent(f"no owner {name!r}; there are: {', '.join(numbers)}")
    if name:
        yield from _one(target, known, numbers[name])
        return
    held = {}
    for block in known.blocks():
        if block.state == "used":
            held.setdefault(block.owner, [0, 0, 0])[0] += block.size
    for heap in _try(heaps.read, target) or ():
        for owner, (_, size) in heaps.owned(heap).items():
            held.setdefault(owner, [0, 0, 0])[1] += size
    for region in _try(pmem.read, target) or ():
        for run in region.runs:
            if run.state in ("used", "leaving"):
                held.setdefault(run.owner, [0, 0, 0])[2] += run.quanta * 4
    yield "owner           frames   bytes of heaps   KiB of pmem"
    for owner in sorted(held):
        count, size, kib = held[owner]
        yield f"{known.owners.get(owner, str(owner)):<12} {count:9} {size:16} {kib:13}"


def _one(target, known, owner):
    for block in frames.owned(known, owner):
        yield (f"frames {block.number << 12:#012x} {block.size:6} frames "
               f"{block.references:6} references")
    for heap in _try(heaps.read, target) or ():
        for block in heap.blocks():
            if block.used and block.owner == owner:
                yield f"heap {heap.name} {block.address:#012x} {block.size:6} bytes"
    for region in _try(pmem.read, target) or ():
        for run in region.runs:
            if run.state in ("used", "leaving") and run.owner == owner:
                yield f"pmem {region.name} {region.pa(run):#012x} {4 * run.quanta:6} KiB"
