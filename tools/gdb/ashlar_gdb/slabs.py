# SPDX-License-Identifier: MIT
"""Object caches: their slabs, found by the rows of descriptors, and the magazines of CPUs."""

from dataclasses import dataclass, field

from .errors import Damaged
from .findings import at

WHERE = "ash_slab_verify"
MOST = 10000  # caches


@dataclass
class Slab:
    here: int      # of the descriptor
    base: int
    number: int
    taken: int
    free: list = field(default_factory=list)  # indices of objects, in the order of the list
    fresh: int = 0                            # objects that were ever taken
    out: list = field(default_factory=list)
    cached: list = field(default_factory=list)
    wrong: str = ""


@dataclass
class Cache:
    here: int
    name: str
    size: int
    stride: int
    order: int
    count: int     # objects of a slab
    taken: int
    most: int
    failures: int
    owner: int
    slab_count: int
    checked: bool  # states tell what is out (ASH_CHECK >= 1)
    slabs: list = field(default_factory=list)
    magazines: list = field(default_factory=list)  # (count, [objects])
    partial: list = field(default_factory=list)    # addresses of descriptors
    empty: list = field(default_factory=list)
    wrong: str = ""

    @property
    def in_magazines(self):
        return sum(count for count, _ in self.magazines)

    @property
    def used(self):
        return max(0, self.taken - self.in_magazines)

    def slab_of(self, address):
        size = 4096 << self.order
        return next((slab for slab in self.slabs if slab.base <= address < slab.base + size), None)


def read(target):
    caches, seen = [], set()
    address = target.variable("caches", "alloc/slab_report.c")
    while address and address not in seen and len(seen) < MOST:
        seen.add(address)
        raw = target.load("struct ash_slab", address)
        caches.append(_cache(target, address, raw))
        address = raw.next
    return caches


def _cache(target, address, raw):
    checked = target.macro("ASH_CHECK", WHERE) >= 1
    cache = Cache(address, target.string(raw.config.name), raw.config.size, raw.stride, raw.order,
                  raw.count, raw.taken, raw.most, raw.failures, raw.config.owner, raw.slabs, checked)
    cache.magazines = [(magazine.count, [r.object for r in magazine.round[:magazine.count]])
                       for magazine in raw.magazine]
    if raw.rows > len(raw.row):
        cache.wrong = f"{raw.rows} rows of descriptors"
        return cache
    try:
        codes = {name: target.macro(f"SLAB_{name}", WHERE)
                 for name in ("OUT", "CACHED", "FRESH")}
        record = target.layout("struct slab")
        for row in range(raw.rows):
            slots = raw.slots << row // 8
            if row + 1 == raw.rows:
                slots = min(slots, raw.next_slot)
            for slot in range(slots):
                at_ = raw.row[row] + slot * raw.slot_size
                one = target.load("struct slab", at_)
                if one.base:
                    cache.slabs.append(_slab(target, cache, one, record.size, codes))
        for name in ("partial", "empty"):
            _list(target, cache, name, getattr(raw, name))
    except Damaged as error:
        cache.wrong = str(error)
    return cache


def _list(target, cache, name, address):
    listed = getattr(cache, name)
    while address and address not in listed and len(listed) <= cache.slab_count:
        listed.append(address)
        address = target.load("struct slab", address).next


def _slab(target, cache, raw, header, codes):
    slab = Slab(raw.here, raw.base, raw.number, raw.taken)
    states = target.words(raw.here + header, cache.count)
    place = raw.first
    while not place & codes["FRESH"] and place < cache.count and place not in slab.free:
        slab.free.append(place)
        place = states[place]
    if not place & codes["FRESH"]:
        slab.wrong = "the free list is broken"
    slab.fresh = place & ~codes["FRESH"]
    if slab.fresh > cache.count:
        slab.wrong = "the free list ends behind the slab"
        slab.fresh = 0
    # What users of a build without checks have is not told from their magazines.
    slab.out = [i for i in range(slab.fresh) if states[i] == codes["OUT"]]
    slab.cached = [i for i in range(slab.fresh) if states[i] == codes["CACHED"]]
    # The last word of the slab leads to its descriptor, encoded with its address (alloc/slab.h).
    end = slab.base + (4096 << cache.order)
    label = int.from_bytes(target.read(end - 4, 4), "little")
    if label ^ (slab.base >> 12) * 0x9e3779b9 & 0xffffffff != slab.number:
        slab.wrong = "its label was overwritten"
    return slab


def check(caches):
    for cache in caches:
        name = f"object cache {cache.name or '?'}"
        if cache.wrong:
            yield at(cache.here, f"{name}: {cache.wrong}")
            continue
        known = {slab.here for slab in cache.slabs}
        for slab in cache.slabs:
            yield from _check_slab(name, slab)
        if len(cache.slabs) != cache.slab_count:
            yield at(cache.here, f"{name}: {len(cache.slabs)} slabs are there, {cache.slab_count} "
                                 "are counted")
        taken = sum(slab.taken for slab in cache.slabs)
        if taken != cache.taken:
            yield at(cache.here, f"{name}: {taken} objects are taken, {cache.taken} are counted")
        for kind in ("partial", "empty"):
            for here in getattr(cache, kind):
                slab = next((s for s in cache.slabs if s.here == here), None)
                if here not in known:
                    yield at(here, f"{name}: no slab, but in the list of {kind} ones")
                elif (slab.taken == 0) != (kind == "empty"):
                    yield at(here, f"{name}: with {slab.taken} objects taken in the list of "
                                   f"{kind} ones")
        yield from _check_magazines(name, cache)


def _check_slab(name, slab):
    if slab.wrong:
        yield at(slab.base, f"{name}: {slab.wrong}")
        return
    if slab.taken + len(slab.free) != slab.fresh:
        yield at(slab.base, f"{name}: {slab.taken} objects taken and {len(slab.free)} free are not "
                            f"the {slab.fresh} that ever were taken")
    elif len(slab.out) + len(slab.cached) != slab.taken:
        yield at(slab.base, f"{name}: {len(slab.out)} objects are out and {len(slab.cached)} in "
                            f"magazines, {slab.taken} are counted")


def _check_magazines(name, cache):
    seen = set()
    for cpu, (count, objects) in enumerate(cache.magazines):
        if count != len(objects):
            yield at(cache.here, f"{name}: CPU {cpu} has {count} objects in its magazine")
        for address in objects:
            slab = cache.slab_of(address)
            index, rest = divmod(address - slab.base, cache.stride) if slab else (0, 1)
            if rest:
                yield at(address, f"{name}: no object, but in the magazine of CPU {cpu}")
            elif address in seen:
                yield at(address, f"{name}: in magazines twice")
            elif cache.checked and not slab.wrong and index not in slab.cached:
                yield at(address, f"{name}: in the magazine of CPU {cpu}, but not marked so")
            seen.add(address)


def report(caches, owners):
    yield ("object cache         size   stride  objects     used magazines     most  failed  slabs "
           "owner")
    for cache in caches:
        yield (f"{cache.name:<16} {cache.size:8} {cache.stride:8} "
               f"{cache.slab_count * cache.count:8} {cache.used:8} {cache.in_magazines:9} "
               f"{cache.most:8} {cache.failures:7} {cache.slab_count:6} "
               f"{owners.get(cache.owner, '?')}" + (f"  {cache.wrong}" if cache.wrong else ""))
