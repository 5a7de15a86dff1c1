# SPDX-License-Identifier: MIT
"""What the debugger's commands make of what they read, without a debugger. The machines of `make
test` try the whole (tools/debug_test.py)."""

import os
import struct
import sys
import unittest
from types import SimpleNamespace

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "gdb"))

from ashlar_gdb import descriptors, heaps, layout, locks, macros, pmem, pools, prologue, tables, \
    tables_check, vmap
from ashlar_gdb.errors import Absent, Unreadable
from ashlar_gdb.ranges import Ranges

MACROS = macros.parse("""Defined at /somewhere.c:0
-DASH_CHECK=2
Defined at alloc/frames.h:1
  included at alloc/frames.c:2
#define MASK (COUNT - 1u)
#define COUNT 8u
#define SHIFT 5u
#define FIELD(word) (((word) & (MASK << SHIFT)) >> SHIFT)
#define ZONE(key) ((key) >> 1 ^ 1u)
#define PAGE ((size_t)1 << 12)
#define OWNER(word) ((word)&(ASH_OWNERS - 1u))
#define LOOP LOOP2
#define LOOP2 LOOP
#define EMPTY
#define NO_BRACKET (1)
""")


class Macros(unittest.TestCase):
    def test_constants(self):
        self.assertEqual(macros.constant(MACROS, "MASK", None), 7)
        self.assertEqual(macros.constant(MACROS, "ASH_CHECK", None), 2)
        self.assertEqual(macros.constant(MACROS, "NO_BRACKET", None), 1)

    def test_what_is_c_alone_is_left_to_the_debugger(self):
        self.assertEqual(macros.constant(MACROS, "PAGE", lambda text: text), "((size_t)1 << 12)")

    def test_functions(self):
        field = macros.function(MACROS, "FIELD", None)
        self.assertEqual([field(word) for word in (0, 0x20, 0xff, 0x1ff)], [0, 1, 7, 7])
        zone = macros.function(MACROS, "ZONE", None)
        self.assertEqual([zone(key) for key in (0, 1, 2, 4)], [1, 1, 0, 3])

    def test_enumerators_in_functions(self):
        owner = macros.function(MACROS, "OWNER", {"ASH_OWNERS": 32}.__getitem__)
        self.assertEqual(owner(0x1f25), 5)

    def test_unknown_or_endless(self):
        for name in ("NOWHERE", "LOOP"):
            with self.assertRaises(Absent):
                macros.constant(MACROS, name, None)
        with self.assertRaises(Absent):
            macros.function(MACROS, "COUNT", None)


class Layout(unittest.TestCase):
    def test_members(self):
        inner = layout.Record(8, ((None, 0, layout.Record(4, (("first", 0, layout.Number(4)),))),
                                  ("word", 0, layout.Number(8))))
        outer = layout.Record(24, (("list", 0, inner), ("name", 8, layout.Text(8)),
                                   ("bits", 16, layout.Bits(4, 3, 5)),
                                   ("pair", 20, layout.Array(layout.Number(2, True), 2))))
        data = struct.pack("<Q8sIhh", 0x1122334455667788, b"dma\0left", 0x1f << 3 | 7, -1, 2)
        value = outer.decode(data, 0, 0x1000)
        self.assertEqual((value.here, value.list.here), (0x1000, 0x1000))
        self.assertEqual((value.list.first, value.list.word), (0x55667788, 0x1122334455667788))
        self.assertEqual((value.name, value.bits, value.pair), ("dma", 31, [-1, 2]))
        self.assertIsNone(value.get("none"))

    def test_column(self):
        record = layout.Record(8, (("next", 0, layout.Number(4)), ("prev", 4, layout.Number(4))))
        self.assertEqual(list(record.column(struct.pack("<4I", 1, 2, 3, 4), "prev")), [2, 4])


