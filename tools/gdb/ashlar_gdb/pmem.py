# SPDX-License-Identifier: MIT
"""Regions of contiguous memory: the row of quanta as its tags have it, the tree of free blocks
beside it."""

from dataclasses import dataclass, field

from .errors import Damaged
from .findings import at

QUANTUM = 4096
WHERE = "ash_pmem_free"


@dataclass
class Run:
    at: int       # quantum
    quanta: int
    state: str    # free, used, leaving, changing
    owner: int = 0
    view: int = 0
    refs: int = 0


@dataclass
class Region:
    here: int
    name: str
    base: int
    size: int
    raw: object
    runs: list = field(default_factory=list)
    tree: list = None   # bytes of the nodes
    marks: set = None   # quanta whose tag names a distance
    wrong: str = ""

    @property
    def quanta(self):
        return self.raw.runs.quanta

    def pa(self, run):
        return self.base + run.at * QUANTUM


def read(target):
    count = target.variable("region_count", "alloc/pmem.c")
    regions = target.variable("regions", "alloc/pmem.c")
    states = target.enumerators("enum pmem_state", "PMEM_")
    codes = {"states": states, "view": target.macro("PMEM_VIEW", WHERE),
             "shift": target.macro("PMEM_OWNER_SHIFT", WHERE)}
    if count > len(regions):
        count = 0
    return [_region(target, raw, codes) for raw in regions[:count]]


def _region(target, raw, codes):
    region = Region(raw.here, raw.name, raw.range.base.value, raw.range.size, raw)
    runs = raw.runs
    if runs.quanta != region.size // QUANTUM or runs.tree.levels > 20:
        region.wrong = f"{runs.quanta} quanta of {region.size:#x} bytes"
        return region
    try:
        _runs(target, region, codes)
    except Damaged as error:
        region.wrong = str(error)
    return region


def _runs(target, region, codes):
    runs = region.raw.runs
    tags = target.load_array("struct pmem_tag", runs.tags, runs.quanta)
    region.tree = list(target.read(runs.tree.node, 2 << runs.tree.levels))
    inside = next(number for number, name in codes["states"].items() if name == "INSIDE")
    region.marks = set()
    index = 0
    while index < runs.quanta:
        tag = tags[index]
        state = codes["states"].get(tag.state)
        if tag.state == inside:
            if tag.quanta or tag.refs or tag.marks:
                region.wrong = f"quantum {index}: neither free nor the start of a block"
                return
            if region.runs and region.runs[-1].state == "free":
                region.runs[-1].quanta += 1
            else:
                region.runs.append(Run(index, 1, "free"))
            index += 1
            continue
        if state is None or not 0 < tag.quanta <= runs.quanta - index:
            region.wrong = f"quantum {index}: state {tag.state}, {tag.quanta} quanta"
            return
        region.runs.append(Run(index, tag.quanta, state.lower(), tag.marks >> codes["shift"],
                               tag.marks & codes["view"], tag.refs))
        wrong = _inside(tags, region, index, inside)
        if wrong:
            region.wrong = wrong
            return
        index += tag.quanta


def _inside(tags, region, index, inside):
    """The tags behind the first of a block: those that begin a node of the tree tell how far."""
    first = {start for start, _ in cuts(region.raw.runs.first + index, tags[index].quanta)}
    for i in range(1, tags[index].quanta):
        tag = tags[index + i]
        expected = i if region.raw.runs.first + index + i in first else 0
        if tag.state != inside or tag.refs or tag.marks or tag.quanta != expected:
            return f"quantum {index + i}, inside of the block at quantum {index}: not marked so"
    return ""


def cuts(leaf, count):
    """(leaf, order): the largest aligned blocks that make up a range of leaves."""
    while count:
        order = min(count.bit_length() - 1,
                    (leaf & -leaf).bit_length() - 1 if leaf else count.bit_length() - 1)
        yield leaf, order
        leaf += 1 << order
        count -= 1 << order


