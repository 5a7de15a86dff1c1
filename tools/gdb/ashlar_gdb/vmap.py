# SPDX-License-Identifier: MIT
"""The vmap range: a row of areas, in a tree by address and, the free ones, in a tree by size."""

from dataclasses import dataclass, field

from . import tables
from .errors import Absent, Damaged
from .findings import Finding, at

MOST = 1000000
RED = 1  # of <sys/tree.h>


@dataclass
class Vmap:
    first: int
    pages: int
    raw: object
    areas: list = field(default_factory=list)    # in the order of the tree
    by_size: list = field(default_factory=list)  # free ones, in that order
    kinds: dict = field(default_factory=dict)
    wrong: list = field(default_factory=list)


def read(target):
    """None where the range is empty or was not made yet."""
    state = target.variable("vmap_state")
    if state.pages == 0:
        return None
    kinds = {number: name.lower() for number, name in
             target.enumerators("enum vmap_kind", "VMAP_").items()}
    vmap = Vmap(state.first, state.pages, state, kinds=kinds)
    for name in ("by_address", "by_size"):
        found = vmap.areas if name == "by_address" else vmap.by_size
        try:
            vmap.wrong += walk(lambda address: target.load("struct vmap_area", address),
                               getattr(state.areas, name).rbh_root, name, found)
        except Damaged as error:
            vmap.wrong.append(f"tree {name}: {error}")
    return vmap


def walk(load, root, name, found):
    """Appends the nodes of a red-black tree in order; what is wrong with it."""
    wrong, heights, seen = [], set(), set()
    # (address, parent, whether the parent is red, black nodes above, whether its left is done)
    stack = [(root, 0, False, 0, False)]
    while stack:
        address, parent, red, blacks, done = stack.pop()
        if address == 0:
            heights.add(blacks)
            continue
        if not done and (address in seen or len(seen) > MOST):
            return [*wrong, f"tree {name}: the node at {address:#x} is reached twice"]
        seen.add(address)
        node = load(address)
        entry = getattr(node, name)
        if not hasattr(entry, "rbe_left"):
            raise Absent("the trees of this C library are of another make")
        mine, below = entry.rbe_color == RED, blacks + (entry.rbe_color != RED)
        if done:
            found.append(node)
            stack.append((entry.rbe_right, address, mine, below, False))
            continue
        if entry.rbe_parent != parent:
            wrong.append(f"tree {name}: the node at {address:#x} has another parent")
        if mine and red:
            wrong.append(f"tree {name}: the node at {address:#x} and its parent are red")
        stack.append((address, parent, red, blacks, True))
        stack.append((entry.rbe_left, address, mine, below, False))
    if len(heights) > 1:
        wrong.append(f"tree {name}: its branches have {sorted(heights)} black nodes")
    return wrong


def check(vmap, map_):
    """Findings; map_: the firmware's, or None."""
    if vmap is None:
        return
    yield from (Finding(what) for what in vmap.wrong)
    if vmap.wrong:
        return
    yield from _row(vmap)
    free = [area for area in vmap.areas if _kind(vmap, area) == "free"]
    if [area.here for area in sorted(free, key=lambda a: (a.pages, a.page))] != [
            area.here for area in vmap.by_size]:
        yield Finding("the tree by size does not hold the free areas in order")
    raw = vmap.raw.areas
    for what, ours, counted in (
            ("areas", len(vmap.areas), raw.count), ("free areas", len(free), raw.free_count),
            ("free pages", sum(area.pages for area in free), raw.free)):
        if ours != counted:
            yield Finding(f"{ours} {what} are there, {counted} are counted")
    if map_ is not None:
        for area in vmap.areas:
            yield from _mapped(vmap, area, map_)


def _kind(vmap, area):
    return vmap.kinds.get(area.kind, f"kind {area.kind}?")


def _row(vmap):
    """Each page belongs to one area; the last page of the range to none."""
    page, before = vmap.first, ""
    for area in vmap.areas:
        kind = _kind(vmap, area)
        if area.page != page:
            yield at(area.page << 12, f"the area before it ends at {page << 12:#x}")
        if before == kind == "free":
            yield at(area.page << 12, "two free areas side by side")
        if kind.endswith("?"):
            yield at(area.page << 12, f"area of {kind}")
        page, before = area.page + area.pages, kind
    if page != vmap.first + vmap.raw.areas.pages:
        yield at(page << 12, "the areas end here, the range does not")


def _mapped(vmap, area, map_):
    kind, first = _kind(vmap, area), area.page << 12
    if kind in ("changing", "windows"):
        return
    for page in range(area.page, area.page + area.pages) if kind != "free" else ():
        va = page << 12
        pa = tables.physical(map_, va)
        if page == area.page:
            if pa is not None:
                yield at(va, f"the guard of an area of {kind} is mapped")
        elif pa is None:
            yield at(va, f"a page of an area of {kind} is not mapped")
        elif kind == "device" and pa != area.device.pa + va - first - 4096:
            yield at(va, f"a device area that leads to {pa:#x}, not {area.device.pa:#x} and on")
    if kind == "free":
        end = (area.page + area.pages) << 12
        inside = next((m for m in tables.leaves(map_) if m.va < end and first < m.va + m.size), None)
        if inside is not None:
            yield at(max(inside.va, first), "mapped in a free area")


def report(target, vmap):
    """As the prompt's `vmap` has it."""
    for area in vmap.areas if vmap else ():
        kind = _kind(vmap, area)
        guard = kind != "free"
        name = f" {target.string(area.stack.name)}" if kind == "stack" else ""
        yield (f"  0x{(area.page + guard) << 12:08x} {(area.pages - guard) * 4:9} KiB  {kind}{name}")
    yield from (f"  {what}" for what in (vmap.wrong if vmap else ["no vmap range yet"]))
