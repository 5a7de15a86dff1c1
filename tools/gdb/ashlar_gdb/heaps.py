# SPDX-License-Identifier: MIT
"""Heaps: their chunks, and the blocks that stand in them one behind the other."""

from collections import Counter
from dataclasses import dataclass, field

from .errors import Damaged
from .findings import Finding, at

WHERE = "ash_heap_alloc"
MOST_CHUNKS = 100000


class Codes:
    """The form of a block's header (alloc/heap.h)."""

    def __init__(self, target):
        for name in ("SIZE", "USED", "OWNER", "OWNER_SHIFT", "CHECK", "BEFORE_FREE", "NOT_SHIFT",
                     "FACTOR", "CLASS_SHIFT", "UNIT_SHIFT", "LEAST"):
            setattr(self, name.lower(), target.macro(f"HEAP_{name}", WHERE))
        self.checked = target.macro("ASH_CHECK", WHERE) >= 1
        self.unit = 1 << self.unit_shift

    def right(self, address, header):
        """Whether the check bits of a header are."""
        if not self.checked:
            return True
        if header & self.used:
            return (header + address) * self.factor & self.check == 0
        units = header & self.size
        return header == (units + ((~units & 0xffffffff) << self.not_shift)) & 0xffffffff

    def class_of(self, units):
        """The list of a free block: a class each below 32 units, and 16 to a power of two."""
        shift = (units | 1 << self.class_shift).bit_length() - 1 - self.class_shift
        return (shift << self.class_shift) + (units >> shift)


@dataclass
class Block:
    address: int
    units: int
    used: bool
    owner: int
    before_free: bool
    size: int  # that its user may use
    links: tuple = ()


@dataclass
class Chunk:
    here: int
    units: int
    frame: int
    order: int  # plus 1; 0: memory that was given
    blocks: list = field(default_factory=list)
    wrong: str = ""
    first: int = 0
    end: int = 0


@dataclass
class Heap:
    here: int
    name: str
    raw: object
    codes: Codes
    chunks: list = field(default_factory=list)
    wrong: str = ""
    lists: int = 0       # where its lists' heads are
    list_size: int = 0   # of a head

    def blocks(self):
        for chunk in self.chunks:
            yield from chunk.blocks

    def block_of(self, address):
        """The block whose memory, or header, an address is in."""
        for chunk in self.chunks:
            if chunk.first - 4 <= address < chunk.end:
                for block in chunk.blocks:
                    if address < block.address - 4 + block.units * self.codes.unit:
                        return block
        return None


def read(target):
    address = target.variable("heaps", "alloc/heap_list.c")
    codes, found, seen = Codes(target), [], set()
    while address and address not in seen:
        seen.add(address)
        raw = target.load("struct ash_heap", address)
        found.append(_heap(target, address, raw, codes))
        address = raw.next
    return found


def _heap(target, address, raw, codes):
    heap = Heap(address, target.string(raw.name), raw, codes)
    heap.lists, heap.list_size = raw.list[0].here, target.layout("struct ash_heap_link").size
    at_, seen = raw.chunk, set()
    try:
        while at_ and len(seen) < MOST_CHUNKS:
            if at_ in seen:
                heap.wrong = "the list of chunks is a ring"
                break
            seen.add(at_)
            chunk = target.load("struct heap_chunk", at_)
            heap.chunks.append(_chunk(target, at_, chunk, codes))
            at_ = chunk.next
    except Damaged as error:
        heap.wrong = f"the list of chunks leads to {at_:#x}: {error}"
    return heap


def _chunk(target, here, raw, codes):
    record = target.layout("struct heap_chunk")
    offset = next(offset for name, offset, _ in record.members if name == "header")
    chunk = Chunk(here, raw.units, raw.frame.number, raw.order)
    chunk.first = here + offset + 4
    chunk.end = chunk.first + raw.units * codes.unit
    if raw.units < codes.least or raw.units > codes.size:
        chunk.wrong = f"a chunk of {raw.units} units"
        return chunk
    data = target.read(chunk.first - 4, chunk.end - chunk.first + 4 + target.word)

    def word(address):
        place = address - (chunk.first - 4)
        return int.from_bytes(data[place:place + 4], "little")

    address = chunk.first
    while address < chunk.end:
        header = word(address - 4)
        units = header & codes.size
        if not codes.right(address, header) or not codes.least <= units <= (
                chunk.end - address) // codes.unit:
            chunk.wrong = f"the header of the block at {address:#x} was overwritten: {header:#x}"
            return chunk
        used = bool(header & codes.used)
        links = ()
        if not used:
            place = address - (chunk.first - 4)
            links = tuple(int.from_bytes(data[place + i * target.word:place + (i + 1) * target.word],
                                         "little") for i in range(2))
            footer = word(address + units * codes.unit - 8)
            if footer != units:
                chunk.wrong = f"the end of the free block at {address:#x} was overwritten: it " \
                              f"tells {footer:#x} units, not {units:#x}"
                return chunk
        chunk.blocks.append(Block(address, units, used,
                                  (header & codes.owner) >> codes.owner_shift if used else 0,
                                  bool(header & codes.before_free) if used else False,
                                  units * codes.unit - 4, links))
        address += units * codes.unit
    last = word(chunk.end - 4)
    back = int.from_bytes(data[-target.word:], "little")
    if not last & codes.used or last & codes.size or not codes.right(chunk.end, last) or back != here:
        chunk.wrong = f"the end of the chunk at {chunk.end:#x} was overwritten"
    elif bool(last & codes.before_free) != (not chunk.blocks[-1].used):
        chunk.wrong = f"the end of the chunk at {chunk.end:#x} is wrong of the block before it"
    return chunk


