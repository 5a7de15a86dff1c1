# SPDX-License-Identifier: MIT
#
# Calxeda's ECX-2000 ("midway"), for make. It has no flash that code could run from.

ARCHES := a32

# For a way to start with a device tree
MORE = $(B)/midway.dtb
