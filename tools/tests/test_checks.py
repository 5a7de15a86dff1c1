# SPDX-License-Identifier: MIT
"""The build's checks find what they look for, and nothing else."""

import struct
import unittest

import check_early
import check_guarded
import check_libc
import check_source
import size

SPDX = "/* SPDX-License-Identifier: MIT */\n"
FILES = {"include/ashlar/types.h", "include/ashlar/mmu.h", "include/ashlar/frames.h", "mmu/walk.h",
         "port/port.h", "alloc/frames.h", "board/platform.h"}


def source(path, text, head=SPDX):
    return list(check_source.violations(path, head + text, FILES.__contains__))


class Source(unittest.TestCase):
    def test_good(self):
        self.assertEqual(source("mmu/walk.c", '#include "walk.h"\n#include "ashlar/mmu.h"\n'
                                              '#include <stdint.h>\n#include "port/port.h"\n'), [])

    def test_floors(self):
        for path, header in (("mmu/walk.c", "ashlar/frames.h"), ("mmu/walk.c", "alloc/frames.h"),
                             ("port/a.c", "mmu/walk.h"), ("alloc/frames.c", "board/platform.h"),
                             ("include/ashlar/types.h", "ashlar/frames.h"),
                             ("include/ashlar/mmu.h", "frames.h")):
            self.assertEqual(len(source(path, f'#include "{header}"\n')), 1, (path, header))

    def test_only_some_of_alloc_use_the_tables(self):
        self.assertTrue(source("alloc/frames.c", '#include "ashlar/mmu.h"\n'))
        self.assertFalse(source("alloc/pmem_view.c", '#include "ashlar/mmu.h"\n'))

    def test_missing_header(self):
        self.assertTrue(source("mmu/walk.c", '#include "nothing.h"\n'))

    def test_architecture(self):
        self.assertTrue(source("mmu/a.c", "#ifdef __aarch64__\n#endif\n"))
        self.assertTrue(source("alloc/a.c", '__asm__ volatile("nop");\n'))
        self.assertTrue(source("firmware/a.c", 'asm("nop");\n'))
        self.assertFalse(source("port/a32/a.c", '__asm__ volatile("nop"); __ARM_ARCH\n'))
        self.assertFalse(source("mmu/a.c", '/* asm and __arm__ in a comment */ "asm"\n'))

    def test_text(self):
        self.assertTrue(source("mmu/a.c", "", head="int a;\n"))
        self.assertTrue(source("tools/a.py", "", head="a = 1\n"))
        self.assertTrue(source("mmu/a.c", "/* TO" "DO */\n"))
        self.assertTrue(source("mmu/a.c", "\n" * 600))
        self.assertFalse(source("mmu/a.c", "\n" * 598))
        self.assertFalse(source("docs/a.md", "TO" "DO", head=""))


class LibcAllocators(unittest.TestCase):
    MAP = """Archive member included to satisfy reference by file (symbol)

/usr/lib/libc.a(lib_a-malignr.o)
                              build/libashlar.a(x.c.o) (_memalign_r)
build/libashlar.a(malloc.o)   main.o (malloc)

Discarded input sections
 .text          0x00000000        0x0 /usr/lib/libc.a(lib_a-freer.o)
Memory Configuration
"""

    def test_found(self):
        found = check_libc.violations(self.MAP.splitlines(), {"malignr.o", "freer.o", "malloc.o"})
        self.assertEqual(found, ["libc.a(lib_a-malignr.o)"])

    def test_names(self):
        for member in ("lib_a-mallocr.o", "libc_a-mallocr.o", "mallocr.o", "mallocr.c.o"):
            self.assertEqual(check_libc.bare(member), "mallocr.o")


class Guarded(unittest.TestCase):
    MAP = """
Archive member included to satisfy reference by file (symbol)
 .text          0x0000000000000000       0x40 libc.a(discarded.o)
Linker script and memory map

.text           0x0000000000002000     0x3000
 .text.ash_a    0x0000000000002000      0x100 b/libashlar.a(alloc-a.c.o)
 .text.a_name_that_is_so_long
                0x0000000000002100       0x10 b/obj/firmware-main.c.o
 .text          0x0000000000002110        0x0 /usr/lib/libc.a(empty.o)
 *fill*         0x0000000000002110       0x10
.libtext        0x0000000000005000     0x1000
 .text.strlen   0x0000000000005000       0x1c /usr/lib/libc.a(strlen.o)
 .text          0x000000000000501c        0x4 linker stubs
.rodata         0x0000000000006000     0x1000
 .rodata.x      0x0000000000006000       0x1c /usr/lib/libc.a(x.o)
""".splitlines()

    def test_good(self):
        self.assertEqual(check_guarded.misplaced(self.MAP), [])

    def test_library_where_it_is_guarded(self):
        self.assertEqual(check_guarded.misplaced(
            self.MAP + [".ramtext  0x40200000  0x100",
                        " .text.qsort   0x0000000040200000  0x40 /l/libc.a(qsort.o)"]),
            ["/l/libc.a(qsort.o) is in .ramtext, which is guarded"])

    def test_own_code_where_it_is_not(self):
        found = check_guarded.misplaced(
            self.MAP + [".libtext  0x7000  0x100", " .text.f", "    0x7000  0x40 b/obj/f.o",
                        " .text.g   0x7040  0x40 b/libashlar.a(g.o)"])
        self.assertEqual(found, ["b/libashlar.a(g.o) is in .libtext, which is not guarded",
                                 "b/obj/f.o is in .libtext, which is not guarded"])

    def test_landing_pads(self):
        code = struct.pack("<4I", 0xd503245f, 0xd503233f, 0xd65f03c0, 0xd503201f)

        def symbol(name, value, bind="STB_GLOBAL", kind="STT_FUNC"):
            return FakeSymbol(name, {"st_value": value, "st_info": {"type": kind, "bind": bind}})

        elf = FakeElf(FakeSection(".text", 0x1000, code), [
            symbol("call", 0x1000), symbol("signed", 0x1004), symbol("bare", 0x1008),
            symbol("static", 0x1008, "STB_LOCAL"), symbol("label", 0x100c, kind="STT_NOTYPE"),
            symbol("elsewhere", 0x2000)])
        self.assertEqual(check_guarded.without_landing_pad(elf), ["bare begins with no landing pad"])


