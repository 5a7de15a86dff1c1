# SPDX-License-Identifier: MIT
#
# AArch32. The baseline runs on Cortex-A7 and A15 as well as on ARMv8 cores in AArch32 state;
# CPU= raises it.

CROSS := arm-none-eabi-
LIBC  := newlib
A_CPU_cortex-a7  := -mcpu=cortex-a7
A_CPU_cortex-a15 := -mcpu=cortex-a15
A_CPU_cortex-a53 := -mcpu=cortex-a53
A_CPU_cortex-a72 := -mcpu=cortex-a72
A_CPU_max        := -march=armv8-a+simd
A_CPU := $(if $(CPU),$(A_CPU_$(CPU)),-march=armv7ve+simd)
ifeq ($(SIMD),no)
A_CPU := -march=armv7ve+vfpv4-d16
endif

# A C library built for ARM or Thumb state may be linked: calls change state as needed.
ARCH_FLAGS := $(A_CPU) -mfpu=auto -mfloat-abi=hard -marm -mno-unaligned-access
# Early code must not touch the FPU: it runs before it is on, and in exceptions.
EARLY_FLAGS := -mgeneral-regs-only
# Programs of user mode are Thumb code; they begin 64 KiB behind the start of a space.
PROGRAM_FLAGS := $(subst -marm,-mthumb,$(ARCH_FLAGS))
PROGRAM_BASE  := $(shell printf '0x%x' \
    $$((0x100010000 - (1 << $(or $(filter-out 0,$(SPACEBITS)),30)))))
MKIMAGE_ARCH := arm
# log2 of the addresses that spaces have: a board's constant
BOARD_DEFINES := -DASH_SPACE_BITS=$(SPACEBITS)
