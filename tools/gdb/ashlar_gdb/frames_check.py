# SPDX-License-Identifier: MIT
"""Whether the metadata of frames agrees with itself: blocks, free lists, figures, caches."""

from collections import Counter

from .errors import Damaged
from .findings import Finding, at


def check(frames):
    found, totals, free_blocks, cached = [], Counter(), {}, []
    for block in frames.blocks():
        wrong = _block(frames, block)
        if wrong:
            found.append(at(block.number << 12, wrong))
            continue
        totals[block.zone, block.state] += block.size
        if block.state == "free":
            free_blocks[block.index] = frames.codes.lists(block.word), block.order
        elif block.state == "cached":
            cached.append(block.number)
    try:
        found += _lists(frames, free_blocks)
    except Damaged as error:
        found.append(Finding(f"free list: {error}"))
    found += _caches(frames, cached)
    if not found:  # what is damaged adds up to nothing
        found += _zones(frames, totals)
    return found


def _zone_of(frames, number):
    for zone in sorted(frames.zones):
        if zone < len(frames.state.limit) and number < frames.state.limit[zone]:
            return zone
    return len(frames.state.limit) - 1


def _block(frames, block):
    c, state = frames.codes, frames.state
    range_ = frames.ranges()[block.range]
    if block.order > range_.top or block.index & (block.size - 1):
        return f"word {block.word:#x}: a block of order {block.order} cannot start here"
    if block.number + block.size > range_.first + range_.count:
        return f"word {block.word:#x}: a block of order {block.order} ends behind its RAM"
    if c.range(block.word) != block.range:
        return f"word {block.word:#x}: of range {c.range(block.word)}, found in {block.range}"
    if not block.zone == _zone_of(frames, block.number) == _zone_of(
            frames, block.number + block.size - 1):
        return f"word {block.word:#x}: not of the zone that it lies in"
    if block.state == "free":
        if block.owner or block.word & (c.shared | c.cached):
            return f"word {block.word:#x}: a free block with an owner, or two states"
        buddy = block.index ^ block.size
        if block.order < range_.top and buddy < len(frames.words) and (
                frames.words[buddy] == block.word):
            return f"it and its buddy of order {block.order} are free and were not merged"
    elif block.state == "cached":
        if block.order or block.word & (c.free | c.shared) or block.range:
            return f"word {block.word:#x}: no single free frame that a CPU may keep"
    elif block.references < (2 if block.word & c.shared else 1):
        return f"shared block with {block.references} references"
    for index in range(block.index + 1, block.index + block.size):
        if c.is_used(frames.words[index]) and frames.words[index] != c.nothing:
            return f"frame {(index + frames.delta(block.range)) & 0xffffffff:#x} inside of this " \
                   f"block of order {block.order} is in use"
    return ""


def _lists(frames, free_blocks):
    """Every free block is in the list of its zone, group and order, once; nothing else is."""
    c, listed = frames.codes, set()
    for lists in range(c.lists_count):
        heads = frames.state.all_lists[lists]
        for order in range(c.orders):
            head = heads.heads + order
            prev, (index, last) = head, frames.link(head)
            if (heads.nonempty >> order & 1) != (index != head):
                yield Finding(f"list {lists} of order {order}: the bit that it is not empty is wrong")
            while index != head:
                if index in listed or free_blocks.get(index) != (lists, order):
                    yield Finding(f"list {lists} of order {order} leads to index {index:#x}, which "
                                  "is no free block of it")
                    break
                listed.add(index)
                behind, before = frames.link(index)
                if before != prev:
                    yield Finding(f"list {lists} of order {order}: index {index:#x} has another "
                                  "one before it")
                    break
                prev, index = index, behind
            else:
                if last != prev:
                    yield Finding(f"list {lists} of order {order} ends at another block")
    lost = set(free_blocks) - listed
    if lost:
        yield Finding(f"{len(lost)} free blocks are in no list (the first has index "
                      f"{min(lost):#x})")


def _caches(frames, cached):
    kept = Counter()
    for cpu, group, numbers in frames.caches:
        if numbers is None:
            yield Finding(f"CPU {cpu} keeps more frames of group {group} than it may")
        kept.update(numbers or ())
    for number, times in kept.items():
        if times > 1:
            yield at(number << 12, f"kept by CPUs {times} times")
    marked = set(cached)
    for number in sorted(marked - set(kept)):
        yield at(number << 12, "marked as kept by a CPU, and none has it")
    for number in sorted(set(kept) - marked):
        yield at(number << 12, "kept by a CPU, but not marked so")


def _zones(frames, totals):
    for zone, name in frames.zones.items():
        figures = frames.state.zone[zone]
        free, used = totals[zone, "free"], totals[zone, "used"]
        if free != figures.free:
            yield Finding(f"zone {name}: {free} frames are free, {figures.free} are counted")
        if free + used + totals[zone, "cached"] != figures.total:
            yield Finding(f"zone {name}: {free + used + totals[zone, 'cached']} frames are there, "
                          f"{figures.total} are counted")
        if figures.least > free:
            yield Finding(f"zone {name}: {free} frames are free, and never were fewer than "
                          f"{figures.least}")
