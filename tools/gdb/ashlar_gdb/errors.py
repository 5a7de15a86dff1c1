# SPDX-License-Identifier: MIT
"""What may be in the way of a look at the machine."""


class Absent(Exception):
    """There is no such thing: the linker dropped it, it has no debugging information, or nobody has
    made it yet."""


class Damaged(Exception):
    """What was read cannot be what it should be."""


class Unreadable(Damaged):
    """No memory there."""
