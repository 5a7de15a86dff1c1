# SPDX-License-Identifier: MIT
# U-Boot's own boot commands run this script of the first partition.
load ${devtype} ${devnum}:${distro_bootpart} @load@ ashlar-ram.bin
go @entry@
