# SPDX-License-Identifier: MIT
#
# Orange Pi PC (Allwinner H3), for make.

ARCHES := a32
