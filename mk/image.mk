# SPDX-License-Identifier: MIT
#
# What a person writes to a board, under $(B), and `make flash`, which writes it (docs/flashing.md):
#   ashlar.img           the flash part, as a whole; ashlar.srec: the same without its empty rest
#   ashlar-NAME.img      a card, described by board/<name>/NAME.genimage (or .../<arch>/NAME.genimage)
#   ashlar-ram.uimg      for U-Boot's bootm, and so is ashlar-ram.fit
#   ashlar-ram-spl.uimg  for an SPL, which starts it in the place of U-Boot
#   *.bin                the bytes alone
# and of a board with slots what mk/slots.mk makes.

RAM_IMAGES   := $(filter %-ram,$(IMAGES))
FLASH_IMAGES := $(filter-out %-ram $(SLOT_IMAGES),$(IMAGES))
SLOTS := $(if $(SLOT_IMAGES),$(addprefix $(B)/,selector.img ashlar-slots.img ashlar-update.bin))
# The board's folder, and in it that of the execution state where the two differ
CARD_FOLDERS := board/$(BOARD) board/$(BOARD)/$(ARCH)
CARDS_OF := $(wildcard $(CARD_FOLDERS:%=%/*.genimage))
CARDS   := $(patsubst %.genimage,$(B)/ashlar-%.img,$(notdir $(CARDS_OF)))
WRITTEN := $(patsubst %,$(B)/%.bin,$(RAM_IMAGES) $(FLASH_IMAGES)) $(FLASH_IMAGES:%=$(B)/%.img) $(CARDS) $(SLOTS) \
    $(foreach image,$(RAM_IMAGES),$(addprefix $(B)/$(image),.uimg .fit)) $(if $(FLASH_FILL),$(FLASH_IMAGES:%=$(B)/%.srec))
FLASH_START := $(firstword $(subst -, ,$(FLASH)))

# Flash is written, and wanted by QEMU, as a whole. With nothing to fill it with, the file is sparse.
$(B)/%.img: $(B)/%.bin
	$(Q)cp $< $@.new && truncate -s $(FLASH_BYTES) $@.new && mv $@.new $@
ifneq ($(FLASH_FILL),)
$(FLASH_IMAGES:%=$(B)/%.img): $(B)/%.img: $(B)/%.bin tools/image.py
	$(call say,FLASH   $@)
	$(Q)$(PYTHON) -B tools/image.py flash $< --bytes $(FLASH_BYTES) --fill $(FLASH_FILL) --out $@
endif

# For programmers that want addresses.
$(B)/%.srec: $(B)/%.bin
	$(Q)srec_cat $< -binary -offset $(FLASH_START) -o $@ -motorola -line-length 78 \
	    -header Ashlar -execution-start-address $(FLASH_START)

$(B)/%.uimg: $(B)/%.elf $(B)/%.bin tools/uimage.py
	$(Q)$(PYTHON) -B tools/uimage.py --arch $(MKIMAGE_ARCH) $< $(B)/$*.bin $@
$(B)/%-spl.uimg: $(B)/%.elf $(B)/%.bin tools/uimage.py
	$(Q)$(PYTHON) -B tools/uimage.py --kind firmware --arch $(MKIMAGE_ARCH) $< $(B)/$*.bin $@
$(B)/%.fit: $(B)/%.elf $(B)/%.bin tools/uimage.py
	$(Q)$(PYTHON) -B tools/uimage.py --kind fit --arch $(MKIMAGE_ARCH) $< $(B)/$*.bin $@

# Without a boot loader that Debian's mirror does not give, there is no image but a reason.
define card
$(B)/ashlar-$(basename $(notdir $1)).img: $1 $(RAM_IMAGES:%=$(B)/%.bin) $(RAM_IMAGES:%=$(B)/%-spl.uimg) \
        $(wildcard $(foreach folder,$(CARD_FOLDERS),$(folder)/*.cmd $(folder)/*.txt)) \
        $(wildcard $(or $(UBOOT_FOLDER),build/uboot)/*/usr/lib/u-boot/*/*.bin) \
        tools/image.py tools/uimage.py tools/uboot.py
	$$(call say,CARD    $$@)
	$$(Q)$$(PYTHON) -B tools/image.py card $$< --build $$(B) --out $$@
endef
$(foreach description,$(CARDS_OF),$(eval $(call card,$(description))))

.PHONY: all runs image flash
all: $(B)/libashlar.a $(WRITTEN) $(MORE)
# What `make run` and tests of this board alone need
runs: $(RUNS)
image: $(WRITTEN)
	@for file in $(WRITTEN); do if [ -e $$file ]; then stat -c '%12s  %n' $$file; fi; done

# Where to, what else than is usual is allowed, the answer to the question, another file
DEV     := list
ALLOW   :=
CONFIRM :=
DRY_RUN := no
FILE    :=
flash: $(if $(FILE)$(filter list,$(DEV)),,$(WRITTEN)) | packages
	@$(PYTHON) -B tools/flash.py --board $(BOARD) --arch $(ARCH) --build $(B) $(if $(ALLOW),--allow '$(ALLOW)') \
	    $(if $(CONFIRM),--confirm '$(CONFIRM)') $(if $(filter yes,$(DRY_RUN)),--dry-run) \
	    '$(DEV)' $(FILE)
