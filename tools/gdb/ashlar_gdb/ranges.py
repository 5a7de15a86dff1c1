# SPDX-License-Identifier: MIT
"""Sets of addresses as sorted ranges [first, end)."""

from bisect import bisect_right


class Ranges:
    def __init__(self, ranges=()):
        self.ranges = []
        for first, end in sorted(ranges):
            if first >= end:
                continue
            if self.ranges and first <= self.ranges[-1][1]:
                self.ranges[-1] = self.ranges[-1][0], max(end, self.ranges[-1][1])
            else:
                self.ranges.append((first, end))
        self.starts = [first for first, _ in self.ranges]

    def holds(self, first, end):
        """All of [first, end)."""
        i = bisect_right(self.starts, first) - 1
        return i >= 0 and end <= self.ranges[i][1]

    def meets(self, first, end):
        """Any of [first, end)."""
        i = bisect_right(self.starts, first) - 1
        return (i >= 0 and first < self.ranges[i][1]) or (
            i + 1 < len(self.ranges) and self.ranges[i + 1][0] < end)

    def __iter__(self):
        return iter(self.ranges)
