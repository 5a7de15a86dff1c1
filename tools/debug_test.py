# SPDX-License-Identifier: MIT
"""Tests the debugger's commands (tools/gdb) on machines: what they say must be what the firmware
says of itself, and each defect that is put into memory must be found. One job an architecture; it
has a machine that is halted at its reset vector, one at the prompt, one inside of self-tests, one
in a program of user mode, one that has crashed, and its core."""

import functools
import os
import re
import subprocess
import sys

import debug_frames
import machine as machines
import run
from console import Console, ConsoleError
from debugger import Debugger, Monitor, foreign, halted, monitor, stub

LIMIT = 2000.0  # seconds for a machine
PATIENCE = 300.0  # seconds for the machine, on a host that is busy with others
FOUND = re.compile(r"^(\d+) findings?$", re.MULTILINE)
STEP = re.compile(r"level (\d): table 0x([0-9a-f]+) \[(\d+)\] = 0x([0-9a-f]+)")
USER_BASE = {"a32": 0xc0010000, "a64": 0xffffff8000010000}  # where programs begin


def wanted(condition, what):
    if not condition:
        raise ConsoleError(what)


class Scene:
    """A machine and a debugger; each check is one result."""

    def __init__(self, machine, build, log, command, extra=()):
        """`command`: its command line, for the folder of images and more options."""
        self.arch = machine.arch
        self.results = []
        self.sockets = {name: f"{log}.{name}" for name in ("gdb", "qmp")}
        self.core = f"{log}.core"
        self.remove()
        extra = [*extra, *stub(self.sockets["gdb"]), *monitor(self.sockets["qmp"])]
        self.console = Console(command(build, extra=extra), f"{log}.console", limit=LIMIT)
        self.gdb = Debugger(machine, os.path.join(build, machine.elf), log, LIMIT)

    def remove(self):
        for path in [*self.sockets.values(), self.core]:
            if os.path.exists(path):
                os.unlink(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gdb.close()
        self.console.close()
        self.remove()

    def test(self, name, function):
        """True if it passes."""
        wrong = ""
        try:
            function()
        except ConsoleError as error:
            wrong = str(error)
        self.results.append(run.check(name, wrong))
        return not wrong

    # -- the machine --

    def prompt(self):
        run.wait_for_prompt(self.console, PATIENCE)

    def ask(self, command):
        """What the firmware's prompt prints."""
        start = self.console.position
        self.console.send(f"{command}\r")
        self.console.expect(rf"^{re.escape(machines.PROMPT)}", PATIENCE)
        return [line.rstrip() for line in self.console.text[start:].splitlines()[1:-1]]

    def attached(self):
        self.gdb.attach(self.sockets["gdb"])

    def detach(self):
        self.gdb.command("detach")

    def stop_in(self, command, place):
        """Types a command at the prompt and stops where it gets to."""
        self.gdb.command(place)
        self.gdb.send_command("continue")
        self.console.send(f"{command}\r")
        text = self.gdb.await_answer()
        wanted("reakpoint" in text, f"{place}: {text.strip()}")

    def go_on(self):
        """Lets the machine run to its prompt."""
        self.gdb.command("delete")
        self.detach()
        self.console.expect(rf"^{re.escape(machines.PROMPT)}", PATIENCE)

    # -- checks --

    def findings(self):
        """The number of findings, and all that is said."""
        text = self.gdb.command("ashlar check")
        match = FOUND.search(text)
        wanted(match, f"ashlar check ends with {text.strip()[-60:]!r}")
        return int(match[1]), text

    def sound(self):
        count, text = self.findings()
        wanted(count == 0, f"{count} findings where all is well: {text.strip()}")
        wanted("left out" not in text, f"a module was left out: {text.strip()}")

    def finds(self, place, value, pattern):
        """A defect: the word at `place` (an expression) becomes `value`, in which $ is what it was;
        the check must say something that the pattern matches. Then it is as before."""
        gdb = self.gdb
        old = gdb.value(place)
        gdb.command(f"set var {place} = {value.replace('$', f'{old}ull')}")
        try:
            wanted(gdb.value(place) != old, f"{place} is still {old}")
            count, text = self.findings()
        finally:
            gdb.command(f"set var {place} = {old}ull")
        wanted(count > 0, f"nothing is found where {place} is {value}")
        wanted(re.search(pattern, text), f"{place} = {value}: no {pattern!r} in {text.strip()}")

    def entry(self, address, level=3):
        """The table entry that translates an address, as an expression."""
        steps = STEP.findall(self.gdb.command(f"ashlar walk {address}"))
        for at, table, index, _ in steps:
            if int(at) == level:
                return f"*(unsigned long long *){int(table, 16) + 8 * int(index):#x}"
        raise ConsoleError(f"no level {level} in the walk of {address}")


def same(ours, theirs, what):
    ours, theirs = [line for line in ours if line], [line for line in theirs if line]
    for one, other in zip(ours, theirs):
        wanted(one == other, f"{what}: {one!r}, the firmware says {other!r}")
    wanted(len(ours) == len(theirs), f"{what}: {len(ours)} lines, the firmware has {len(theirs)}")


# -- at the reset vector, and in main --

def walks(scene):
    """Code, constants, page 0, a guard."""
    gdb = scene.gdb
    main = gdb.value("(unsigned long)&main")
    text = gdb.command("ashlar walk main")
    wanted(re.search(rf"PA {main:#x}$", text, re.MULTILINE) and " r-x- global" in text and
           "as installed" in text,
           f"walk of main: {text.strip()}")
    text = gdb.command("ashlar walk &frames_state")
    wanted(" rw-- global" in text, f"walk of data: {text.strip()}")
    text = gdb.command("ashlar walk 0")  # whose table is missing where no memory lies near
    wanted("translation fault, level" in text, f"walk of page 0: {text.strip()}")
    guard = "stacks_layout.blocks + stacks_layout.part[0].base - 1"
    text = gdb.command(f"ashlar walk {guard}")
    wanted("translation fault, level 3" in text, f"walk of a guard: {text.strip()}")
    text = gdb.command(f"ashlar what {guard}")
    wanted("the guard below stack" in text, f"what of a guard: {text.strip()}")


def from_reset(scene, machine):
    gdb = scene.gdb

    def before_boot():
        scene.attached()
        text = gdb.command("ashlar check")
        wanted("not made yet" in text, f"before boot: {text.strip()}")
        for command in ("map", "vmap", "frames", "pools", "slabs", "heaps", "pmem", "owners", "spaces",
                        "locks"):
            gdb.command(f"ashlar {command}")
        wanted("boot has not made" in gdb.command("ashlar walk 0"), "walk before boot")

    def in_main():
        gdb.command("thbreak main")
        gdb.send_command("continue")
        machine.start(scene.console)
        text = gdb.await_answer()
        # Where registers are not the image's, gdb does not know which breakpoint that was.
        wanted(" main (" in text or foreign(machine) and "SIGTRAP" in text,
               f"main is not reached: {text.strip()}")
        scene.sound()
        walks(scene)

    if scene.test("halted at the reset vector", before_boot):
        scene.test("halted in main", in_main)


# -- at the prompt --

def reports(scene):
    """What the commands print is what the prompt prints."""
    tables = scene.ask("mem")
    tables = tables[tables.index("the tables:") + 1:]
    told = {name: scene.ask(name) for name in ("frames", "pools", "pmem", "vmap")}
    scene.attached()
    ours = scene.gdb.lines("ashlar map")
    start = next(i for i, line in enumerate(ours) if ", level " in line)
    same(ours[start:], tables, "map")
    for name, theirs in told.items():
        same(scene.gdb.lines(f"ashlar {name}"), theirs, name)


def explained(scene):
    """A walk is what the prompt says of the same address."""
    for symbol in ("main", "frames_state", "ash_error_no"):
        address = scene.gdb.value(f"(unsigned long)&{symbol}") if symbol != "ash_error_no" else 0
        ours = scene.gdb.lines(f"ashlar walk {address:#x}")[1:]
        scene.detach()
        theirs = scene.ask(f"pt {address:#x}")
        scene.attached()
        for one, other in zip(ours, theirs):
            wanted(one.startswith(other), f"{one!r}, the firmware says {other!r}")
        wanted(len(ours) == len(theirs), f"walk of {symbol}: {ours}")


def backtrace(scene):
    """From the console's loop down to main, with return addresses signed where they are."""
    text = scene.gdb.command("backtrace")
    wanted(re.search(r"^#\d+ .* in main \(", text, re.MULTILINE), f"no main in {text.strip()}")


def printers(scene):
    for expression, pattern in (
            ("ash_boot_map.root_pa", r"= PA 0x[0-9a-f]+$"),
            ("ash_boot_map.base", r"= VA 0x0$"),
            ("ash_platform.ram[0]", r"= \[0x40000000, 0x44000000\), 0x4000000 bytes$"),
            ("(enum ash_owner)2", r"= tables$"),
            ("(ash_mmu_attr_t)0x101", r"= uncached rw--$"),
            ("frames_state.lock", r"= 'frames': free, taken \d+ times$"),
            ("*(ash_frame_t *)&frames_state.range[0].first", r"= frame 0x40000 \(PA 0x40000000\)$")):
        text = scene.gdb.command(f"print {expression}")
        wanted(re.search(pattern, text, re.MULTILINE), f"print {expression}: {text.strip()}")
    for command, pattern in (
            ("ashlar error -7", "^ASH_EBUSY$"),
            ("print $ash_error(-2)", '= "ASH_ENOMEM"$'),
            ("ashlar frames ash_boot_map.root_pa", "used by tables, 1 reference"),
            ("ashlar frames 0", "no RAM that frames knows"),
            ("ashlar frames &frames_state", "RAM that was reserved")):
        text = scene.gdb.command(command)
        wanted(re.search(pattern, text, re.MULTILINE), f"{command}: {text.strip()}")


def held_lock(scene):
    """A lock that is held is named, since what it protects may be in the middle of a change."""
    gdb = scene.gdb
    gdb.command("set var frames_state.lock.next += 1")
    try:
        count, text = scene.findings()
        wanted(count == 0 and re.search(r"^locks that are held.*: frames \(held", text, re.MULTILINE),
               f"a held lock: {text.strip()}")
        wanted("held" in gdb.command("print frames_state.lock"), "the pretty-printer of a held lock")
    finally:
        gdb.command("set var frames_state.lock.next -= 1")


def free_list(gdb):
    """The index of the head of a list that has a block of more than a frame."""
    for order in range(10, 0, -1):
        for lists in (0, 1):
            head = gdb.value(f"frames_state.all_lists[{lists}].heads + {order}")
            if gdb.value(f"frames_state.links[{head}].next") != head:
                return head
    raise ConsoleError("all free blocks are of one frame")


def defects(scene):
    """(name, place, value, pattern)"""
    root = "frames_state.words[ash_boot_map.root_pa.value / 4096 - frames_state.delta[0]]"
    yield "a used frame marked free", root, "$ ^ 0x2000", "free block"
    yield "a figure of a zone", "frames_state.zone[1].free", "$ + 1", "frames are free"
    head = f"frames_state.links[{free_list(scene.gdb)}]"
    yield "a link of a free list", f"{head}.prev", "0", "ends at another block"
    yield "a free list cut off", f"{head}.next", "0", "leads to index|in no list"
    yield "an order", f"frames_state.words[{head}.next]", "$ - 0x100", "free blocks|free list"
    yield "a cache of frames", "frames_cpus[0].all[0].count", "$ ^ 1", "kept"
    data = scene.entry("&frames_state")
    yield "data that may be executed", data, "$ & ~(3ull << 53)", "writable and executable"
    yield "an entry that leads nowhere", data, "$ | 1ull << 37", "no RAM or flash"
    yield "two types of one frame", data, "(($ & ~0x1cull) | 8) ^ 0x1000", "normal memory here and as device"
    yield "code that may be written", scene.entry("main"), "$ & ~0x80ull", "writable and exec"
    yield "page 0", scene.entry("0"), "0x40000703 | 3ull << 53", "page 0 is mapped"
    yield ("a guard", scene.entry("stacks_layout.blocks + stacks_layout.part[0].base - 1"),
           "0x40000703 | 3ull << 53", "the guard below stack .* is mapped")
    yield "a count of entries", scene.entry("main", 2), "$ + 4", "valid entries, and"
    yield "the number of tables", "ash_boot_map.counters.tables", "$ + 1", "tables are reached"
    yield "a pool", "message_pool.list.first", "$ + 3", "pool message"
    yield "a lock", "frames_state.lock.serving", "$ + 9", "lock frames: damaged"


def inject(scene, found):
    for name, place, value, pattern in found:
        scene.test(f"found: {name}",
                   lambda p=place, v=value, r=pattern: scene.finds(p, v, r))
    scene.test("and all is well again", scene.sound)


def in_self_tests(scene):
    """Stops inside of self-tests, where allocators have much to tell."""
    gdb = scene.gdb

    def at(command, place, *commands):
        def stop():
            scene.stop_in(command, place)
            scene.sound()
            for one in commands:
                text = gdb.command(f"ashlar {one}")
                wanted(text.strip(), f"ashlar {one} says nothing")
        return stop

    def owned():
        """What an owner holds is what its blocks add up to."""
        rows = [line.split() for line in gdb.lines("ashlar owners")[1:]]
        for row in rows:
            blocks = [line.split() for line in gdb.lines(f"ashlar owners {row[0]}")]
            for column, (kind, place) in enumerate((("frames", 2), ("heap", 3), ("pmem", 3)), 1):
                total = sum(int(block[place]) for block in blocks if block[0] == kind)
                wanted(total == int(row[column]), f"{row[0]}: {row[column]} of {kind}, not {total}")

    def what(expression, pattern):
        text = gdb.command(f"ashlar what {expression}")
        wanted(re.search(pattern, text), f"ashlar what {expression}: {text.strip()}")

    if scene.test("inside of test heap", at("test heap", "tbreak ash_heap_free if heap->blocks > 30",
                                            "heaps")):
        scene.test("owners", owned)
        # The block that is freed.
        scene.test("what: a block", lambda: what("block", r"heap: heap, used block of \d+ bytes"))
        inject(scene, (
            ("a header", "((unsigned *)block)[-1]", "$ ^ 0x100", "header of the block .* overwr"),
            ("a figure of the heap", "heap->used", "$ + 1", "units are used"),
            ("a bit of a list", "heap->classes[0]", "$ ^ 1", "the bit of list"),
            ("the frames of a chunk", "heap->chunk->frame.number", "$ + 1", "a chunk of heap"),
            ("the end of a chunk", "heap->chunk->units", "$ - 2", "heap heap: the")))
        scene.test("goes on", scene.go_on)
        scene.attached()
    if scene.test("inside of test slab", at("test slab", "tbreak ash_slab_verify", "slabs")):
        scene.test("what: an object", lambda: what("slab->magazine[0].round[0].object",
                                                   r"object cache: object \d+ .*in a magazine"))
        inject(scene, (
            ("a label", "*(unsigned *)(slab->partial->base + (4096 << slab->order) - 4)", "$ ^ 1",
             "label was overwritten"),
            ("a count of objects", "slab->partial->taken", "$ + 1", "objects"),
            ("a count of slabs", "slab->slabs", "$ + 1", "slabs are there"),
            ("a magazine", "slab->magazine[0].round[0].object", "$ + 4", "in the magazine of CPU 0"),
            ("a free list", "slab->partial->first", "$ + 1", "object cache")))
        scene.test("goes on", scene.go_on)
        scene.attached()
    if scene.test("inside of test pool", at("test pool", "tbreak ash_pool_destroy", "pools")):
        scene.test("what: a block of a pool", lambda: what("pool->blocks + 5",
                                                           r"pool: block 0 of carved \(in use\)"))
        inject(scene, (
            ("a block that is out", "pool->state[3]", "4", "blocks are out"),
            ("the free list of a pool", "pool->list.first", "7", "pool carved"),
            ("the frames of a pool", "pool->frame.number", "$ ^ 1", "pool carved, but no")))
        scene.test("goes on", scene.go_on)
        scene.attached()
    if scene.test("inside of test pmem", at("test pmem", "tbreak ash_pmem_verify if region->blocks > 4",
                                            "pmem")):
        inject(scene, (
            ("a tag", "region->runs.tags[0].quanta", "$ + 1", "pmem dma"),
            ("a node of the tree", "region->runs.tree.node[1]", "$ ^ 1", "node 1 of the tree"),
            ("quanta of an owner", "region->owned[0]", "$ + 1", "owner 0 holds"),
            ("free quanta", "region->runs.free", "$ - 1", "quanta are free")))
        scene.test("goes on", scene.go_on)
        scene.attached()
    if scene.test("inside of test vmap", at("test vmap", "tbreak ash_vmap_verify if vmap_state.areas.count > 5", "vmap")):
        root = "vmap_state.areas.by_address.rbh_root"
        inject(scene, (
            ("an area", f"{root}->pages", "$ + 1", "the area before it ends|areas end here"),
            ("the color of an area", f"{root}->by_address.rbe_color", "$ ^ 1", "black nodes|are red"),
            ("the parent of an area", f"{root}->by_address.rbe_parent", "4", "another parent"),
            ("free pages of the range", "vmap_state.areas.free", "$ - 1", "free pages are there")))
        scene.test("goes on", scene.go_on)
        scene.attached()


def in_programs(scene):
    """A program of user mode: the processor sees nothing of the firmware there."""
    gdb = scene.gdb
    base = USER_BASE[scene.arch]

    def stop():
        scene.stop_in("run hello", f"thbreak *{base:#x}")
        wanted("hello" in gdb.command("ashlar spaces"), "no space of the program")
        text = gdb.command(f"ashlar walk {base:#x}")
        wanted("space 'hello', as installed" in text and re.search(r" r-xu$", text, re.MULTILINE),
               f"walk of the program: {text.strip()}")
        wanted(f"0x{base:x}-" in gdb.command("ashlar spaces hello"), "the map of the space")
        walks(scene)
        scene.sound()

    def free_page():
        """A page of a program leads to memory that is free."""
        gdb.command("delete")
        gdb.command("tbreak ash_process_report")
        wanted("ash_process_report" in gdb.command("continue"), "the program does not end")
        pa = gdb.value(f"frames_state.links[{free_list(gdb)}].next + frames_state.delta[0]") << 12
        text = gdb.command(f"ashlar walk {base:#x} hello")
        wanted("the only space" in text or "as asked" in text, text)
        steps = STEP.findall(text)
        entry = f"*(unsigned long long *){int(steps[-1][1], 16) + 8 * int(steps[-1][2]):#x}"
        scene.finds(entry, f"($ & 0xfff0000000000fffull) | {pa:#x}", "which is free")
        scene.finds(entry, "$ & ~0x800ull", "global entry under an ASID")

    if scene.test("in a program of user mode", stop):
        scene.test("found: a program's page that is free", free_page)
    scene.test("the program ends", scene.go_on)


def crashed(scene):
    """A crash, and its core: the same is said of both."""
    gdb = scene.gdb
    commands = ("check", "vmap", "frames", "pools", "heaps", "pmem", "owners", "locks", "map")
    live = {}

    def after():
        scene.console.send("crash null-read\r")
        scene.console.expect(r"^\*\*\* stopped", PATIENCE)
        scene.attached()
        scene.sound()
        for command in commands:
            live[command] = gdb.command(f"ashlar {command}")
        with Monitor(scene.sockets["qmp"]) as qemu:
            qemu.dump(scene.core)
        scene.detach()

    def core():
        gdb.command(f"core-file {scene.core}")
        wanted(re.search(r"^#0 ", gdb.command("backtrace"), re.MULTILINE), "no backtrace in a core")
        wanted("no register tells" in gdb.command("ashlar walk main"), "registers in a core")
        scene.sound()
        for command in commands:
            text = gdb.command(f"ashlar {command}")
            wanted(text == live[command], f"ashlar {command}: another answer: {text.strip()}")

    if scene.test("after a crash", after):
        scene.test("a core", core)


def make_debug(arch, build):
    """What `make debug` gives a person, who types a few commands."""
    command = ["timeout", str(PATIENCE), sys.executable, "-B",
               os.path.join(os.path.dirname(__file__), "run.py"), "--debug", "--arch", arch,
               "--build", build, "--mem", "64M", "--no-disk"]
    typed = "tbreak banner_print\ncontinue\nbacktrace\nashlar help\nashlar check\nkill\nquit\n"
    text = subprocess.run(command, input=typed, text=True, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT).stdout
    missing = [words for words in ("_start in section", "#1 ", " in main (", "ashlar walk ADDRESS",
                                   "0 findings") if words not in text]
    return [run.check("make debug", f"no {missing} in {text.strip()[-1500:]}" if missing else "")]


def frames_of_functions(build):
    """That backtraces find their way through signed return addresses."""
    calls, wrong = debug_frames.judge(os.path.join(build, "ashlar-ram.elf"))
    return [run.check("frames of functions", "no call is found" if calls < 1000 else
                      f"{len(wrong)} of {calls} calls: {'; '.join(wrong[:5])}" if wrong else "")]


def judge_board(machine, build, log):
    """What is the same on every board: from its first instruction to main."""
    with Scene(machine, build, log, functools.partial(halted, machine)) as scene:
        from_reset(scene, machine)
        return scene.results


def judge(arch, build, log):
    """All results of an architecture."""
    machine = machines.Machine(build=arch, mem="64M", smp=2)
    results = judge_board(machine, build, f"{log}.flash")
    results += make_debug(arch, build)
    if arch == "a64":
        results += frames_of_functions(build)
    machine = machines.Machine(image="ram", build=arch, mem="64M", smp=2)
    with Scene(machine, build, log, machine.command, ["-append", "notest"]) as scene:
        if scene.test("reaches the prompt", scene.prompt) and scene.test(
                "reports are the firmware's own", lambda: reports(scene)):
            scene.test("walks are the firmware's own", lambda: explained(scene))
            scene.test("backtrace", lambda: backtrace(scene))
            scene.test("pretty-printers", lambda: printers(scene))
            scene.test("nothing is found where all is well", scene.sound)
            scene.test("a held lock", lambda: held_lock(scene))
            inject(scene, list(defects(scene)))
            in_self_tests(scene)
            in_programs(scene)
            crashed(scene)
        results += scene.results
    return results