class Descriptors(unittest.TestCase):
    def test_execution_by_level(self):
        # DDI 0487 D8.4: what unprivileged code can write, privileged code never executes.
        self.assertFalse(descriptors.leaf(1 << 6, "a64").privileged_exec)
        self.assertTrue(descriptors.leaf(1 << 6 | 1 << 7, "a64").privileged_exec)
        self.assertTrue(descriptors.leaf(1 << 53, "a64").user_exec)
        self.assertFalse(descriptors.leaf(1 << 54, "a64").user_exec)
        # AArch32: XN is for both, and code needs read access.
        self.assertFalse(descriptors.leaf(1 << 54, "lpae").privileged_exec)
        self.assertFalse(descriptors.leaf(0, "lpae").user_exec)

    def test_types(self):
        kinds = [descriptors.leaf(index << 2, "a64").kind for index in range(5)]
        self.assertEqual(kinds, ["normal", "uncached", "device", "strict", "strict"])
        self.assertEqual(descriptors.leaf(0, "a64", 0xbb).kind, "MAIR 0xbb")

    def test_first_writes(self):
        self.assertEqual(descriptors.leaf(1 << 7 | 1 << 51 | 3 << 53, "a64").access, "rw--")
        self.assertEqual(descriptors.leaf(1 << 7 | 1 << 55 | 3 << 53, "lpae").access, "rw--")
        self.assertEqual(descriptors.leaf(1 << 7 | 1 << 51 | 3 << 53, "lpae").access, "r---")

    def test_kinds(self):
        self.assertTrue(descriptors.is_reserved(1, 3))
        self.assertTrue(descriptors.is_reserved(1, 0))
        self.assertFalse(descriptors.is_reserved(1, 2))
        self.assertFalse(descriptors.is_table(3, 3))
        self.assertEqual(descriptors.attribute_words(0x167), "uncached rwxu guarded old")


DATA = 0x703 | 3 << 53  # a page: normal, read and write, global
CODE = 0x783 | 1 << 54


def machine(entries, arch="a64", **more):
    """A map whose root is at 0x1000; {table: {index: descriptor}}."""
    def read(pa, _size):
        if pa not in entries:
            raise Unreadable(f"no memory at {pa:#x}")
        return struct.pack("<512Q", *(entries[pa].get(i, 0) for i in range(512)))

    counts = {"tables": len(entries), "root_count": len(entries[0x1000])}
    return tables.Map("map", arch, 0x1000, 2, 0, 1 << 18, True, 0, read, **(counts | more))


def link(table, count):
    return table | count << 2 | 3


class Tables(unittest.TestCase):
    def setUp(self):
        self.map = machine({0x1000: {0: link(0x2000, 2), 1: 0x200000 | DATA & ~2},
                            0x2000: {1: 0x1000 | DATA, 5: 0x9000 | CODE}})

    def test_physical(self):
        found = [tables.physical(self.map, va) for va in (0, 0x1234, 0x5008, 0x3ffffc, 0x400000)]
        self.assertEqual(found, [None, 0x1234, 0x9008, 0x3ffffc, None])
        self.assertIsNone(tables.physical(self.map, 1 << 40))

    def test_dump(self):
        self.assertEqual(list(tables.dump(self.map))[1:], [
            "  0x00001000-0x00001fff = PA               4 KiB normal   rw--  1 x 4K",
            "  0x00005000-0x00005fff > 0x0000009000     4 KiB normal   r-x-  1 x 4K",
            "  0x00200000-0x003fffff = PA               2 MiB normal   rw--  1 x 2M",
            "  2056 KiB mapped, 2 tables"])

    def test_explain(self):
        self.assertIn("2 entries valid", list(tables.explain(self.map, 0x1000))[1])
        self.assertIn("translation fault, level 3", list(tables.explain(self.map, 0))[-1])
        self.assertEqual(list(tables.explain(self.map, 1 << 40))[-1], "  outside of this map")

    def test_well_formed(self):
        self.assertEqual(tables_check.well_formed(self.map, Ranges([(0, 0x400000)])), [])

    def found(self, entries, **more):
        return " ".join(str(f) for f in tables_check.well_formed(machine(entries, **more)))

    def test_damage(self):
        for entry, what in ((DATA & ~(1 << 53), "writable and executable"),
                            (DATA & ~2, "reserved descriptor"),
                            (DATA | 1 << 11, "not global"),
                            (DATA & ~(1 << 10), "no access flag"),
                            (DATA & ~0x300, "not inner shareable"),
                            (DATA | 7 << 2, "strict"),
                            (1 << 7 | 8 | CODE, "device memory that may be executed"),
                            (CODE & ~(1 << 54), "unprivileged code may execute"),
                            (DATA | 1 << 52, "contiguous hint")):
            others = {4: DATA, 5: DATA}  # the same frame as normal memory
            text = self.found({0x1000: {0: link(0x2000, 3)}, 0x2000: {3: entry, **others}})
            self.assertIn(what, text, f"{entry:#x}")

    def test_tables_in_rings_or_nowhere(self):
        self.assertIn("a second time", self.found({0x1000: {0: link(0x1000, 1)}}))
        self.assertIn("cannot be read", self.found({0x1000: {0: link(0x7000, 1)}}))
        self.assertIn("hierarchical", self.found({0x1000: {0: link(0x2000, 0) | 1 << 63},
                                                  0x2000: {}}))
        self.assertIn("empty table", self.found({0x1000: {0: link(0x2000, 0)}, 0x2000: {}}))

    def test_contiguous_run(self):
        run = {16 + i: (i << 12) | DATA | 1 << 52 for i in range(16)}
        entries = {0x1000: {0: link(0x2000, 16)}, 0x2000: run}
        self.assertEqual(self.found(entries, contiguous=True), "")
        self.assertIn("contiguous", self.found(entries))
        run[20] ^= 1 << 53
        self.assertIn("contiguous", self.found(entries, contiguous=True))

    def test_promises(self):
        def promises(parts=(), holes=(), vmap=(0x5000, 0x6000)):
            return [str(f) for f in tables_check.firmware(self.map, vmap, parts, holes)]

        self.assertEqual(promises([(".text", 0x5000, 0x6000, "r-x")], [("page 0", 0, 0x1000)]), [])
        self.assertIn("no identity", promises(vmap=(0, 0))[0])
        self.assertIn("is rw-, not r--", promises([("x", 0x1000, 0x2000, "r--")])[0])
        self.assertIn("not mapped as a whole", promises([("x", 0x5000, 0x7000, "r-x")])[0])
        self.assertIn("page 1 is mapped", promises(holes=[("page 1", 0x1800, 0x1900)])[0])

    def test_code_that_can_be_written_elsewhere(self):
        self.map = machine({0x1000: {0: link(0x2000, 2)},
                            0x2000: {1: 0x1000 | DATA, 5: 0x1000 | CODE}})
        found = tables_check.firmware(self.map, (0x5000, 0x6000), (), ())
        self.assertIn("a second mapping, writable", str(list(found)[0]))


