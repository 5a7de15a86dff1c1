# SPDX-License-Identifier: MIT
"""Fixed-block pools: the static ones, which a section of the image lists, and the created ones."""

from dataclasses import dataclass, field

from .errors import Absent, Damaged
from .findings import at

WHERE = "ash_pool_alloc"
MOST = 10000  # created pools


@dataclass
class Pool:
    here: int
    name: str
    blocks: int
    stride: int
    count: int
    failures: int
    created: bool
    frame: int
    order: int
    free: list = field(default_factory=list)  # numbers of blocks, in the order of the list
    fresh: int = 0                            # blocks that were ever out
    out: list = None                          # from ASH_CHECK 1 on: what the states say
    counted: int = None                       # free ones, where that is counted
    wrong: str = ""

    @property
    def used(self):
        return self.fresh - len(self.free)

    def block_of(self, address):
        """The number of the block that holds an address, or None."""
        number, _ = divmod(address - self.blocks, self.stride)
        return number if 0 <= number < self.count else None


def read(target):
    addresses = []
    first, last = target.linker("__start_ash_pools"), target.linker("__stop_ash_pools")
    if first and last and first < last <= first + 65536:
        size = target.word
        data = target.read(first, last - first)
        addresses += [int.from_bytes(data[i:i + size], "little")
                      for i in range(0, len(data), size)]
    static = len(addresses)
    try:
        at_ = target.variable("pools", "alloc/pool_report.c")
        while at_ and len(addresses) < MOST and at_ not in addresses[static:]:
            addresses.append(at_)
            at_ = target.load("struct ash_pool", at_).next
    except Absent:
        pass
    fresh, out = target.macro("POOL_FRESH", WHERE), target.macro("POOL_OUT", WHERE)
    return [_pool(target, address, fresh, out) for address in addresses]


def _pool(target, address, fresh, out):
    raw = target.load("struct ash_pool", address)
    pool = Pool(address, target.string(raw.name), raw.blocks, raw.stride, raw.count, raw.failures,
                raw.order != 0, raw.frame.number, raw.order)
    if not raw.stride or not raw.step or not raw.blocks:
        pool.wrong = "not a pool: its size is 0"
        return pool
    try:
        _blocks(target, raw, pool, fresh, out)
    except Damaged as error:
        pool.wrong = str(error)
    return pool


def _blocks(target, raw, pool, fresh, out):
    checked = target.macro("ASH_CHECK", WHERE) >= 1
    if checked:
        pool.out = [n for n, word in enumerate(target.words(raw.state, raw.count)) if word == out]
    if target.macro("ASH_POOL_LOCK_FREE", WHERE) == 0:
        pool.counted = raw.list.count
    _follow(target, raw, pool, fresh, checked)


def _number(raw, place, word):
    """The number of the block at a place, or None. A place is a number, a distance or an address,
    as step says (alloc/pool.h)."""
    base = raw.blocks if raw.step != 1 and word == 4 else 0
    number, rest = divmod(place - base, raw.step)
    return number if rest == 0 and 0 <= number <= raw.count else None


def _follow(target, raw, pool, fresh, checked):
    """The list of free blocks, up to those that were never out."""
    place, seen = raw.list.first, set()
    links = target.words(raw.state, raw.count) if checked else None
    while not place & fresh and place != raw.end:
        number = _number(raw, place, target.word)
        if number is None or number >= raw.count:
            pool.wrong = f"the free list leads to {place:#x}, where no block is"
            return
        if number in seen:
            pool.wrong = f"block {number} is in the free list twice"
            return
        seen.add(number)
        pool.free.append(number)
        if links is not None:
            place = links[number]
        else:
            place = int.from_bytes(target.read(pool.blocks + number * pool.stride, 4), "little")
    number = _number(raw, place & ~fresh, target.word)
    if place != raw.end and number is None:
        pool.wrong = f"the free list ends at {place:#x}, where no block is"
        return
    pool.fresh = raw.count if number is None else number


def check(pools):
    for pool in pools:
        name = pool.name or "?"
        if pool.wrong:
            yield at(pool.here, f"pool {name}: {pool.wrong}")
            continue
        if any(number >= pool.fresh for number in pool.free):
            yield at(pool.here, f"pool {name}: a block that was never out is in the free list")
        if pool.counted is not None and pool.counted != len(pool.free):
            yield at(pool.here, f"pool {name}: {len(pool.free)} blocks are in the free list, "
                                f"{pool.counted} are counted")
        if pool.out is None:
            continue
        both = set(pool.free) & set(pool.out)
        if both:
            yield at(pool.here, f"pool {name}: block {min(both)} is free and out")
        if len(pool.out) != pool.used:
            yield at(pool.here, f"pool {name}: {len(pool.out)} blocks are out, but {pool.fresh} "
                                f"ever were and {len(pool.free)} are free again")


def report(pools):
    """As the prompt's `pools` has it."""
    yield "pool                 size   blocks     used     most  failed"
    for pool in pools:
        yield (f"{pool.name:<16} {pool.stride:8} {pool.count:8} {pool.used:8} {pool.fresh:8} "
               f"{pool.failures:7}" + (f"  {pool.wrong}" if pool.wrong else ""))
