# SPDX-License-Identifier: MIT
#
# AArch64. The baseline is ARMv8-A, so that one image runs on every core; CPU= raises it.

# Arm's bare-metal toolchain with newlib if it is there, else Debian's cross compiler with picolibc.
# CROSS= on the command line wins.
CROSS := $(if $(shell command -v aarch64-none-elf-gcc),aarch64-none-elf-,aarch64-linux-gnu-)
LIBC  := $(if $(findstring -none-elf-,$(CROSS)),newlib,picolibc)
ifeq ($(LIBC),picolibc)
PICOLIBC := /usr/lib/picolibc/aarch64-linux-gnu
# Found before that compiler's own C library; thread-local variables at a fixed place.
LIBC_FLAGS := -isystem $(PICOLIBC)/include -B$(PICOLIBC)/lib/ -ftls-model=local-exec \
    -fno-pie -no-pie
endif

A_CPU_cortex-a53 := -mcpu=cortex-a53
A_CPU_cortex-a72 := -mcpu=cortex-a72
A_CPU_max        := -march=armv8.2-a
A_CPU := $(if $(CPU),$(A_CPU_$(CPU)),-march=armv8-a)
ifneq ($(CPU),)
ifeq ($(A_CPU_$(CPU)),)
    $(error CPU=$(CPU): has no AArch64; one of: cortex-a53 cortex-a72 max, or nothing)
endif
endif

# Landing pads and signed return addresses are hints, which older cores ignore.
ARCH_FLAGS := $(A_CPU) -mstrict-align -mno-outline-atomics -mbranch-protection=standard \
    -fno-asynchronous-unwind-tables -fno-unwind-tables $(LIBC_FLAGS)
# Early code must not touch vectors: it runs before they are on, and in exceptions.
EARLY_FLAGS := -mgeneral-regs-only
MKIMAGE_ARCH := arm64
# log2 of the addresses of the firmware's map
ARCH_DEFINES := -DASH_VA_BITS=$(VABITS)
# Programs of user mode begin 64 KiB behind the start of a space of 39 bits.
PROGRAM_FLAGS := $(ARCH_FLAGS)
PROGRAM_BASE  := 0xffffff8000010000
