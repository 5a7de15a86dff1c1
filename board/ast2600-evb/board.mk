# SPDX-License-Identifier: MIT
#
# ASPEED's evaluation board of the AST2600, for make.

ARCHES      := a32
FLASH       := 0x0-0x4000000
FLASH_BYTES := 64M
FLASH_FILL  := 0xff

# The Cortex-A7 of this chip was built with VFPv4-D16 and without Advanced SIMD.
SIMD := no
