# SPDX-License-Identifier: MIT
"""Spinlocks: which are held now, and how often each was taken."""

from .errors import Absent
from .layout import Struct

MOST = 10000


def cpus_at(raw):
    """How many CPUs hold a lock or wait for it, from its tickets; None where it has none."""
    taken, serving = raw.get("next"), raw.get("serving")
    if taken is None or serving is None:
        return None
    # One that was never taken serves nobody yet.
    if taken == 0 and serving in (0, 0xffffffff):
        return 0
    return (taken - serving) & 0xffffffff


def of_members(here, members):
    """The lock at an address, of which these members are known."""
    return Struct(here, members)


def holders(target):
    """address of a lock -> CPU, where the firmware keeps account (ASH_CHECK 2)."""
    try:
        held = target.variable("held", "port/lock.c")
    except Absent:
        return None
    return {lock: cpu for cpu, of_cpu in enumerate(held)
            for lock in of_cpu.lock[:min(of_cpu.count, len(of_cpu.lock))]}


def words(raw, known=None):
    """What a lock says of itself."""
    count = cpus_at(raw)
    if known is not None:
        count = max(count or 0, 1) if raw.here in known else 0
    if count is None:
        return "one CPU: masks interrupts, nothing is noted"
    if count == 0:
        return "free"
    if count > 64:
        return f"damaged: ticket {raw.next}, serving {raw.serving}"
    text = "held" if known is None else f"held by CPU {known[raw.here]}"
    return text + (f", {count - 1} waiting" if count > 1 else "")


def read(target):
    """All that the list of locks has; None where locks have no names."""
    try:
        address = target.variable("list", "port/lock.c")
        left = target.variable("list_count", "port/lock.c")
    except Absent:
        return None
    found, seen = [], set()
    while address and left and address not in seen and len(seen) < MOST:
        seen.add(address)
        left -= 1
        raw = target.load("struct ash_spinlock", address)
        found.append(raw)
        address = raw.following
    return found


def report(target, raws, known):
    if raws is None:
        yield "locks of this build have no names"
        return
    words_of = target.variable("rank_words", "port/lock.c") if target.has(
        "rank_words", "port/lock.c") else []
    yield "rank           lock                  taken     waited"
    for raw in sorted(raws, key=lambda raw: raw.rank):
        rank = target.string(words_of[raw.rank]) if raw.rank < len(words_of) else str(raw.rank)
        state = words(raw, known)
        yield (f"{rank:<14} {target.string(raw.name) or 'unnamed':<16} {raw.next:10} "
               f"{raw.waited:10}" + ("" if state == "free" else f"  {state}"))
