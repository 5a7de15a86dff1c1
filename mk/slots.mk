# SPDX-License-Identifier: MIT
#
# Images for the two slots of a board that can write one while the other runs (docs/update.md):
#   selector.img                 bank 0: chooses the slot; never rewritten
#   ashlar-slot-a/-b.slot        an image with its header, linked for that slot
#   ashlar-slots.img             bank 1: the image in slot A, slot B empty
#   ashlar-update.bin            both images: what the prompt's `update` reads from a disk

ifneq ($(SLOT_IMAGES),)

SELECTOR_SOURCES := firmware/selector/$(ARCH).S firmware/selector/selector.c
# Registers that its assembler keeps (and the one to return by); of the rest there is none to save.
SELECTOR_KEPT_a32 := 8 9 10 11 14
SELECTOR_KEPT_a64 := 20 21 22 23 24
SELECTOR_USED_a32 := 4 5 6 7
SELECTOR_USED_a64 := 19 25 26 27 28
SELECTOR_REGISTER := $(if $(filter a32,$(ARCH)),r,x)
SELECTOR_FLAGS := $(filter-out -g3 -O2,$(C_FLAGS)) -Os $(EARLY_C_FLAGS) -ffreestanding \
    -Wstack-usage=0 \
    $(SELECTOR_KEPT_$(ARCH):%=-ffixed-$(SELECTOR_REGISTER)%) \
    $(SELECTOR_USED_$(ARCH):%=-fcall-used-$(SELECTOR_REGISTER)%)

$(B)/selector.elf: $(SELECTOR_SOURCES) firmware/selector/selector.ld board/slot_check.h \
        include/ashlar/slot.h board/virt/virt.h $(O)/obj/compile.flags mk/slots.mk
	$(call say,LD      $@)
	$(Q)$(CC) $(SELECTOR_FLAGS) -nostdlib -static -T firmware/selector/selector.ld \
	    -Wl,--build-id=none -Wl,--fatal-warnings $(SELECTOR_SOURCES) -o $@

$(B)/%.slot: $(B)/%.elf $(B)/%.bin tools/slot.py $(B)/slots.version
	$(Q)$(PYTHON) tools/slot.py pack --version $(VERSION) $< $(B)/$*.bin $@
$(eval $(call stamp,$(B)/slots.version,$(VERSION)))

$(B)/ashlar-slots.img: $(B)/ashlar-slot-a.slot tools/slot.py
	$(Q)$(PYTHON) tools/slot.py bank $@ $<

$(B)/ashlar-update.bin: $(B)/ashlar-slot-a.slot $(B)/ashlar-slot-b.slot
	$(Q)cat $^ >$@

endif
