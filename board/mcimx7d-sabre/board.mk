# SPDX-License-Identifier: MIT
#
# NXP's SABRE board of the i.MX 7Dual, for make. It has no flash that code could run from.

ARCHES := a32