class RangesOfAddresses(unittest.TestCase):
    def test_joined(self):
        ranges = Ranges([(8, 9), (0, 4), (4, 6), (7, 7)])
        self.assertEqual(list(ranges), [(0, 6), (8, 9)])
        self.assertTrue(ranges.holds(1, 6))
        self.assertFalse(ranges.holds(5, 9))
        self.assertTrue(ranges.meets(6, 9))
        self.assertFalse(ranges.meets(6, 8))


class Locks(unittest.TestCase):
    def words(self, known=None, **members):
        return locks.words(locks.of_members(0x100, members), known)

    def test_tickets(self):
        self.assertEqual(self.words(next=0, serving=0xffffffff), "free")
        self.assertEqual(self.words(next=5, serving=5), "free")
        self.assertEqual(self.words(next=6, serving=5), "held")
        self.assertEqual(self.words(next=1, serving=0xfffffffe), "held, 2 waiting")
        self.assertIn("damaged", self.words(next=1, serving=9))

    def test_account(self):
        self.assertEqual(self.words({0x100: 3}, next=6, serving=5), "held by CPU 3")
        self.assertEqual(self.words({}, next=6, serving=5), "free")
        self.assertIn("nothing is noted", self.words(unused=0))


class Pmem(unittest.TestCase):
    def test_blocks_of_a_range(self):
        self.assertEqual(list(pmem.cuts(3, 6)), [(3, 0), (4, 2), (8, 0)])
        self.assertEqual(list(pmem.cuts(0, 5)), [(0, 2), (4, 0)])

    def test_tree(self):
        # 4 leaves of which the region has 3: 1, 2 and 3; the last two are one block.
        tree = SimpleNamespace(levels=2)
        region = SimpleNamespace(raw=SimpleNamespace(runs=SimpleNamespace(tree=tree, first=1)),
                                 runs=[pmem.Run(0, 1, "free"), pmem.Run(1, 2, "used")])
        self.assertEqual(pmem.expected_tree(region), [0, 1, 1, 0, 0, 1, None, None])
        region.runs[1].state = "free"
        self.assertEqual(pmem.expected_tree(region), [0, 2, 1, 2, 0, 1, 1, 1])


