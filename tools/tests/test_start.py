# SPDX-License-Identifier: MIT
"""What start.py makes of a disassembly and of QEMU's log."""

import unittest

import start

A32 = """
40200148:\tmcr\t15, 0, r0, cr1, cr0, {0}
40200270:\tmcreq\t15, 0, r1, cr1, cr0, {1}
402002b4:\tmcrr\t15, 1, r0, r1, cr15
402002c8:\tmcr\t15, 0, r0, cr1, cr0, {2}
402017d0:\tldrex\tr3, [r1]
402017d4:\tldr\tr3, [r1]
"""
A64 = """
    402000dc:\tmsr\ts3_1_c15_c2_1, x0
    402000f0:\tmsr\tsctlr_el1, x12
    402000f4:\tmrs\tx0, sctlr_el1
    402016b0:\tldaxr\tw0, [x4]
    402016b4:\tldar\tw0, [x4]
"""
LOG = """Trace 0: 0x7f [00000000/40200270/00000000/ff]
R00=00000000 R01=00000040 R02=00000000 R03=00000000
PSR=600001d3 -ZC- A S svc32
Trace 1: 0x7f [00000000/40200270/00000000/ff]
R00=00000000 R01=00000040
PSR=200001d3 --C- A S svc32
Trace 0: 0x7f [00000000/40200148/00000000/ff]
R00=00000000 R01=00000040
Trace 0: 0x7f [00000000/40200148/00000000/ff]
R00=00c5187d R01=00000040
Trace 0: 0x7f [00000000/402017d0/00000000/ff] ash_x
Trace 0: 0x7f [00000000/402017d0/00000000/ff] ash_x
Trace 1: 0x7f [00000000/402017d0/00000000/ff] ash_x
Trace 0: 0x7f [00000000/40200148/00000000/ff]
R00=00c51878
"""


class Start(unittest.TestCase):
    def test_sites(self):
        self.assertEqual(start.sites(A32), {
            0x40200148: ("control", "r0", ""), 0x40200270: ("join", "r1", "eq"),
            0x402002b4: ("join", "r0", ""), 0x402017d0: ("exclusive", "", "")})
        self.assertEqual(start.sites(A64), {
            0x402000dc: ("join", "x0", ""), 0x402000f0: ("control", "x12", ""),
            0x402016b0: ("exclusive", "", "")})

    def test_registers(self):
        self.assertEqual([start.register(name) for name in ("r0", "x12", "xzr")],
                         ["R00", "X12", ""])

    def test_steps(self):
        happened = list(start.events(LOG.splitlines(), start.sites(A32)))
        self.assertEqual(happened[:3], [(0, "join", 0x40, True), (1, "join", 0x40, False),
                                        (0, "control", 0, True)])
        self.assertEqual(start.steps(happened),
                         ["0 join", "0 on", "0 exclusive", "1 exclusive", "0 off"])


if __name__ == "__main__":
    unittest.main()
