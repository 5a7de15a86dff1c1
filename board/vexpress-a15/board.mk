# SPDX-License-Identifier: MIT
#
# Arm's Versatile Express with a Cortex-A15 core tile, for make.

ARCHES      := a32
FLASH       := 0x0-0x4000000
FLASH_BYTES := 64M
FLASH_FILL  := 0xff
