# SPDX-License-Identifier: MIT

# What the firmware looks for on the card
$(B)/kernel7.img: $(B)/ashlar-ram.bin
	$(Q)cp $< $@
