/* SPDX-License-Identifier: MIT */
/*
 * Random tables for AArch32: the lower 2 GiB stay the firmware's (DDI 0406C B3.6.4, DDI 0487 G5.4).
 */
#include "tests/target/walk_regime.h"

#include "ashlar/boot.h"
#include "ashlar/platform.h"
#include "port/port.h"

#define CP15_ID_ISAR5 "p15, 0, %0, c0, c2, 5"
#define FIRMWARE      (1ull << 31) /* all that it uses lies below */
#define ASID          9ull

static uint64_t ttbr0;
static uint32_t ttbcr;

enum walk_format walk_regime_format(void)
{
    /* SEVL came with ARMv8. */
    return (CP15_READ(CP15_ID_ISAR5) & 0xf) != 0 ? WALK_LPAE : WALK_LPAE_ARMV7;
}

const char *walk_regime_hindrance(void)
{
    for (unsigned i = 0; i < ash_platform.ram_count; i++) {
        if (ash_platform.ram[i].base.value + ash_platform.ram[i].size > FIRMWARE) {
            return "RAM above 2 GiB, where the tests' tables would be";
        }
    }
    return NULL;
}

/* TTBCR and TTBRs may be cached in TLBs, so what they hold goes after each change. */
static void settle(void)
{
    port_isb();
    port_tlbi_all();
    port_branch_sync();
    port_dsb_ish();
    port_isb();
}

void walk_regime_on(const struct walk_set *set)
{
    const uint64_t *firmware = port_ptr(ash_mmu_root(&ash_boot_map));

    for (unsigned i = 0; i < set->low_count; i++) {
        port_entry_write(&set->low[i], port_entry_load(&firmware[i]));
    }
    port_dsb_ishst();
    ttbr0 = CP15_READ64(CP15_TTBR0);
    ttbcr = CP15_READ(CP15_TTBCR);
    CP15_WRITE(CP15_TTBCR, ttbcr | TTBCR_EPD1);
    settle();
    CP15_WRITE64(CP15_TTBR0, set->root[0]);
    CP15_WRITE64(CP15_TTBR1, set->root[1] | ASID << 48);
    port_isb();
    CP15_WRITE(CP15_TTBCR, (ttbcr & ~(TTBCR_T1SZ(7) | 7u | TTBCR_EPD1)) |
                               TTBCR_T1SZ(32 - set->bits[1]) | (32 - set->bits[0]) |
                               (set->epd1 ? TTBCR_EPD1 : 0));
    settle();
}

void walk_regime_off(void)
{
    CP15_WRITE(CP15_TTBCR, CP15_READ(CP15_TTBCR) | TTBCR_EPD1);
    settle();
    CP15_WRITE64(CP15_TTBR0, ttbr0);
    port_isb();
    CP15_WRITE(CP15_TTBCR, ttbcr);
    settle();
}