def check(heaps):
    for heap in heaps:
        name = f"heap {heap.name or '?'}"
        if heap.wrong:
            yield at(heap.here, f"{name}: {heap.wrong}")
            continue
        broken = [chunk for chunk in heap.chunks if chunk.wrong]
        for chunk in broken:
            yield at(chunk.here, f"{name}: {chunk.wrong}")
        if not broken:
            yield from _neighbours(name, heap)
            yield from _lists(name, heap)
            yield from _figures(name, heap)


def _neighbours(name, heap):
    for chunk in heap.chunks:
        for before, block in zip(chunk.blocks, chunk.blocks[1:]):
            if not before.used and not block.used:
                yield at(block.address, f"{name}: two free blocks side by side")
            elif block.used and block.before_free != (not before.used):
                yield at(block.address, f"{name}: wrong of whether the block before it is free")


def _lists(name, heap):
    """Each free block is in the list of its class, between the two that it says."""
    c, raw = heap.codes, heap.raw
    free = {block.address: block for block in heap.blocks() if not block.used}
    used_classes = set()
    for block in free.values():
        number = c.class_of(block.units)
        used_classes.add(number)
        head = heap.lists + number * heap.list_size
        for place, (mine, its) in enumerate(((0, 1), (1, 0))):
            other = block.links[mine]
            if other == head:
                link = raw.list[number]
                back = link.prev if place == 0 else link.next
            elif other in free and c.class_of(free[other].units) == number:
                back = free[other].links[its]
            else:
                yield at(block.address, f"{name}: a free block is linked with {other:#x}, which is "
                                        "none of its list")
                continue
            if back != block.address:
                yield at(block.address, f"{name}: a free block and its neighbour in the list, "
                                        f"{other:#x}, do not agree")
    if raw.list[0].next == 0:  # never used
        return
    for number, link in enumerate(raw.list):
        head = heap.lists + number * heap.list_size
        if (link.next == head) != (number not in used_classes):
            yield Finding(f"{name}: list {number} is {'' if link.next == head else 'not '}empty, "
                          f"and {'there are' if number in used_classes else 'there is no'} free "
                          "blocks for it")
        bit = raw.classes[number // 32] >> 31 - number % 32 & 1
        if bit != (number in used_classes):
            yield Finding(f"{name}: the bit of list {number} is wrong")
    for word in range(len(raw.list) // 32):
        if (raw.words >> 31 - word & 1) != (raw.classes[word] != 0):
            yield Finding(f"{name}: the bit of lists {32 * word} and on is wrong")


def _figures(name, heap):
    used = [block for block in heap.blocks() if block.used]
    units = sum(block.units for block in used)
    if units != heap.raw.used:
        yield at(heap.here, f"{name}: {units} units are used, {heap.raw.used} are counted")
    if len(used) != heap.raw.blocks:
        yield at(heap.here, f"{name}: {len(used)} blocks are out, {heap.raw.blocks} are counted")
    if heap.raw.used > heap.raw.high_water:
        yield at(heap.here, f"{name}: more is used than ever was")


def owned(heap):
    """owner -> (blocks, bytes)"""
    blocks, size = Counter(), Counter()
    for block in heap.blocks():
        if block.used:
            blocks[block.owner] += 1
            size[block.owner] += block.size
    return {owner: (blocks[owner], size[owner]) for owner in sorted(blocks)}


def report(heaps, owners):
    yield "heap              chunks      bytes       used       free    largest  blocks  failed"
    for heap in heaps:
        unit = heap.codes.unit
        total = sum(chunk.units for chunk in heap.chunks) * unit
        free = [block.units for block in heap.blocks() if not block.used]
        yield (f"{heap.name:<16} {len(heap.chunks):7} {total:10} {heap.raw.used * unit:10} "
               f"{sum(free) * unit:10} {max(free, default=0) * unit:10} {heap.raw.blocks:7} "
               f"{heap.raw.failures:7}")
        for chunk in heap.chunks:
            if chunk.wrong:
                yield f"  {chunk.wrong}"
        if heap.wrong:
            yield f"  {heap.wrong}"
        for owner, (blocks, size) in owned(heap).items():
            yield f"  owner {owners.get(owner, '?'):<10} {blocks:7} blocks {size:10} bytes"
