# SPDX-License-Identifier: MIT

# What the firmware looks for on the card
$(B)/kernel8.img $(B)/kernel7.img: $(B)/ashlar-ram.bin
	$(Q)cp $< $@

# In the place of kernel8.img: it takes all CPUs to AArch32, where kernel7.img begins.
DROP8 := tests/machines/raspi3b/all.ld tests/machines/raspi3b/all.S tests/machines/a32/drop.S
$(B)/drop8.elf: $(DROP8) $(O)/obj/compile.flags
	$(Q)$(DROP_CC) $(MACHINE_FLAGS) -Wl,--defsym=stub_target=0x8000 $(DROP8:%.ld=-T%.ld) -o $@
$(B)/drop8.img: $(B)/drop8.elf
	$(Q)$(DROP_CC:gcc=objcopy) -O binary $< $@

# What the GPU's firmware finds on the card with U-Boot, at 4 MiB, and QEMU wants beside it
$(B)/u-boot.bin: $(B)/ashlar-uboot.img
	@rm -f $@ $@.skipped
	$(Q)if [ -e $< ]; then mcopy -n -i $<@@4M ::u-boot.bin $@; else cp $<.skipped $@.skipped; fi