def check(regions):
    for region in regions:
        name = f"pmem {region.name}"
        if region.wrong:
            yield at(region.here, f"{name}: {region.wrong}")
            continue
        yield from (at(region.here, f"{name}: {what}") for what in _figures(region))
        yield from (at(region.here, f"{name}: {what}") for what in _tree(region))


def _figures(region):
    raw, runs = region.raw, region.runs
    free = sum(run.quanta for run in runs if run.state == "free")
    blocks = [run for run in runs if run.state in ("used", "leaving")]
    if free != raw.runs.free:
        yield f"{free} quanta are free, {raw.runs.free} are counted"
    if len(blocks) != raw.blocks:
        yield f"{len(blocks)} blocks are in use, {raw.blocks} are counted"
    leaving = [run for run in blocks if run.state == "leaving"]
    if len(leaving) != raw.leaving:
        yield f"{len(leaving)} blocks are freed and held, {raw.leaving} are counted"
    if any(run.refs == 0 for run in leaving):
        yield "a block that was freed is held by nobody"
    owned = [0] * len(raw.owned)
    for run in blocks:
        if run.owner >= len(owned):
            yield f"the block at {region.pa(run):#x} has owner {run.owner}"
        else:
            owned[run.owner] += run.quanta
    for owner, quanta in enumerate(owned):
        if quanta != raw.owned[owner]:
            yield f"owner {owner} holds {quanta} quanta, {raw.owned[owner]} are counted"


def expected_tree(region):
    """The nodes as the runs make them. What lies below a node that a block took as a whole is as
    it was before, so it is not known: None."""
    levels, first = region.raw.runs.tree.levels, region.raw.runs.first
    leaves = 1 << levels
    node = [0] * (2 * leaves)
    taken = {}
    for run in region.runs:
        if run.state == "free":
            for leaf in range(first + run.at, first + run.at + run.quanta):
                node[leaves + leaf] = 1
        else:
            for leaf, order in cuts(first + run.at, run.quanta):
                taken[(leaves + leaf) >> order] = order
    for n in range(leaves - 1, 0, -1):
        left, right = node[2 * n], node[2 * n + 1]
        level = levels - (n.bit_length() - 1)
        node[n] = level + 1 if left == right == level else max(left, right)
    for n in taken:
        low, high = 2 * n, 2 * n + 1
        while low < 2 * leaves:
            node[low:high + 1] = [None] * (high - low + 1)
            low, high = 2 * low, 2 * high + 1
    return node


def _tree(region):
    expected = expected_tree(region)
    for n in range(1, len(expected)):
        if expected[n] is not None and region.tree[n] != expected[n]:
            yield (f"node {n} of the tree of free blocks says {region.tree[n]}, the blocks make it "
                   f"{expected[n]}")


VIEWS = {0: "cached", 1: "uncached", 4: "ordered"}


def report(regions, owners):
    for region in regions:
        free = [run.quanta for run in region.runs if run.state == "free"]
        yield (f"{region.name:<12} {region.base:#011x} {region.size // 1024:8} KiB: "
               f"{4 * sum(free)} KiB free, largest {4 * max(free, default=0)} KiB, high water "
               f"{4 * region.raw.high_water} KiB, {region.raw.blocks} blocks, "
               f"{region.raw.failures} failures")
        if region.wrong:
            yield f"  {region.wrong}"
        for run in region.runs:
            yield f"  {region.pa(run):#011x} {4 * run.quanta:8} KiB  {words(run, owners)}"


def words(run, owners):
    if run.state in ("free", "changing"):
        return run.state
    text = VIEWS.get(run.view, f"view {run.view}?")
    text += f", {owners.get(run.owner, '?')}" if run.owner else ""
    text += f", {run.refs} references" if run.refs else ""
    return text + (", freed" if run.state == "leaving" else "")
