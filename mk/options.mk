# SPDX-License-Identifier: MIT
#
# Options of the command line: defaults, checks, and the build folder that follows from them.
# MEM, SMP, EDU and BOOT describe the machine that runs the image and do not change the build.
# board/<name>/board.mk says what a board has:
#   ARCHES       the execution states that it runs in, the usual one first
#   FLASH        of the board, from its first to its end address: what `make size` calls flash
#   FLASH_BYTES  of the part that the flash image is written to
#   FLASH_FILL   what the rest of it holds: 0xff as an erased part does; left out: zeros, a sparse file
#   COMMON       folders of board/ whose sources it has in common with other boards
#   SIMD         no: the processor's floating point is VFPv4-D16, without Advanced SIMD (a32)
#   MORE, RUNS   what else `make all` builds for it, and what `make run` needs, if not all
# and next to it lie the linker scripts of its images: xip.ld (code stays in flash), ram.ld, ...
# (in a folder of the state's name if they differ by that), and rules.mk if it has files of its own.

BOARD := virt
CPU   :=
MEM   := 512M
SMP   := 1
BOOT  :=
SIMD  := yes
MORE  =
FLASH_FILL :=
COMMON =
RUNS  = all
EDU   := 31
CHECK := 1
CPUS  := 4
VABITS := 39
SPACEBITS := 30
VERSION := 1
ONLY  :=
FUZZ_SECONDS := 60
FUZZ_STEPS := 20000000
RANDOM_STEPS := 10000000
FUZZ_SEED :=
SOAK_SECONDS := 300
INSTALL := yes
V     := 0

BOARDS := $(patsubst board/%/board.mk,%,$(wildcard board/*/board.mk))
CPUS_KNOWN := cortex-a7 cortex-a15 cortex-a53 cortex-a72 max

, := ,
one_of = $(and $(filter 1,$(words $1)),$(filter $1,$2))
# Does $1 match the extended regular expression $2 as a whole?
matches = $(shell printf %s '$(subst ','\'',$1)' | grep -Eqx '$2' && echo yes)

ifeq ($(call one_of,$(BOARD),$(BOARDS)),)
    $(error BOARD=$(BOARD): no such board; one of: $(BOARDS))
endif
include board/$(BOARD)/board.mk
ARCH := $(firstword $(ARCHES))
ifeq ($(call one_of,$(ARCH),$(ARCHES)),)
    $(error ARCH=$(ARCH): $(BOARD) has no such architecture; one of: $(ARCHES))
endif
ifneq ($(CPU),)
ifeq ($(call one_of,$(CPU),$(CPUS_KNOWN)),)
    $(error CPU=$(CPU): unknown processor; one of: $(CPUS_KNOWN), or nothing for the baseline)
endif
endif
ifneq ($(call matches,$(MEM),[1-9][0-9]*[MG]),yes)
    $(error MEM=$(MEM): bytes of RAM are a number followed by M or G, such as 512M)
endif
ifneq ($(call matches,$(SMP),[1-8]),yes)
    $(error SMP=$(SMP): the machine has 1 to 8 CPUs)
endif
ifeq ($(call one_of,$(EDU),- 28 31),)
    $(error EDU=$(EDU): the PCI device edu reaches 28 or 31 address bits; -: it is not there)
endif
ifneq ($(call matches,$(CHECK),[0-2]),yes)
    $(error CHECK=$(CHECK): the checks have level 0, 1 or 2)
endif
ifneq ($(call matches,$(CPUS),[1-8]),yes)
    $(error CPUS=$(CPUS): the library serves 1 to 8 CPUs)
endif
ifneq ($(call matches,$(VERSION),[0-9]{1$(,)9}),yes)
    $(error VERSION=$(VERSION): the version of an image for a slot is a number of at most 9 digits)
endif
ifeq ($(call one_of,$(VABITS),39 48),)
    $(error VABITS=$(VABITS): the firmware's map of AArch64 has 39 or 48 bits)
endif
ifeq ($(call one_of,$(SPACEBITS),0 29 30 31),)
    $(error SPACEBITS=$(SPACEBITS): spaces of AArch32 have 29, 30 or 31 bits, or 0: there are none)
endif
ifneq ($(call matches,$(FUZZ_SECONDS),[1-9][0-9]*),yes)
    $(error FUZZ_SECONDS=$(FUZZ_SECONDS): a number of seconds)
endif
ifneq ($(call matches,$(SOAK_SECONDS),[1-9][0-9]*),yes)
    $(error SOAK_SECONDS=$(SOAK_SECONDS): a number of seconds)
endif
ifneq ($(call matches,$(FUZZ_STEPS),[1-9][0-9]*),yes)
    $(error FUZZ_STEPS=$(FUZZ_STEPS): a number of operations)
endif
ifneq ($(call matches,$(or $(FUZZ_SEED),1),[1-9][0-9]*),yes)
    $(error FUZZ_SEED=$(FUZZ_SEED): a number, or nothing for a new one each time)
endif

# What depends on the board lies in build/<board>-<arch>, everything else in build/<arch>, with a
# suffix for each build option that differs from its default.
VARIANT := $(if $(CPU),-$(CPU))$(if $(filter-out 1,$(CHECK)),-check$(CHECK))$(if \
    $(filter-out 4,$(CPUS)),-cpus$(CPUS))
O := build/$(ARCH)$(VARIANT)$(if $(filter a64-48,$(ARCH)-$(VABITS)),-va48)$(if \
    $(filter a32,$(ARCH)),$(if $(filter no,$(SIMD)),-nosimd))
B := $(O:build/%=build/$(BOARD)-%)$(if $(filter a32,$(ARCH)),$(if \
    $(filter-out 30,$(SPACEBITS)),-space$(SPACEBITS)))
# Host builds take CHECK and CPUS from the same options.
H := build/host$(subst -$(CPU),,$(VARIANT))

Q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@echo "  $1")
PYTHON := /usr/bin/python3

# As many jobs as processors unless the caller says otherwise.
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
    MAKEFLAGS += -j$(shell nproc)
endif

# Packages come first: every rule that builds or runs waits for this (order only).
.PHONY: packages
packages:
ifneq ($(INSTALL),no)
	@tools/install
endif