class Prologues(unittest.TestCase):
    """Frames by the code of functions, assembled by GNU as."""
    PUSH, FP = 0xa9b87bfd, 0x910003fd  # stp x29, x30, [sp, #-128]!; mov x29, sp
    SAVE21, SAVE19 = 0xa9025bf5, 0xa90153f3  # stp x21, x22, [sp, #32]; stp x19, x20, [sp, #16]
    POP, RET, NOP = 0xa8c87bfd, 0xd65f03c0, 0xd503201f

    def test_record_at_the_bottom(self):
        frame = prologue.analyse([0xd503233f, self.PUSH, self.FP, self.SAVE21, self.SAVE19])
        self.assertEqual(frame.size, 128)
        self.assertEqual(frame.saved, {29: 0, 21: 32, 22: 40, 19: 16, 20: 24})
        self.assertEqual(frame.kept, [23, 24, 25, 26, 27, 28])

    def test_record_above(self):  # sub sp, sp, #0x30; stp x29, x30, [sp, #32]; add x29, sp, #32
        frame = prologue.analyse([0xd100c3ff, 0xa9027bfd, 0x910083fd, 0xf90007f3])
        self.assertEqual((frame.size, frame.saved), (16, {29: 0, 19: 8 - 32}))

    def test_not_yet_and_not_any_more(self):
        self.assertIsNone(prologue.analyse([]))
        self.assertIsNone(prologue.analyse([self.PUSH]))
        self.assertIsNone(prologue.analyse([self.PUSH, self.FP, self.POP]))
        self.assertIsNotNone(prologue.analyse([self.PUSH, self.FP, self.POP, self.RET, self.NOP]))

    def test_what_may_have_been_passed(self):
        passing = 0xb4000060  # cbz x0, three instructions further
        code = [self.PUSH, self.FP, passing, self.SAVE19]
        self.assertIn(19, prologue.analyse(code).saved)
        frame = prologue.analyse(code + [self.NOP])
        self.assertFalse({19, 20} & set(frame.saved) or {19, 20} & set(frame.kept))
        # Behind the end of what was run, a branch leads back.
        frame = prologue.analyse(code, [self.NOP, self.NOP, 0x17fffffe])
        self.assertNotIn(19, frame.saved)

    def test_signatures(self):
        self.assertEqual(prologue.without_signature(0xda6a558000003534, 39), 0x3534)
        self.assertEqual(prologue.without_signature(0xb5ab6f8000002000, 39), 0xffffff8000002000)


class Trees(unittest.TestCase):
    """Nodes of a red-black tree: address: (left, right, parent, red)."""
    SOUND = {4: (2, 6, 0, False), 2: (1, 3, 4, True), 6: (0, 7, 4, False), 1: (0, 0, 2, False),
             3: (0, 0, 2, False), 7: (0, 0, 6, True)}

    def wrong(self, root=4, **changed):
        nodes = self.SOUND | {int(name[1:]): node for name, node in changed.items()}

        def load(address):
            left, right, parent, red = nodes[address]
            return SimpleNamespace(here=address, key=SimpleNamespace(
                rbe_left=left, rbe_right=right, rbe_parent=parent, rbe_color=int(red)))

        self.found = []
        return " ".join(vmap.walk(load, root, "key", self.found))

    def test_order(self):
        self.assertEqual(self.wrong(), "")
        self.assertEqual([node.here for node in self.found], [1, 2, 3, 4, 6, 7])
        self.assertEqual(self.wrong(root=0), "")

    def test_damage(self):
        self.assertIn("are red", self.wrong(n1=(0, 0, 2, True)))
        self.assertIn("black nodes", self.wrong(n7=(0, 0, 6, False)))
        self.assertIn("another parent", self.wrong(n7=(0, 0, 4, True)))
        self.assertIn("reached twice", self.wrong(n7=(4, 0, 6, True)))
        self.assertIn("reached twice", self.wrong(n6=(3, 7, 4, False)))


class Heaps(unittest.TestCase):
    def test_classes(self):
        codes = SimpleNamespace(class_shift=4)
        found = [heaps.Codes.class_of(codes, units) for units in (2, 31, 32, 33, 34, 63, 64, 1 << 19)]
        self.assertEqual(found, [2, 31, 32, 32, 33, 47, 48, 256])


class Pools(unittest.TestCase):
    def pool(self, **more):
        return pools.Pool(0x10, "p", 0x1000, 8, 4, 0, False, 0, 0, **more)

    def test_counts(self):
        self.assertEqual(list(pools.check([self.pool(free=[1], fresh=2, out=[0])])), [])
        for more, what in ((dict(free=[3], fresh=2, out=[0]), "never out"),
                           (dict(free=[1], fresh=2, out=[0, 1]), "free and out"),
                           (dict(free=[1], fresh=3, out=[0]), "blocks are out"),
                           (dict(free=[1], fresh=2, counted=2), "are counted"),
                           (dict(wrong="no memory"), "no memory")):
            self.assertIn(what, " ".join(map(str, pools.check([self.pool(**more)]))))

    def test_places(self):
        # ASH_CHECK 0: the distance on 64 bits, the address on 32.
        raw = SimpleNamespace(step=8, blocks=0x1000, count=4)
        self.assertEqual(pools._number(raw, 16, 8), 2)
        self.assertEqual(pools._number(raw, 0x1010, 4), 2)
        self.assertIsNone(pools._number(raw, 0x1011, 4))
        raw.step = 1
        self.assertEqual(pools._number(raw, 2, 4), 2)


if __name__ == "__main__":
    unittest.main()
