#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The project's own rules for its sources.

- Floors: a file includes only from its own floor or below. A public header belongs to the floor of
  its module. In alloc only pmem, dma and vmap know the translation tables.
- mmu, alloc and vm name no architecture; assembler stands in port, startup and the tests only.
- Every source file has an SPDX line, fewer than 600 lines, and no unfinished business.
"""

import os
import re
import sys

FLOORS = ["include", "port", "mmu", "alloc", "vm", "board", "startup", "process", "top"]
TOP = ("firmware", "tests", "bench", "examples")
# Public headers that are not of the lowest floor, by the floor of their module.
HEADER_FLOOR = {
    "mmu.h": "mmu",
    "regions.h": "alloc", "frames.h": "alloc", "pool.h": "alloc", "slab.h": "alloc",
    "heap.h": "alloc", "vmap.h": "alloc", "pmem.h": "alloc", "dma.h": "alloc", "dma_list.h": "alloc", "dma_pool.h": "alloc",
    "space.h": "vm", "pmem_share.h": "vm", "exec.h": "vm", "user.h": "startup", "process.h": "process", "program.h": "vm", "object.h": "vm", "store.h": "vm", "pager.h": "vm",
    "board.h": "board", "block.h": "board", "update.h": "board", "boot.h": "board",  # drivers map their registers by a call of boot.h
}
MAY_MAP = re.compile(r"(alloc/|include/ashlar/)(pmem|dma|vmap)")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
ASSEMBLER = re.compile(r"\b(asm|__asm|__asm__)\b")
ARCHITECTURE = re.compile(r"__arm__|__aarch64__|__ARM_\w+|__thumb|\bPORT_A(32|64)\b|arm_neon")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)
MAX_LINES = 600
SOURCE = (".c", ".h", ".S", ".ld", ".py", ".mk", ".sh")
SKIPPED_FOLDERS = {".git", "build", "__pycache__", "mutants", "corpus"}


def floor_of(path):
    """The index of a file's floor, or None for what has none (tools, docs)."""
    top = path.split("/")[0]
    if top == "include":
        return FLOORS.index(HEADER_FLOOR.get(os.path.basename(path), "include"))
    if top in TOP:
        return FLOORS.index("top")
    return FLOORS.index(top) if top in FLOORS else None


def resolve(path, kind, name, exists):
    """The project file that an #include names, or None if it is a system header."""
    if name == "port_arch.h":
        return "port/port_arch.h"
    candidates = [f"include/{name}", name]
    if kind == '"':
        candidates.insert(0, os.path.normpath(os.path.join(os.path.dirname(path), name)))
    return next((c for c in candidates if exists(c)), None)


def check_floors(path, text, exists):
    own = floor_of(path)
    if own is None:
        return
    for match in INCLUDE.finditer(text):
        target = resolve(path, match[1], match[2], exists)
        if target is None:
            if match[1] == '"':
                yield f"includes {match[2]}, which does not exist"
            continue
        other = floor_of(target)
        if other is not None and other > own:
            yield f"({FLOORS[own]}) includes {match[2]} of a higher floor ({FLOORS[other]})"
        if own == FLOORS.index("alloc") and other == FLOORS.index("mmu") and not MAY_MAP.match(path):
            yield f"includes {match[2]}: in alloc only pmem, dma and vmap use the tables"


def check_architecture(path, text):
    code = COMMENT.sub(" ", text)
    top = path.split("/")[0]
    if top in ("mmu", "alloc", "vm") and (match := ARCHITECTURE.search(code)):
        yield f"names an architecture: {match[0]}"
    if top in ("include", "mmu", "alloc", "vm", "board", "firmware", "examples", "bench"):
        if match := ASSEMBLER.search(code):
            yield f"contains assembler ({match[0]}): only port, startup and tests may"


def check_text(path, text):
    lines = text.count("\n")
    if lines >= MAX_LINES:
        yield f"has {lines} lines; a file has fewer than {MAX_LINES}"
    if "SPDX-License-Identifier: MIT" not in "\n".join(text.splitlines()[:2]):
        yield "has no SPDX line at its top"
    if match := UNFINISHED.search(text):
        yield f"contains {match[0]}"


def is_source(path, text):
    return (path.endswith(SOURCE) or os.path.basename(path) == "Makefile"
            or (text.startswith("#!") and not path.startswith(".")))


def violations(path, text, exists):
    if not is_source(path, text):
        return
    yield from check_text(path, text)
    if path.endswith((".c", ".h", ".S")):
        yield from check_floors(path, text, exists)
    if path.endswith((".c", ".h")):
        yield from check_architecture(path, text)


def files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), root)


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    bad = 0
    for path in files(root):
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                text = file.read()
        except UnicodeDecodeError:
            continue
        for what in violations(path, text, lambda p: os.path.isfile(os.path.join(root, p))):
            print(f"{path}: {what}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
