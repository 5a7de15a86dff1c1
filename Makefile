# SPDX-License-Identifier: MIT
#
# Ashlar. `make help` lists the targets and the options; mk/ holds the rules:
#   options.mk   what may be said on the command line, and the build folder that follows from it
#   <arch>.mk    compiler and flags of one execution state
#   firmware.mk  library, firmware images, link checks
#   slots.mk     images for boards with two slots, and the selector
#   image.mk     what a person writes to a board, and how
#   programs.mk  programs of user mode, and their archive
#   host.mk      unit tests and fuzzers, built for the host
#   tasks.mk     everything that runs something

MAKEFLAGS += --no-builtin-rules --no-builtin-variables --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

include mk/options.mk
include mk/$(ARCH).mk
include mk/firmware.mk
include mk/slots.mk
include mk/image.mk
include mk/programs.mk
include mk/host.mk
include mk/tasks.mk
