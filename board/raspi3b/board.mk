# SPDX-License-Identifier: MIT
#
# Raspberry Pi 3 Model B, for make.

ARCHES := a64 a32
COMMON := bcm283x
MORE    = $(RASPI3B_$(ARCH):%=$(B)/%)

RASPI3B_a64 := kernel8.img u-boot.bin
RASPI3B_a32 := kernel7.img drop8.img
