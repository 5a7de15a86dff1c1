# SPDX-License-Identifier: MIT
"""The command line of OpenOCD that writes an image through a debug adapter.

tools/openocd.cfg holds the procedures, board/<name>/openocd.cfg the board's chips, and the adapter's
configuration comes from OpenOCD or from the caller.
"""

import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROCEDURES = os.path.join("tools", "openocd.cfg")


def board_configuration(board):
    return os.path.join("board", board, "openocd.cfg")


def quoted(path):
    """A path as a word of Tcl."""
    return "{" + path + "}"


def command(adapter, board, described, image):
    """OpenOCD's words; `described` is the board's [openocd] of flash.toml."""
    if described["kind"] == "nor":
        do = f"ashlar_nor {quoted(os.path.abspath(image))} {described['address']:#x}"
    else:
        do = f"ashlar_ram {quoted(os.path.abspath(image))} {described['address']:#x}"
    return ["openocd", "-f", adapter, "-f", os.path.join(ROOT, board_configuration(board)),
            "-f", os.path.join(ROOT, PROCEDURES), "-c", do]
