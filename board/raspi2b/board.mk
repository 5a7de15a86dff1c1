# SPDX-License-Identifier: MIT
#
# Raspberry Pi 2 Model B, for make.

ARCHES := a32
COMMON := bcm283x
MORE    = $(B)/kernel7.img
