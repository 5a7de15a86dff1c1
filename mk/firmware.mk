# SPDX-License-Identifier: MIT
#
# The library and the firmware images of a board, under $(B); objects that no board changes, under
# $(O). Which images there are is said by the linker scripts in the board's folder:
#   libashlar.a          everything a product links
#   ashlar.elf/.bin      xip.ld: runs from flash
#   ashlar-ram.elf/.bin  ram.ld: runs from RAM
#   ashlar-NAME.*        NAME.ld: such as virt's second bank (U-Boot lives in the first)
# mk/image.mk makes of them what a person writes.

CC      := $(CROSS)gcc
AR      := $(CROSS)ar
NM      := $(CROSS)nm
OBJCOPY := $(CROSS)objcopy

# What a board's folder need not have
BOARD_NONE := $(foreach file,$(notdir $(wildcard board/none/*.c)),$(if \
    $(wildcard board/$(BOARD)/$(file)),,board/none/$(file)))
LIB_SOURCES := $(sort $(BOARD_NONE) $(wildcard \
    port/*.c port/$(ARCH)/*.c port/$(ARCH)/*.S mmu/*.c alloc/*.c vm/*.c process/*.c \
    board/*.c board/$(BOARD)/*.c board/$(BOARD)/*.S $(COMMON:%=board/%/*.c) board/dev/*.c \
    startup/*.c startup/$(ARCH)/*.c startup/$(ARCH)/*.S startup/libc/$(LIBC).c))
FIRMWARE_SOURCES := $(sort $(wildcard examples/sched/sched.c \
    firmware/*.c firmware/$(ARCH)/*.c firmware/$(ARCH)/*.S \
    tests/target/*.c tests/target/$(ARCH)/*.c tests/target/$(ARCH)/*.S tests/shared/*.c))
BENCH_SOURCES := $(sort $(wildcard bench/*.c bench/$(ARCH)/*.S))
BENCH_LIBC_SOURCES := $(sort $(wildcard bench/libc/*.c))

early_globs = $(shell sed -e 's/\#.*//' -e 's/{arch}/$(ARCH)/;s/{board}/$(BOARD)/' -e $1 tools/early.txt)
EARLY_SOURCES := $(filter-out \
    $(wildcard $(call early_globs,'/^!/!d;s/^! *//')), \
    $(filter $(LIB_SOURCES),$(wildcard $(call early_globs,'/^!/d'))))

# Objects have the whole path in their name, so that a member of the archive tells its module.
object = $(foreach source,$1,$(if $(filter board/$(BOARD)/%,$(source)),$B,$O)/obj/$(subst \
    /,-,$(source)).o)
LIB_OBJECTS      := $(call object,$(LIB_SOURCES))
FIRMWARE_OBJECTS := $(call object,$(FIRMWARE_SOURCES))
BENCH_OBJECTS    := $(call object,$(BENCH_SOURCES))
BENCH_LIBC_OBJECTS := $(call object,$(BENCH_LIBC_SOURCES) bench/bench.c)
EARLY_OBJECTS    := $(call object,$(EARLY_SOURCES))

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Werror
DEFINES  := -DASH_CHECK=$(CHECK) -DASH_CPUS=$(CPUS) $(ARCH_DEFINES)
INCLUDES := -I. -Iinclude -Iport/$(ARCH)
A_FLAGS  := $(ARCH_FLAGS) $(DEFINES) $(INCLUDES) -g3 -ffile-prefix-map=$(CURDIR)=.
C_FLAGS  := $(A_FLAGS) -std=gnu17 -O2 -ffunction-sections -fdata-sections -fno-common $(WARNINGS)
EARLY_C_FLAGS := $(EARLY_FLAGS) -fno-tree-loop-distribute-patterns

LD_FLAGS := $(ARCH_FLAGS) -nostartfiles -nodefaultlibs -static -L ld -Wl,--gc-sections \
    -Wl,--build-id=none -Wl,--fatal-warnings -Wl,--no-warn-rwx-segments
LD_LIBS  := -Wl,--start-group $(B)/libashlar.a -lc -lgcc -Wl,--end-group

# What an image must be like, looked at after each link. $1: its name
LINK_CHECKS := tools/check_libc.py tools/libc_allocators.txt tools/check_guarded.py
check_linked = $(Q)$(PYTHON) tools/check_libc.py $(B)/$1.map$(if $(filter a64,$(ARCH)), && \
    $(PYTHON) tools/check_guarded.py $(B)/$1.elf)

LAYOUTS := $(wildcard ld/* board/$(BOARD)/*.ld board/$(BOARD)/$(ARCH)/*.ld)
SCRIPTS := $(notdir $(filter-out ld/%,$(LAYOUTS)))
IMAGES  := $(patsubst %.ld,ashlar-%,$(filter-out xip.ld,$(SCRIPTS))) $(if $(filter xip.ld,$(SCRIPTS)),ashlar)
script  = $(filter %/$(if $(filter ashlar,$1),xip,$(1:ashlar-%=%)).ld,$(LAYOUTS))
# Boards with slots have an image linked for each (slots.mk).
SLOT_IMAGES := $(filter ashlar-slot-%,$(IMAGES))
# The image that runs unless one asks for another.
IMAGE   := $(if $(filter ashlar,$(IMAGES)),ashlar,ashlar-ram)

# A stamp for each set of words that a rule depends on: it changes when they do. (Several makes may
# look at the same time: each writes a file of its own.)
# $1: file, $2: words
define stamp
$1: FORCE | packages
	@mkdir -p $$(@D)
	@new=$$@.$$$$$$$$; { $$(CC) --version | head -n 1; echo '$2'; } >$$$$new; \
	    if cmp -s $$$$new $$@; then rm $$$$new; else mv $$$$new $$@; fi
endef
$(eval $(call stamp,$(O)/obj/compile.flags,$(C_FLAGS)))
$(eval $(call stamp,$(O)/obj/early.flags,$(C_FLAGS) $(EARLY_C_FLAGS)))
$(eval $(call stamp,$(B)/obj/library.list,$(LIB_OBJECTS)))
$(eval $(call stamp,$(B)/obj/link.flags,$(LD_FLAGS) $(FIRMWARE_OBJECTS) $(BENCH_OBJECTS)))

$(EARLY_OBJECTS): EXTRA := $(EARLY_C_FLAGS)
$(EARLY_OBJECTS): $(O)/obj/early.flags
$(filter-out $(EARLY_OBJECTS),$(LIB_OBJECTS) $(FIRMWARE_OBJECTS) $(BENCH_OBJECTS) $(BENCH_LIBC_OBJECTS)): \
    $(O)/obj/compile.flags

define compile
$(call object,$1): $1 | packages
	$$(call say,$(if $(filter %.S,$1),AS,CC)      $1)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $(if $(filter %.S,$1),$(A_FLAGS),$(C_FLAGS) $$(EXTRA)) \
	    $(if $(filter board/$(BOARD)/%,$1),$(BOARD_DEFINES)) -MMD -MP -MT $$@ -MF $$(@:.o=.d) \
	    -c $1 -o $$@.$$$$$$$$ && mv $$@.$$$$$$$$ $$@
endef
$(foreach source,$(LIB_SOURCES) $(FIRMWARE_SOURCES) $(BENCH_SOURCES) $(BENCH_LIBC_SOURCES),$(eval $(call compile,$(source))))

$(B)/libashlar.a: $(LIB_OBJECTS) $(B)/obj/library.list tools/check_early.py tools/early.txt \
        tools/check_ramtext.py
	$(call say,AR      $@)
	@rm -f $@
	$(Q)$(AR) rcD $@ $(LIB_OBJECTS)
	$(Q)$(PYTHON) tools/check_early.py --nm $(NM) --library $@ --cc "$(CC) $(ARCH_FLAGS)" \
	    --cache $(O)/obj/libc.symbols $(EARLY_OBJECTS)
	$(Q)$(PYTHON) tools/check_ramtext.py $(LIB_OBJECTS)

$(IMAGES:%=$(B)/%.elf): $(B)/%.elf: $(FIRMWARE_OBJECTS) $(B)/programs.o $(B)/libashlar.a $(B)/obj/link.flags \
        $(LAYOUTS) $(LINK_CHECKS)
	$(call say,LD      $@)
	$(Q)$(CC) $(LD_FLAGS) -T $(call script,$*) -Wl,-Map=$(B)/$*.map $(FIRMWARE_OBJECTS) $(B)/programs.o $(LD_LIBS) -o $@
	$(call check_linked,$*)

# The firmware that measures: it runs where the board's usual image does, and nothing of that one is in
# it.
$(B)/bench.elf: $(BENCH_OBJECTS) $(B)/programs.o $(B)/libashlar.a $(B)/obj/link.flags $(LAYOUTS) \
        $(LINK_CHECKS)
	$(call say,LD      $@)
	$(Q)$(CC) $(LD_FLAGS) -T $(call script,$(IMAGE)) -Wl,-Map=$(B)/bench.map $(BENCH_OBJECTS) $(B)/programs.o $(LD_LIBS) -o $@
	$(call check_linked,bench)

# The one that measures the C library's own allocator: its members come before Ashlar's.
LIBC_MALLOC := $(foreach name,malloc free calloc realloc $(if $(filter newlib,$(LIBC)),_malloc_r \
    _free_r _calloc_r _realloc_r),-Wl,-u,$(name)) -Wl,--wrap=sbrk -Wl,--wrap=_sbrk -lc
$(B)/bench-libc.elf: $(BENCH_LIBC_OBJECTS) $(B)/libashlar.a $(B)/obj/link.flags $(LAYOUTS)
	$(call say,LD      $@)
	$(Q)$(CC) $(LD_FLAGS) -T $(call script,$(IMAGE)) $(LIBC_MALLOC) $(BENCH_LIBC_OBJECTS) $(LD_LIBS) -o $@

# The size of the heap's code, as a product that wants it small would build it: Thumb code without
# checks, for one CPU; all that is needed to make a heap, to allocate and to free.
HEAP_CODE_ROOTS := ash_heap_init ash_heap_alloc ash_heap_free
$(B)/bench-code.txt: $(wildcard alloc/heap*.[ch] include/ashlar/*.h) $(O)/obj/compile.flags
	$(Q)$(CC) $(filter-out -O2 -g3 -marm,$(C_FLAGS)) $(if $(filter a32,$(ARCH)),-mthumb) -Os -nostdlib \
	    -Wl,--gc-sections,--unresolved-symbols=ignore-all,--no-warn-rwx-segments,-e,0 \
	    $(HEAP_CODE_ROOTS:%=-Wl,-u,%) $(wildcard alloc/heap*.c) -o $(@:.txt=.elf)
	$(Q)$(CROSS)size -A $(@:.txt=.elf) | \
	    sed -n 's/^\.text *\([0-9]*\) .*/# bench heap-code bytes \1 \1 \1/p' >$@

$(B)/%.bin: $(B)/%.elf
	$(Q)$(OBJCOPY) -O binary $< $@

# What other boot paths need: a program that enters as some loaders do, with MMU and caches on; one
# that jumps to bank 1 when U-Boot starts it; and, for AArch32, one that starts the image on a core
# that comes up in AArch64. Each knows where it jumps to by a symbol.
STUB_FLASH_TARGET := 0x0
JUMP_TARGET       := 0x04000000
MACHINE_SOURCES := $(wildcard tests/machines/$(ARCH)/*.S)
STUBS := $(patsubst tests/machines/$(ARCH)/%.S,$(B)/%-flash.elf,$(filter-out %/jump.S,$(MACHINE_SOURCES))) \
    $(patsubst tests/machines/$(ARCH)/%.S,$(B)/%-ram.elf,$(filter-out %/jump.S,$(MACHINE_SOURCES))) \
    $(if $(filter %/jump.S,$(MACHINE_SOURCES)),$(B)/jump.uimg) \
    $(if $(filter %/drop.S,$(MACHINE_SOURCES)),$(B)/drop-bank1.elf)
MACHINE_FLAGS := -g3 -nostdlib -static -Wl,--nmagic -Wl,--build-id=none -Wl,--no-warn-rwx-segments
STUB_FLAGS := $(ARCH_FLAGS) $(MACHINE_FLAGS)
DROP_CC    := aarch64-linux-gnu-gcc
entry_of = $$($(CROSS)readelf -h $1 | sed -n 's/.*Entry point address: *//p')

# $1: name, $2: compiler and its flags
define stub
$(B)/$1-flash.elf: tests/machines/$(ARCH)/$1.S tests/machines/stub.ld $(O)/obj/compile.flags
	$$(Q)$2 -T tests/machines/stub.ld -Wl,--defsym=stub_target=$(STUB_FLASH_TARGET) $$< -o $$@
$(B)/$1-ram.elf: tests/machines/$(ARCH)/$1.S $(B)/ashlar-ram.elf tests/machines/stub.ld \
        $(O)/obj/compile.flags
	$$(Q)$2 -T tests/machines/stub.ld \
	    -Wl,--defsym=stub_target=$$(call entry_of,$(B)/ashlar-ram.elf) $$< -o $$@
endef
$(eval $(call stub,stub,$$(CC) $$(STUB_FLAGS)))
$(eval $(call stub,drop,$$(DROP_CC) $$(MACHINE_FLAGS)))
# The machine with an EL3 keeps its first flash bank to the secure state, which this leaves.
$(B)/drop-bank1.elf: tests/machines/$(ARCH)/drop.S tests/machines/stub.ld $(O)/obj/compile.flags
	$(Q)$(DROP_CC) $(MACHINE_FLAGS) -T tests/machines/stub.ld \
	    -Wl,--defsym=stub_target=$(JUMP_TARGET) $< -o $@

$(B)/jump.elf: tests/machines/$(ARCH)/jump.S $(O)/obj/compile.flags
	$(Q)$(CC) $(STUB_FLAGS) -Wl,-Ttext=0x40400000 -Wl,-e,0x40400000 \
	    -Wl,--defsym=jump_target=$(JUMP_TARGET) $< -o $@

# An example is a program of its own: its sources, its linker script, the public headers and the
# library, as a product would use them. It may not see anything else of the project. Without a script
# of its own it has that of hello, and without need of programs the linker leaves them out.
EXAMPLES := $(notdir $(patsubst %/,%,$(dir $(wildcard examples/*/main.c))))
example_script = $(firstword $(wildcard examples/$1/*.ld) examples/hello/hello.ld)
define example
$(B)/$1.elf: $(wildcard examples/$1/*) $(call example_script,$1) $(wildcard include/ashlar/*.h) \
        $(B)/programs.o $(B)/libashlar.a $(B)/obj/link.flags $(LINK_CHECKS)
	$(call say,EXAMPLE $$@)
	$$(Q)$$(CC) $(filter-out -I%,$(C_FLAGS)) $(BOARD_DEFINES) -Iinclude $(filter-out -L ld,$(LD_FLAGS)) \
	    -T $(call example_script,$1) -Wl,-Map=$(B)/$1.map \
	    $(wildcard examples/$1/*.c) $(B)/programs.o $(LD_LIBS) -o $$@
	$$(call check_linked,$1)
endef
$(foreach name,$(EXAMPLES),$(eval $(call example,$(name))))

# A symbol that a product's script forgets must be named by the linker.
.PHONY: check-symbols
check-symbols: $(B)/hello.elf
	$(Q)$(PYTHON) tools/check_symbols.py --script examples/hello/hello.ld \
	    --readme README.md -- $(CC) \
	    $(filter-out -I%,$(C_FLAGS)) -Iinclude $(filter-out -L ld,$(LD_FLAGS)) \
	    $(wildcard examples/hello/*.c) $(LD_LIBS)

# In each build that is measured; the folder's name says which it is.
bench-image: $(B)/bench.bin $(if $(FLASH_BYTES),$(B)/bench.img) $(if $(filter 0-1,$(CHECK)-$(CPUS)),$(B)/bench-libc.img $(B)/bench-code.txt)

.PHONY: library bench-image FORCE
library: $(B)/libashlar.a

-include board/$(BOARD)/rules.mk
-include $(patsubst %.o,%.d,$(LIB_OBJECTS) $(FIRMWARE_OBJECTS) $(BENCH_OBJECTS) $(BENCH_LIBC_OBJECTS))
.SECONDARY:
