/* SPDX-License-Identifier: MIT */
/*
 * The slot of the Orange Pi PC: its pins and clocks ("Allwinner H3 Datasheet" V1.2, sections 4.3
 * and 4.22).
 */
#include "board/block.h"
#include "ashlar/boot.h"
#include "board/dev/mmio.h"
#include "board/dev/sunxi_mmc.h"

#define H3_MMC_NAME "allwinner,sun7i-a20-mmc"
#define H3_CCU_NAME "allwinner,sun8i-h3-ccu"

/* Clocks, section 4.3.5 */
#define BUS_CLK_GATING0 0x060u
#define SDMMC0_CLK      0x088u
#define BUS_SOFT_RST0   0x2c0u
#define BUS_MMC0        (1u << 8)
#define SDMMC_ON        (1u << 31)
#define SDMMC_SAMPLE(n) ((uint32_t)(n) << 20) /* when the data is looked at */
#define SDMMC_DIVIDE_4  (2u << 16)
#define SDMMC_DIVIDE(n) ((n)-1u)
/* Pins, in the same page: PF0 to PF5 are data, clock and command */
#define PF_CFG0       0x8b4u
#define PF_CFG0_MASK  0x00ffffffu
#define PF_CFG0_MMC   0x00222222u
#define PF_PULL0      0x8d0u
#define PF_PULL0_MASK 0xfffu
#define PF_PULL0_UP   0x555u

static ash_va_t h3_clocks;

static void change(uint32_t offset, uint32_t clear, uint32_t set)
{
    mmio_write32(h3_clocks, offset, (mmio_read32(h3_clocks, offset) & ~clear) | set);
}

/* From the oscillator of 24 MHz: through 60, or as it is. */
static void h3_set_clock(enum sd_speed speed)
{
    change(BUS_SOFT_RST0, 0, BUS_MMC0);
    change(BUS_CLK_GATING0, 0, BUS_MMC0);
    mmio_write32(h3_clocks, SDMMC0_CLK, 0);
    mmio_write32(h3_clocks, SDMMC0_CLK,
                 SDMMC_ON | (speed == SD_IDENTIFY ? SDMMC_DIVIDE_4 | SDMMC_DIVIDE(15)
                                                  : SDMMC_SAMPLE(5) | SDMMC_DIVIDE(1)));
}

void board_find_block_devices(void)
{
    const struct ash_device *clocks = ash_platform_device(H3_CCU_NAME, 0);
    const struct ash_device *slot = ash_platform_device(H3_MMC_NAME, 0);

    if (clocks == NULL || slot == NULL ||
        ash_map_device(clocks->range.base, clocks->range.size, &h3_clocks) != 0) {
        return;
    }
    change(PF_CFG0, PF_CFG0_MASK, PF_CFG0_MMC);
    change(PF_PULL0, PF_PULL0_MASK, PF_PULL0_UP);
    h3_set_clock(SD_IDENTIFY); /* the controller answers only with its clocks on */
    (void)sunxi_mmc_probe(slot, h3_set_clock);
}
