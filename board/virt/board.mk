# SPDX-License-Identifier: MIT
#
# QEMU's virt machine, for make.

ARCHES      := a32 a64
FLASH       := 0x0-0x8000000
FLASH_BYTES := 64M

# What else the tests of this board boot, and what is enough to run it
MORE = $(STUBS) $(EXAMPLES:%=$(B)/%.img)
RUNS = $(B)/ashlar.img
