# SPDX-License-Identifier: MIT
"""The Makefile itself, on a tree of tiny sources: options are checked, what changes is rebuilt, and
the checks at the link fail the build."""

import os
import shutil
import subprocess
import tempfile
import unittest

import matrix

SPDX = "/* SPDX-License-Identifier: MIT */\n"
LINKER_SCRIPT = SPDX + """
ENTRY(start)
EXTERN(start)
SECTIONS {
    .text BASE : { *(.text*) *(.rodata*) *(.ARM.ex*) }
    .data 0x40400000 : AT(ADDR(.text) + SIZEOF(.text)) { *(.data*) }
    .bss 0x40500000 : { *(.bss*) *(COMMON) }
}
"""
SOURCES = {
    "board/virt/xip.ld": LINKER_SCRIPT.replace("BASE", "0x0"),
    "board/virt/ram.ld": LINKER_SCRIPT.replace("BASE", "0x40200000"),
    "startup/a32/start.S": SPDX + ".globl start\nstart: b main\n",
    "startup/a64/start.S": SPDX + ".globl start\nstart: b main\n",
    "port/errors.c": SPDX + "int ash_x(int); int ash_x(int x) { return x; }\n",
    "alloc/a.c": SPDX + '#include "ashlar/t.h"\nint ash_a(void); '
                        "int ash_a(void) { return ASH_CHECK + T; }\n",
    "include/ashlar/t.h": SPDX + "#define T 1\n",
    "board/virt/v.c": SPDX + "int ash_v(void); __attribute__((section(\".ramtext\")))\n"
                             "int ash_v(void) { return 1; }\n",
    "firmware/main.c": SPDX + "int ash_a(void); int main(void);\n"
                              "int main(void) { return ash_a(); }\n",
}


