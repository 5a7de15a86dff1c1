# SPDX-License-Identifier: MIT
"""What checks find."""

from dataclasses import dataclass

MOST = 20  # of one check that are shown


@dataclass(frozen=True)
class Finding:
    what: str
    where: str = ""

    def __str__(self):
        return f"{self.where}: {self.what}" if self.where else self.what


def at(address, what):
    return Finding(what, f"{address:#x}")


def lines(found):
    """The findings as lines, not more than a person reads."""
    found = list(found)
    yield from (str(finding) for finding in found[:MOST])
    if len(found) > MOST:
        yield f"and {len(found) - MOST} more"
