# SPDX-License-Identifier: MIT
#
# Targets that run something.

.PHONY: help run test debug size bench format format-check lint mutants mutants-fuzz fuzz soak \
    fuzz-coverage clean

define HELP
Ashlar: a memory manager for bare-metal Arm Cortex-A.

  make run            build, boot under QEMU from flash, self-tests, then a prompt
                      (without a terminal: power off, exit status is the verdict)
  make test           everything that CI runs; the last line is "N passed, N failed"
  make all            every image and the library, under $(B)/
  make image          the files that a person writes to the board: flash, cards, for U-Boot
  make flash          writes them; DEV= says where to (docs/flashing.md), without it the disks are shown
  make library        $(B)/libashlar.a
  make unit-tests     build the host unit tests, under $(H)/
  make fuzzers        build the fuzzers
  make debug          QEMU halted at its first instruction, gdb-multiarch attached, with the
                      commands of docs/debugging.md
  make size           flash and RAM per section and per module
  make bench          instruction counts, exact under -icount, beside their limits
  make mutants        each patch of tests/mutants must make a test fail
  make mutants-fuzz   each patch of the table code must make the fuzzer fail
  make fuzz           each fuzzer for FUZZ_SECONDS; FUZZ_STEPS random operations on each format of
                      translation tables, RANDOM_STEPS on each allocator, with words of 64 and of
                      32 bits
  make soak           spaces and programs on 4 CPUs for SOAK_SECONDS, on both architectures; and a
                      power cut after each operation of an update
  make fuzz-coverage  the share of the table code's branches that random operations take
  make format         clang-format, in place;  make format-check: only tell
  make lint           clang-tidy, cppcheck and the project's own checks
  make packages       install the Debian packages that are missing
  make clean          remove build/
  make help           this text (the default)

Options, with their defaults:
  BOARD=virt          board: $(BOARDS)
  ARCH=a32            execution state: $(ARCHES)
  CPU=                processor to build for and to run on: $(CPUS_KNOWN);
                      by default the image runs on all of them, and QEMU has -cpu max
  MEM=512M            RAM of the machine; other boards than virt have their own
  SMP=1               CPUs of the machine; the same
  BOOT=               how it boots, on boards with several ways
  EDU=31              address bits that its PCI device "edu" reaches, 28 or 31; -: no such device
  CHECK=1             ASH_CHECK: 0 cheapest checks, 1 default, 2 debug
  CPUS=4              ASH_CPUS: CPUs that the library can serve, 1 to 8
  VABITS=39           AArch64: bits of the firmware's addresses, 39 or 48
  SPACEBITS=30        AArch32: bits of the addresses of spaces, 29 to 31; 0: none
  CROSS=              prefix of the compiler's name; aarch64-none-elf- means newlib, not picolibc
  DEV=list            flash: /dev/NAME (a card), file:PATH, openocd:ADAPTER, uboot:/dev/ttyX
  ALLOW=              flash: what is refused otherwise: large, fixed
  CONFIRM=            flash: the answer to its question, where there is no terminal
  DRY_RUN=no          flash: yes: check and show only
  FILE=               flash: another file than the usual one
  VERSION=1           number of an image for a slot; the newer one runs
  ONLY=               test, mutants, fuzz: only what contains this text in its name
  FUZZ_SECONDS=60     length of one fuzzer's run
  FUZZ_STEPS=20000000 operations on each format (half an hour)
  RANDOM_STEPS=10000000 operations on each allocator
  SOAK_SECONDS=300    length of a soak on one architecture
  FUZZ_SEED=          what they start from; by default something new
  INSTALL=yes         no: never install Debian packages
  V=0                 1: show every command
endef

help:
	$(info $(HELP))
	@:

# What is not said is as the machine is by itself.
said = $(if $(filter command,$(origin $1)),$2 $($1))
RUN := $(PYTHON) -B tools/run.py --board $(BOARD) --arch $(ARCH) --build $(B) --edu=$(EDU) \
    $(call said,MEM,--mem) $(call said,SMP,--smp) $(if $(CPU),--cpu $(CPU)) $(if $(BOOT),--entry $(BOOT))

run: runs
	@$(RUN)

debug: runs
	@$(RUN) --debug

size: $(B)/$(IMAGE).elf
	@$(PYTHON) tools/size.py $(FLASH:%=--flash %) $(B)/$(IMAGE).elf $(B)/$(IMAGE).map

# Formatting: every C source and header of the project.
FORMATTED := $(shell find include port mmu alloc vm board startup process firmware tests bench examples \
    -name '*.[ch]' 2>/dev/null)
format: | packages
	clang-format -i $(FORMATTED)
