# SPDX-License-Identifier: MIT
"""Commands and pretty-printers of gdb for a machine that runs Ashlar. `make debug` loads them; a
person types

    source tools/gdb/ashlar.py

docs/debugging.md tells what there is. A second time reads changed files again."""

import os
import sys

FOLDER = os.path.dirname(os.path.abspath(os.path.expanduser(__file__)))


def load():
    # Neither what a user's own scripts import nor the project's folder is to change.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, FOLDER)
    for name in [name for name in sys.modules if name.split(".")[0] == "ashlar_gdb"]:
        del sys.modules[name]
    try:
        from ashlar_gdb import commands, printers, unwinder
        commands.register()
        printers.register()
        unwinder.register()
    finally:
        sys.path.remove(FOLDER)
        sys.dont_write_bytecode = writes


load()
print('Ashlar: "ashlar help" lists the commands.')
