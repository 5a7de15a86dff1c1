# SPDX-License-Identifier: MIT

$(B)/midway.dtb: board/midway/tree.dts
	@mkdir -p $(@D)
	$(Q)dtc -q -I dts -O dtb $< -o $@