class Build(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp()
        for name in ("Makefile", "mk", "tools", "examples/programs", "board/virt/board.mk", "include/ashlar/call.h",
                     "include/ashlar/errors.h"):
            source, copied = os.path.join(matrix.ROOT, name), os.path.join(cls.root, name)
            os.makedirs(os.path.dirname(copied), exist_ok=True)
            (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, copied)
        for path, text in SOURCES.items():
            cls.write(path, text)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.root)

    @classmethod
    def write(cls, path, text):
        full = os.path.join(cls.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def make(self, *arguments, good=True):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        process = subprocess.run(["make", "INSTALL=no", *arguments], cwd=self.root, check=False,
                                 env=clean, text=True, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(process.returncode == 0, good, process.stdout)
        return process.stdout

    def change(self, path, old, new):
        """Changes a file until the test is over."""
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        self.write(path, text.replace(old, new, 1))
        self.addCleanup(self.write, path, text)

    def test_default_is_help(self):
        text = self.make()
        for word in ("run", "test", "debug", "size", "image", "bench", "mutants", "fuzz", "format",
                     "lint", "clean", "help"):
            self.assertIn(f"make {word} ", text)
        for word in ("BOARD=virt", "ARCH=a32", "CPU=", "MEM=512M", "SMP=1", "CHECK=1", "CPUS=4",
                     "VABITS=39"):
            self.assertIn(word, text)

    def test_bad_options(self):
        for option in ("BOARD=moon", "BOARD=", "BOARD=virt virt", "ARCH=a16", "CPU=z80", "MEM=abc",
                       "MEM=512", "MEM=0M", "MEM=", "MEM=1'M", "SMP=0", "SMP=9", "SMP=x", "CHECK=3",
                       "CPUS=0", "CPUS=9", "CPUS=10", "VABITS=40", "SPACEBITS=28", "FUZZ_SECONDS=x"):
            name, _, value = option.partition("=")
            text = self.make(option, "all", good=False)
            self.assertIn(f"{name}={value}:", text)

    def test_folders(self):
        for options, folder in (((), "virt-a32"), (("MEM=3G", "SMP=4"), "virt-a32"),
                                (("CHECK=2",), "virt-a32-check2"),
                                (("CPU=cortex-a7", "CPUS=1"), "virt-a32-cortex-a7-cpus1"),
                                (("ARCH=a64", "CHECK=0"), "virt-a64-check0"),
                                (("SPACEBITS=0",), "virt-a32-space0"),
                                (("ARCH=a64", "VABITS=48"), "virt-a64-va48")):
            self.assertEqual(self.make("-s", "folders", *options).split()[-2], f"build/{folder}")

    def test_rebuilds(self):
        self.make("all")
        self.assertEqual(self.make("all"), "")
        with self.subTest("another CHECK does not disturb"):
            self.make("all", "CHECK=2")
            self.assertEqual(self.make("all"), "")
        with self.subTest("header"):
            self.change("include/ashlar/t.h", "T 1", "T 2")
            text = self.make("all")
            self.assertIn("alloc/a.c", text)
            self.assertIn("ashlar.elf", text)
            self.assertNotIn("firmware/main.c", text)
        with self.subTest("flag"):
            self.change("mk/firmware.mk", "-O2", "-Os")
            text = self.make("all")
            for name in ("alloc/a.c", "firmware/main.c", "port/errors.c", "ashlar.elf"):
                self.assertIn(name, text)
        with self.subTest("a new source, and its removal"):
            self.write("alloc/b.c", SPDX + "int ash_b(void); int ash_b(void) { return 1; }\n")
            self.assertIn("libashlar.a", self.make("all"))
            os.unlink(os.path.join(self.root, "alloc/b.c"))
            self.assertIn("libashlar.a", self.make("all"))
        with self.subTest("linker script"):
            self.change("board/virt/xip.ld", "0x40500000", "0x40600000")
            self.assertIn("ashlar.elf", self.make("all"))

    def test_builds_are_repeatable(self):
        def read(name):
            with open(os.path.join(self.root, "build/virt-a32", name), "rb") as file:
                return file.read()

        names = ("ashlar.elf", "libashlar.a", "ashlar-ram.uimg")
        self.make("all")
        before = [read(name) for name in names]
        shutil.rmtree(os.path.join(self.root, "build/virt-a32"))
        self.make("all")
        self.assertEqual([read(name) for name in names], before)
        self.assertEqual(os.path.getsize(os.path.join(self.root, "build/virt-a32/ashlar.img")),
                         64 << 20)

    def test_warning_fails(self):
        self.change("alloc/a.c", "int ash_a(void) {", "int ash_a(void) { int unused;")
        self.assertIn("unused", self.make("all", good=False))

    def test_allocator_of_the_c_library_fails_the_link(self):
        self.change("firmware/main.c", "return ash_a();",
                    "return ash_a() + (__builtin_malloc(8) != 0);")
        self.change("board/virt/xip.ld", "ENTRY(start)", "ENTRY(start) end = 0x40600000; _sbrk = 0;")
        self.assertIn("mallocr.o", self.make("build/virt-a32/ashlar.elf", good=False))
        self.change("board/virt/xip.ld", "_sbrk = 0;", "__heap_start = end; __heap_end = end;")
        self.assertIn("nano-malloc-malloc.c.o",
                      self.make("ARCH=a64", "build/virt-a64/ashlar.elf", good=False))

    def test_c_library_in_early_code_fails(self):
        self.change("port/errors.c", "return x;",
                    "volatile char a[9]; __builtin_memset((char *)a, x, sizeof(a) * (unsigned)x);"
                    " return a[0];")
        self.assertIn("early code calls memset", self.make("library", good=False))

    def test_sizes(self):
        self.assertIn("No read-only byte is copied to RAM", self.make("size"))
        self.change("board/virt/xip.ld", "{ *(.data*) }", "{ *(.data*) *(.rodata*) }")
        self.change("board/virt/xip.ld", "*(.rodata*) *(.ARM", "*(.ARM")
        self.change("firmware/main.c", "return ash_a();",
                    "static const int t[4] = {1, 2, 3}; static volatile int i; return t[i];")
        self.assertIn("read-only and lies in .data", self.make("size", good=False))
