#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What headers say of contexts is what the code checks, and what the tests call.

A public function whose comment says "not in interrupts", or whose header does in its first comment
where the function's own says nothing else, begins with a check of port/outside.h, and no other
does. Each of them is in the tables of a test: tests/unit/test_outside.c, or, what only a target
has, tests/target/suite_outside.c.
"""

import glob
import os
import re
import sys

HEADERS = ("frames", "pool", "slab", "heap", "vmap", "pmem", "pmem_share", "dma", "dma_list",
           "dma_pool", "space", "block", "lock", "cpu")
FOLDERS = ("port", "alloc", "vm", "board", "startup")
TESTS = ("tests/unit/test_outside.c", "tests/target/suite_outside.c")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
DECLARATION = re.compile(r"^(?!static|typedef|extern|#| )[\w \n*]*?\b(ash_\w+)\([^;{}]*;", re.MULTILINE)
NOT_THERE = re.compile(r"\bnot in interrupts\b", re.IGNORECASE)
ANYWHERE = re.compile(r"\bany context\b|\bcontext: any\b", re.IGNORECASE)
LIKE = re.compile(r"\b[Cc]ontext(?:,| and)?[\w, ]*? as (ash_\w+)|\bContext of (?!`|all)(ash_\w+)")
GUARDED = re.compile(r"^[a-z][\w *]*?\b(ash_\w+)\([^;{}]*\)\n\{\n(?:(?!^\}).*\n)*?"
                     r"    if \(!outside_\w+\(__func__\)\)", re.MULTILINE)


def plain(comment):
    return re.sub(r"\s*\n\s*\*?\s*", " ", comment)


def programs_only(header):
    """{function: whether it is for programs only} of the declarations of a header."""
    first = plain(next((m[0] for m in COMMENT.finditer(header) if "SPDX" not in m[0]), ""))
    default = bool(NOT_THERE.search(first))
    found, comment, end = {}, "", 0
    for match in re.finditer(f"({COMMENT.pattern})|{DECLARATION.pattern}", header,
                             re.MULTILINE | re.DOTALL):
        if match[1] is not None:
            comment, end = plain(match[1]), match.end()
            continue
        # Declarations that stand together share the comment before them.
        if re.search(r"\n\s*\n", header[end:match.start()]):
            comment = ""
        end = match.end()
        name = match[2]
        like = LIKE.search(comment)
        if NOT_THERE.search(comment):
            found[name] = True
        elif like and (like[1] or like[2]) in found:
            found[name] = found[like[1] or like[2]]
        elif ANYWHERE.search(comment):
            found[name] = False
        else:
            found[name] = default
    return found


def guarded(source):
    """The functions of a source that check from where they are called."""
    return set(GUARDED.findall(source))


def violations(headers, sources, tests):
    said, checked = {}, set()
    for header in headers:
        said.update(programs_only(header))
    for source in sources:
        checked |= guarded(source)
    tested = set(re.findall(r"X\((ash_\w+),", "\n".join(tests)))
    for name in sorted(n for n, only in said.items() if only):
        if name not in checked:
            yield f"{name}: is not for interrupts, as its header says, and does not check that"
        elif name not in tested:
            yield f"{name}: no test calls it from where it must not be called"
    for name in sorted(checked):
        if not said.get(name, False):
            yield f"{name}: checks from where it is called, and its header says nothing of it"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    headers = [read(f"include/ashlar/{name}.h") for name in HEADERS]
    sources = [read(path) for folder in FOLDERS for path in glob.glob(f"{folder}/*.c")]
    found = list(violations(headers, sources, [read(path) for path in TESTS if os.path.exists(path)]))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
