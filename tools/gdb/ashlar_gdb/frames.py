# SPDX-License-Identifier: MIT
"""Page frames: the metadata of alloc/frames.h, as one picture."""

from collections import Counter
from dataclasses import dataclass, field

from .errors import Absent, Damaged

WHERE = "frames_insert"  # a function of the module: its macros are those of alloc/frames.h


class Codes:
    """How a frame's word is encoded."""

    def __init__(self, target):
        for name in ("FREE", "SHARED", "CACHED", "NOTHING", "OWNER_MASK", "MOVABLE",
                     "LISTS_COUNT", "ORDERS", "ORDER_SHIFT", "LISTS_SHIFT", "RANGE_SHIFT"):
            setattr(self, name.lower(), target.macro(f"FRAMES_{name}", WHERE))
        for name in ("ORDER", "LISTS", "OWNER", "RANGE", "ZONE"):
            setattr(self, name.lower(), target.macro_function(f"FRAMES_{name}", WHERE))

    def is_used(self, word):
        return word & (self.free | self.cached) == 0


@dataclass
class Block:
    number: int
    index: int
    word: int
    order: int
    state: str  # free, cached, used
    zone: int
    owner: int
    references: int
    movable: bool
    range: int

    @property
    def size(self):
        return 1 << self.order


@dataclass
class Frames:
    """What was read: `words` by index; links are read when they are wanted."""
    state: object
    codes: Codes
    words: list
    link: object    # index -> (next, prev)
    owners: dict    # number -> name
    zones: dict     # number -> name
    caches: list = field(default_factory=list)  # (CPU, group, [frame numbers])

    def delta(self, range_):
        return self.state.delta[range_]

    def block(self, index, range_):
        """The block that starts at an index; None if none does."""
        word, c = self.words[index], self.codes
        if word == c.nothing:
            return None
        state = "used" if c.is_used(word) else "cached" if word & c.cached else "free"
        count = self.link(index)[0] if state == "used" and word & c.shared else 1
        return Block((index + self.delta(range_)) & 0xffffffff, index, word, c.order(word), state,
                     c.zone(c.lists(word)), c.owner(word), count,
                     bool(c.lists(word) & c.movable), range_)

    def ranges(self):
        return self.state.range[:self.state.range_count]

    def blocks(self):
        """All blocks in order of addresses; a step is never larger than what is left."""
        for n, range_ in enumerate(self.ranges()):
            index = (range_.first - self.delta(n)) & 0xffffffff
            end = index + range_.count
            while index < end:
                block = self.block(index, n)
                if block:
                    yield block
                index += block.size if block else 1

    def index_of(self, number):
        """(index, range) of a frame; None where no RAM is."""
        for n, range_ in enumerate(self.ranges()):
            if range_.first <= number < range_.first + range_.count:
                return (number - self.delta(n)) & 0xffffffff, n
        return None

    def block_of(self, number):
        """The block that holds a frame: looked for from the largest order downwards."""
        place = self.index_of(number)
        if place is None:
            return None
        index, range_ = place
        first = (self.ranges()[range_].first - self.delta(range_)) & 0xffffffff
        for order in range(self.ranges()[range_].top, -1, -1):
            head = index & -(1 << order)
            block = self.block(head, range_) if head >= first else None
            if block and block.order >= order and head + block.size > index:
                return block
        return None


def read(target):
    """None before the allocator has started."""
    state = target.variable("frames_state")
    if state.range_count == 0 or state.words == 0:
        return None
    if state.range_count > len(state.range) or state.heads > 1 << 28:
        raise Damaged("frames_state is damaged, or boot has not got there yet")
    codes = Codes(target)
    record = target.layout("struct frames_links")

    def link(index):
        if index >= state.heads + codes.lists_count * codes.orders:
            raise Damaged(f"index {index:#x} is outside of the links")
        entry = target.load("struct frames_links", state.links + index * record.size)
        return entry.next, entry.prev

    return Frames(state, codes, target.words(state.words, state.heads), link, owner_names(target),
                  zone_names(target), read_caches(target))


def zone_names(target):
    names = target.enumerators("enum ash_zone", "ASH_ZONE_")
    return {number: name for number, name in names.items() if name != "COUNT"}


def read_caches(target):
    if not target.has("frames_cpus"):
        return []
    caches = []
    for cpu, of_cpu in enumerate(target.variable("frames_cpus")):
        for group, cache in enumerate(of_cpu.all):
            caches.append((cpu, group, cache.frame[:cache.count]
                           if cache.count <= len(cache.frame) else None))
    return caches


def owner_names(target):
    """number -> name: the enum's, and those that products gave."""
    names = {number: name.lower() for number, name in
             target.enumerators("enum ash_owner", "ASH_OWNER_").items()
             if not name.startswith("ASH_") and name != "FIRST"}
    try:
        for number, text in enumerate(target.variable("owner_names", "alloc/frames_report.c")):
            if text:
                names[number] = target.string(text)
    except Absent:
        pass
    return names


# -- words --

def report(frames):
    """As the prompt's `frames` has it."""
    free, owned = Counter(), Counter()
    for block in frames.blocks():
        if block.state == "used":
            owned[block.owner] += block.size
        else:
            free[block.zone, block.order] += 1
    orders = frames.codes.orders
    yield (f"zone      frames      free      most  failed  free blocks of order 0 to {orders - 1}")
    cached = sum(len(numbers or ()) for _, _, numbers in frames.caches)
    normal = next((n for n, name in frames.zones.items() if name == "NORMAL"), None)
    for zone, figures in enumerate(frames.state.zone):
        if figures.total == 0 or zone not in frames.zones:
            continue
        blocks = "".join(f" {free[zone, order]}" for order in range(orders))
        yield (f"{frames.zones[zone]:<6} {figures.total:9} "
               f"{figures.free + (cached if zone == normal else 0):9} "
               f"{figures.total - figures.least:9} {figures.failures:7} {blocks}")
    for owner in sorted(owned):
        yield f"owner {frames.owners.get(owner, '?'):<10} {owned[owner]:9} frames"


def describe(frames, number):
    """What is known of one frame, a line."""
    pa = number << 12
    block = frames.block_of(number)
    if block is None:
        if frames.index_of(number) is None:
            return f"frame {number:#x} ({pa:#x}): no RAM that frames knows"
        return f"frame {number:#x} ({pa:#x}): RAM that was reserved when frames started"
    zone = frames.zones.get(block.zone, f"zone {block.zone}?")
    place = ("" if block.order == 0 else
             f", in the block of order {block.order} at {block.number << 12:#x}")
    movable = ", movable" if block.movable else ""
    if block.state == "used":
        return (f"frame {number:#x} ({pa:#x}): used by {frames.owners.get(block.owner, '?')}, "
                f"{block.references} reference{'s' if block.references != 1 else ''}{place}, "
                f"{zone}{movable}")
    kept = "" if block.state == "free" else ", kept by " + (", ".join(
        f"CPU {cpu}" for cpu, _, numbers in frames.caches if number in (numbers or ())) or
        "no CPU?")
    return f"frame {number:#x} ({pa:#x}): free{kept}{place}, {zone}{movable}"


def owned(frames, owner):
    """The blocks that an owner holds."""
    return [block for block in frames.blocks() if block.state == "used" and block.owner == owner]