format-check: | packages
	clang-format --dry-run --Werror $(FORMATTED)

TEST := $(PYTHON) -B tools/test_all.py --only '$(ONLY)' \
    --unit-tests '$(UNIT_TESTS:%=$(H)/%)' --fuzzers '$(FUZZERS:%=$(H)/%)' \
    --threads '$(THREADS:%=$(H)/%)' \
    --soaks '$(SOAKS:%=$(H)/%)' --randoms '$(RANDOMS:%=$(H)/%)' --examples '$(EXAMPLES)' \
    BOARD=$(BOARD) CPU=$(CPU) CHECK=$(CHECK) CPUS=$(CPUS)

# The script builds by calling make again, so that a build that fails is counted like a test.
test: packages
	@$(TEST)

fuzz: fuzzers
	@$(TEST) --fuzz-seconds $(FUZZ_SECONDS) --fuzz-steps $(FUZZ_STEPS) \
	    --random-steps $(RANDOM_STEPS) --fuzz-seed '$(FUZZ_SEED)'

fuzz-coverage: $(H)/coverage/soak_mmu
	@find $(H)/coverage -name '*.gcda' -delete
	@$(H)/coverage/soak_mmu --steps 400000
	@$(PYTHON) -B tools/coverage.py $(H)/coverage/mmu mmu/ --least 90 --list $(H)/coverage/mmu.txt

# The build folders that the options give, images and host programs; for scripts.
.PHONY: folders
folders:
	@echo $(B) $(H)

# The build whose rows are all shown, those that some limits are for, and last the default one.
BENCH_BUILDS := CHECK=0:CPUS=1 CHECK=1:CPUS=1 CHECK=0:CPUS=4 CHECK=1:CPUS=4
BENCH_MAKE := MAKEFLAGS= $(MAKE) --no-print-directory INSTALL=no BOARD=$(BOARD) ARCH=$(ARCH)
bench: packages
	@for build in $(BENCH_BUILDS); do \
	    $(BENCH_MAKE) $$(echo $$build | tr : ' ') bench-image || exit 1; done
	@$(PYTHON) -B tools/bench.py --arch $(ARCH) --json build/bench-$(ARCH).json $(if $(filter yes,$(TABLES)),--tables README.md --tables docs/bench.md) \
	    $(foreach build,$(BENCH_BUILDS),$(build):$$( \
	    $(BENCH_MAKE) -s $(subst :, ,$(build)) folders | cut -d' ' -f1))

# On both architectures, each in its default build.
SOAK_MAKE := MAKEFLAGS= $(MAKE) --no-print-directory INSTALL=no BOARD=$(BOARD)
soak: packages
	@for arch in $(ARCHES); do $(SOAK_MAKE) ARCH=$$arch runs $(if $(SLOT_IMAGES),image) || exit 1; done
	$(if $(SLOT_IMAGES),@$(PYTHON) -B tools/update.py $(foreach arch,$(ARCHES),$(arch)=$$( \
	    $(SOAK_MAKE) -s ARCH=$(arch) folders | cut -d' ' -f1)))
	@$(PYTHON) -B tools/soak.py --seconds $(SOAK_SECONDS) --smp $(if $(filter 1,$(SMP)),4,$(SMP)) \
	    $(foreach arch,$(ARCHES),$(arch)=$$($(SOAK_MAKE) -s ARCH=$(arch) folders | cut -d' ' -f1))

mutants: packages
	@$(PYTHON) -B tools/mutants.py --only '$(ONLY)'
mutants-fuzz: packages
	@$(PYTHON) -B tools/mutants.py --only '$(ONLY)' --soak mmu

# clang-tidy over what the host builds (it knows that compiler's flags), cppcheck over all of it, but
# for what it guesses wrongly and the compilers and sanitizers find: uninitialised variables, shifts.
LINT_SOURCES := $(wildcard $(HOST_SOURCES))
lint: packages
	@$(PYTHON) tools/check_source.py
	@$(PYTHON) tools/check_contexts.py
	@printf '%s\n' $(LINT_SOURCES) | xargs -P $$(nproc) -I{} \
	    clang-tidy --quiet --warnings-as-errors='*' {} -- $(HOST_FLAGS) 2>/dev/null
	@cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,portability \
	    --suppress=missingIncludeSystem --suppress=uninitvar --suppress=ctuuninitvar --suppress=legacyUninitvar \
	    --suppress=shiftTooManyBits \
	    -D__arm__ -DASH_CHECK=$(CHECK) -DASH_CPUS=$(CPUS) -Iinclude -I. -Iport/$(ARCH) \
	    $(filter %.c,$(LIB_SOURCES) $(FIRMWARE_SOURCES))

clean:
	rm -rf build
