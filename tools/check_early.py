#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fails when early code needs the C library.

Early code (early.txt) runs with the MMU off or inside an exception, where the C library's memcpy
(NEON, unaligned accesses) may not be called, not even when the compiler is who calls it. An
undefined symbol of such an object that the C library would supply, and that neither the library
itself nor the compiler's own library (libgcc: divisions and shifts) defines, is a failure.
"""

import argparse
import os
import subprocess
import sys


def symbols(nm, option, files):
    """(file, symbol) for each symbol that nm lists."""
    output = subprocess.run([nm, "-A", "-P", option, *files], check=True, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    for line in output.splitlines():
        where, _, rest = line.partition(": ")
        if rest:
            yield where, rest.split()[0]


def archive_symbols(nm, cc, name, cache):
    """Global symbols that an archive of the toolchain defines; kept in a file, for it is slow."""
    path = subprocess.run([*cc.split(), f"-print-file-name={name}"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()
    mark = f"{path} {os.stat(path).st_mtime_ns} {os.stat(path).st_size}"
    cached = f"{cache}.{name}"
    try:
        with open(cached, encoding="utf-8") as file:
            lines = file.read().splitlines()
        if lines[0] == mark:
            return set(lines[1:])
    except (OSError, IndexError):
        pass
    names = {symbol for _, symbol in symbols(nm, "--defined-only", ["--extern-only", path])}
    with open(cached, "w", encoding="utf-8") as file:
        file.write("\n".join([mark, *sorted(names)]) + "\n")
    return names


def violations(undefined, own, libc, libgcc):
    return sorted((where, symbol) for where, symbol in undefined
                  if symbol in libc and symbol not in own and symbol not in libgcc)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nm", required=True)
    parser.add_argument("--cc", required=True, help="the compiler with the flags of its libraries")
    parser.add_argument("--library", required=True)
    parser.add_argument("--cache", required=True)
    parser.add_argument("objects", nargs="*")
    args = parser.parse_args()
    if not args.objects:
        return 0

    libc = archive_symbols(args.nm, args.cc, "libc.a", args.cache)
    libgcc = archive_symbols(args.nm, args.cc, "libgcc.a", args.cache)
    own = {s for _, s in symbols(args.nm, "--defined-only", ["--extern-only", args.library])}
    bad = violations(symbols(args.nm, "--undefined-only", args.objects), own, libc, libgcc)
    for where, symbol in bad:
        print(f"{where}: early code calls {symbol} of the C library (see tools/early.txt)",
              file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
