# SPDX-License-Identifier: MIT
"""The commands of gdb: one prefix, one class for each."""

import gdb

from . import checkup, findings, frames, heaps, locks, platform, pmem, pools, printers, slabs, \
    spaces, tables, vmap, what
from .access import Target
from .errors import Absent, Damaged

COMMANDS = []


def number(text):
    """An address: any expression of gdb's."""
    try:
        value = gdb.parse_and_eval(text)
        if value.type.strip_typedefs().code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            value = value["value"]
        if value.type.code in (gdb.TYPE_CODE_FUNC, gdb.TYPE_CODE_ARRAY):
            value = value.address
        return int(value) & (1 << 64) - 1
    except gdb.error as error:
        raise gdb.GdbError(f"{text}: {error}")


class Ashlar(gdb.Command):
    """What Ashlar knows of memory, from a machine that is halted, has crashed, or is a core."""

    def __init__(self):
        super().__init__("ashlar", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


class Command(gdb.Command):
    """One of them. `run` yields lines."""
    name = ""
    arguments = ""

    def __init__(self):
        super().__init__(f"ashlar {self.name}", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, _from_tty):
        self.dont_repeat()
        if argument.strip() and not self.arguments:
            raise gdb.GdbError(f"ashlar {self.name} takes no argument")
        try:
            with Target().session() as target:
                boot = spaces.boot_map(target)
                if boot is not None:
                    target.translate = lambda va: tables.physical(boot, va)
                for line in self.run(target, argument.strip()):
                    print(line)
        except (Absent, Damaged) as error:
            raise gdb.GdbError(str(error))

    def run(self, target, argument):
        raise NotImplementedError


def command(name, arguments=""):
    """Makes a command of a function."""
    def decorate(function):
        made = type(name, (Command,), {
            "__doc__": function.__doc__, "name": name, "arguments": arguments,
            "run": staticmethod(function)})
        COMMANDS.append(made)
        return function
    return decorate


@command("map")
def run_map(target, _):
    """The memory map: what lies where, and the firmware's tables as runs.
Usage: ashlar map"""
    boot = spaces.boot_map(target)
    areas = list(platform.image(target)) + [
        platform.Area(region.name, region.base, region.base + region.size, "pmem")
        for region in known(pmem.read, target)] + list(platform.machine(target))
    for area in areas:
        mapping = boot and tables.lookup(boot, area.end - 1)
        how = "not mapped" if not mapping else "{0.kind:<8} {0.access}".format(
            tables.d.leaf(mapping.descriptor, boot.arch, boot.mair))
        yield (f"  {area.kind:<8} {area.name:<24.24} 0x{area.first:08x}-0x{area.end - 1:08x}  "
               f"{how if boot else ''}".rstrip())
    if boot is None:
        yield "the firmware's map is not made yet"
        return
    yield from tables.dump(boot)


@command("walk", "ADDRESS [SPACE]")
def run_walk(target, argument):
    """How an address is translated, level by level.
Usage: ashlar walk ADDRESS [SPACE]
ADDRESS is any expression; SPACE names a space where this CPU has none, or another one."""
    text, name = argument, None
    known_names = {space.name for space in spaces.read(target)}
    if " " in argument and argument.rsplit(None, 1)[1] in known_names:
        text, name = argument.rsplit(None, 1)
    if not text:
        raise gdb.GdbError("ashlar walk wants an address")
    va = number(text) & (1 << 8 * target.word) - 1
    map_, how = spaces.choose(target, va, name)
    yield f"{map_.name}, {how}:"
    yield from tables.explain(map_, va)


@command("frames", "[ADDRESS]")
def run_frames(target, argument):
    """Page frames: free and used by zone, order and owner; or one of them.
Usage: ashlar frames [PHYSICAL-ADDRESS]"""
    found = frames.read(target)
    if found is None:
        yield "the frame allocator has not started"
    elif argument:
        yield frames.describe(found, number(argument) >> 12)
    else:
        yield from frames.report(found)


@command("pools")
def run_pools(target, _):
    """Fixed-block pools: blocks, those in use, the most that ever were.
Usage: ashlar pools"""
    yield from pools.report(pools.read(target))


@command("slabs")
def run_slabs(target, _):
    """Object caches: objects in use and in the magazines of CPUs, slabs.
Usage: ashlar slabs"""
    yield from slabs.report(slabs.read(target), frames.owner_names(target))


@command("heaps")
def run_heaps(target, _):
    """Heaps: memory, blocks, the largest free one, what each owner has.
Usage: ashlar heaps"""
    yield from heaps.report(heaps.read(target), frames.owner_names(target))


@command("pmem")
def run_pmem(target, _):
    """Regions of contiguous memory and their blocks.
Usage: ashlar pmem"""
    yield from pmem.report(pmem.read(target), frames.owner_names(target)) or ("no regions",)


@command("vmap")
def run_vmap(target, _):
    """The vmap range: mappings of frames and memory, stacks, devices, windows.
Usage: ashlar vmap"""
    yield from vmap.report(target, vmap.read(target))


@command("owners", "[NAME]")
def run_owners(target, argument):
    """What each owner has of frames, heaps and pmem; or all blocks of one.
Usage: ashlar owners [NAME]"""
    yield from what.owners(target, argument)


@command("what", "ADDRESS")
def run_what(target, argument):
    """Whose an address is: symbol, stack, mapping, frame, block of an allocator.
Usage: ashlar what ADDRESS"""
    if not argument:
        raise gdb.GdbError("ashlar what wants an address")
    yield from what.at_address(target, number(argument) & (1 << 8 * target.word) - 1)


@command("spaces", "[NAME]")
def run_spaces(target, argument):
    """Spaces: ASIDs, tables, CPUs that have them; or all mappings of one.
Usage: ashlar spaces [NAME]"""
    found = spaces.read(target)
    if not argument:
        yield from spaces.report(target, found)
        return
    chosen = [space for space in found if space.name == argument]
    if not chosen:
        raise gdb.GdbError(f"no space {argument!r}")
    for space in chosen:
        yield from tables.dump(space.map)


@command("locks")
def run_locks(target, _):
    """Spinlocks: how often each was taken, and those that are held now.
Usage: ashlar locks"""
    yield from locks.report(target, locks.read(target), locks.holders(target))


@command("error", "NUMBER")
def run_error(target, argument):
    """The name of an error code, such as -7.
Usage: ashlar error NUMBER"""
    if not argument:
        raise gdb.GdbError("ashlar error wants a number")
    yield printers.error_name(target, int(gdb.parse_and_eval(argument)))


@command("check")
def run_check(target, _):
    """Checks all metadata and tables, without calling anything of the firmware.
Usage: ashlar check
The last line is "N findings"; $ashlar_findings is N."""
    count = 0
    for name, looked_at, found in checkup.run(target):
        yield f"{name:<14} {looked_at:<36} {'ok' if not found else f'{len(found)} found'}".rstrip()
        for line in findings.lines(found):
            yield f"    {line}"
        count += len(found)
    held = list(checkup.held(target))
    if held:
        yield ("locks that are held, so that what they protect may be in the middle of a change: " +
               ", ".join(held))
    gdb.set_convenience_variable("ashlar_findings", count)
    yield f"{count} finding{'' if count == 1 else 's'}"


@command("help")
def run_help(_target, _):
    """The commands.
Usage: ashlar help"""
    for made in COMMANDS:
        first = made.__doc__.split("\n")[0]
        yield f"  ashlar {made.name + ' ' + made.arguments:<24} {first}"


def known(read, target):
    try:
        return read(target)
    except (Absent, Damaged):
        return []


def register():
    Ashlar()
    for made in COMMANDS:
        made()
