# SPDX-License-Identifier: MIT
#
# Xilinx's ZCU102 evaluation board of the Zynq UltraScale+, for make. Its flash cannot be run from.

ARCHES := a64