class FakeSymbol(dict):
    def __init__(self, name, fields):
        super().__init__(fields)
        self.name = name


class FakeSection(dict):
    def __init__(self, name, address, code):
        super().__init__(sh_addr=address)
        self.name = name
        self.code = code

    def data(self):
        return self.code


class FakeElf:
    def __init__(self, section, symbols):
        self.section = section
        self.symbols = symbols

    def iter_sections(self):
        return [self.section]

    def get_section_by_name(self, name):
        return self if name == ".symtab" else None

    def iter_symbols(self):
        return self.symbols


class Early(unittest.TestCase):
    def test_violations(self):
        undefined = [("a.o", "memcpy"), ("a.o", "__aeabi_uldivmod"), ("b.o", "port_copy"),
                     ("b.o", "strcmp"), ("b.o", "linker_symbol")]
        self.assertEqual(
            check_early.violations(undefined, own={"port_copy", "strcmp"},
                                   libc={"memcpy", "strcmp", "__aeabi_uldivmod"},
                                   libgcc={"__aeabi_uldivmod"}),
            [("a.o", "memcpy")])


FLASH = (0, 0x8000000)
R, W, X = size.SHF_ALLOC, size.SHF_ALLOC | size.SHF_WRITE, size.SHF_ALLOC | size.SHF_EXECINSTR


def section(name, flags, address, load, loaded=True):
    return size.Section(name, flags, loaded, address, load, 0x100)


class Size(unittest.TestCase):
    def proof(self, *sections, pieces=()):
        return list(size.proof(sections, pieces, FLASH))

    def test_good(self):
        self.assertEqual(self.proof(
            section(".text", X, 0x1000, 0x1000), section(".rodata", R, 0x2000, 0x2000),
            section(".data", W, 0x40200000, 0x3000), section(".ramtext", X, 0x40201000, 0x4000),
            section(".bss", W, 0x40202000, 0x40202000, loaded=False)), [])

    def test_bad(self):
        for bad in (section(".rodata", R, 0x40200000, 0x2000),
                    section(".text", X, 0x40200000, 0x2000),
                    section(".text", X, 0x1000, 0x2000),
                    section(".fast", W, 0x40200000, 0x2000),
                    section(".data", W | X, 0x40200000, 0x2000)):
            self.assertEqual(len(self.proof(bad)), 1, bad)

    def test_read_only_piece_in_data(self):
        data = section(".data", W, 0x40200000, 0x3000)
        piece = size.Piece(".data", ".rodata.table", 16, "x.o")
        self.assertEqual(len(self.proof(data, pieces=[piece])), 1)
        self.assertEqual(self.proof(data, pieces=[size.Piece(".data", ".data.x", 16, "x.o")]), [])

    def test_map(self):
        lines = """Linker script and memory map

.text           0x00000000      0x100
 *(.text*)
 .text.f        0x00000000       0x34 build/libashlar.a(mmu-walk.c.o)
 .text.a_function_with_a_long_name
                0x00000034       0x20 build/libashlar.a(alloc-frames.c.o)
 *fill*         0x00000054        0xc 
 .text          0x00000060       0x10 /usr/lib/libc.a(lib_a-printf.o)
                0x00000060                printf
 .text          0x00000070       0x10 /usr/lib/libgcc.a(_udivmoddi4.o)

.data           0x40200000       0x10 load address 0x00000100
 .data.x        0x40200000       0x10 build/obj/firmware-main.c.o
OUTPUT(x elf32-littlearm)
""".splitlines()
        pieces = [(size.module_of(p), p.output, p.size) for p in size.read_map(lines)]
        self.assertEqual(pieces, [
            ("mmu", ".text", 0x34), ("alloc", ".text", 0x20), ("(padding)", ".text", 0xc),
            ("C library", ".text", 0x10), ("compiler library", ".text", 0x10),
            ("firmware", ".data", 0x10)])
