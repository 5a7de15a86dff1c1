# SPDX-License-Identifier: MIT
#
# Programs of user mode, under $(B)/programs: examples/programs/NAME.c, each a static ELF file that
# is linked at the address where a space's programs lie; and $(B)/programs.o, the cpio archive of
# them as constants, for firmware that runs programs.

PROGRAM_SHARED := examples/programs/program.c
PROGRAMS := $(patsubst examples/programs/%.c,%,$(filter-out $(PROGRAM_SHARED),$(sort $(wildcard examples/programs/*.c))))
PROGRAM_C_FLAGS := $(PROGRAM_FLAGS) -std=gnu17 -O2 -ffreestanding -ffunction-sections -fdata-sections \
    -Iinclude -Iexamples/programs $(WARNINGS)
PROGRAM_LD_FLAGS := -nostartfiles -nodefaultlibs -static -T examples/programs/program.ld \
    -Wl,--defsym=PROGRAM_BASE=$(PROGRAM_BASE) -Wl,--gc-sections -Wl,--build-id=none \
    -Wl,--nmagic -Wl,-z,noexecstack -Wl,--fatal-warnings
$(eval $(call stamp,$(B)/programs/flags,$(PROGRAM_C_FLAGS) $(PROGRAM_LD_FLAGS) $(PROGRAMS)))

$(B)/programs/%.elf: examples/programs/%.c $(PROGRAM_SHARED) examples/programs/program.h \
        examples/programs/program.ld examples/programs/$(ARCH)/start.S include/ashlar/call.h \
        include/ashlar/errors.h $(B)/programs/flags
	$(call say,PROGRAM $@)
	$(Q)$(CC) $(PROGRAM_C_FLAGS) $(PROGRAM_LD_FLAGS) $(filter %.c %.S,$^) -lc -lgcc -o $@

# Without symbols, and with a date that is always the same: two builds give the same bytes.
$(B)/programs.cpio: $(PROGRAMS:%=$(B)/programs/%.elf) $(B)/programs/flags
	$(call say,CPIO    $@)
	$(Q)rm -rf $(@D)/programs/archive && mkdir $(@D)/programs/archive
	$(Q)for name in $(PROGRAMS); do $(OBJCOPY) --strip-all $(@D)/programs/$$name.elf \
	    $(@D)/programs/archive/$$name && touch -d @0 $(@D)/programs/archive/$$name || exit 1; done
	$(Q)cd $(@D)/programs/archive && printf '%s\n' $(PROGRAMS) | \
	    cpio --quiet -o -H newc --reproducible -R 0:0 >$(CURDIR)/$@

$(B)/programs.o: examples/programs/archive.S $(B)/programs.cpio
	$(Q)$(CC) $(A_FLAGS) -DARCHIVE='"$(B)/programs.cpio"' -c $< -o $@
