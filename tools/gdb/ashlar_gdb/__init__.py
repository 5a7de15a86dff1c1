# SPDX-License-Identifier: MIT
"""What gdb shows of a machine that runs Ashlar: docs/debugging.md. `access`, `commands`, `printers`
and `unwinder` know gdb; all others work on what they are given, and are tested without it."""
