/* SPDX-License-Identifier: MIT */
/*
 * Random tables for AArch64, with addresses of 39 and 48 bits in the lower half, whose first part
 * stays the firmware's (DDI 0487 D8.2).
 */
#include "tests/target/walk_regime.h"

#include "ashlar/boot.h"
#include "port/port.h"

#define OUTPUT ((((uint64_t)1 << 48) - 1) & ~(uint64_t)(ASH_PAGE_SIZE - 1))
#define TABLE  3u
#define ASID   ((uint64_t)9 << 48)
#define IPS_40 ((uint64_t)2 << TCR_IPS_SHIFT) /* WALK_OUTPUT_BITS: every processor has them */
#define IPS    ((uint64_t)7 << TCR_IPS_SHIFT)

static uint64_t ttbr0, tcr;

enum walk_format walk_regime_format(void)
{
    return WALK_A64;
}

const char *walk_regime_hindrance(void)
{
    return NULL;
}

/* Where a return address is signed depends on the sizes of both halves: what returns under others
 * than it was called under does without. */
#define UNSIGNED __attribute__((target("branch-protection=bti")))

/* Size and root of the lower half change together, which no order of writes can do under a running
 * MMU. So it is off for a moment: code runs at its own address, and no data is touched. */
static UNSIGNED void load(uint64_t root0, uint64_t root1, uint64_t control)
{
    uint64_t on = SYS_READ64("sctlr_el1"), off = on & ~SCTLR_M;

    __asm__ volatile("msr sctlr_el1, %0\n\t"
                     "isb\n\t"
                     "msr ttbr0_el1, %1\n\t"
                     "msr ttbr1_el1, %2\n\t"
                     "msr tcr_el1, %3\n\t"
                     "isb\n\t"
                     "tlbi vmalle1is\n\t"
                     "dsb ish\n\t"
                     "isb\n\t"
                     "msr sctlr_el1, %4\n\t"
                     "isb" ::"r"(off),
                     "r"(root0), "r"(root1), "r"(control), "r"(on)
                     : "memory");
}

/* The firmware's table of level 1, for addresses of 39 bits. */
static ash_pa_t level_1(void)
{
    ash_pa_t root = ash_mmu_root(&ash_boot_map);

    return ASH_VA_BITS > 39 ? ash_pa(port_entry_load(port_ptr(root)) & OUTPUT) : root;
}

static void keep_firmware(const struct walk_set *set)
{
    const uint64_t *firmware = port_ptr(level_1());

    if (set->bits[0] > 39) {
        port_entry_write(set->low, level_1().value | TABLE);
        return;
    }
    for (unsigned i = 0; i < set->low_count; i++) {
        port_entry_write(&set->low[i], port_entry_load(&firmware[i]));
    }
}

UNSIGNED void walk_regime_on(const struct walk_set *set)
{
    uint64_t control;

    keep_firmware(set);
    port_dsb_ishst();
    ttbr0 = SYS_READ64("ttbr0_el1");
    tcr = SYS_READ64("tcr_el1");
    /* Without TCR.HA, AT does not find an access flag set because hardware would set it. */
    control = tcr & ~(TCR_T0SZ(0x3f) | TCR_T1SZ(0x3f) | IPS | TCR_EPD1 | TCR_HA | TCR_HD);
    control |= TCR_T0SZ(64 - set->bits[0]) | TCR_T1SZ(64 - set->bits[1]) | IPS_40;
    load(set->root[0], set->root[1] | ASID, control | (set->epd1 ? TCR_EPD1 : 0));
}

UNSIGNED void walk_regime_off(void)
{
    load(ttbr0, ttbr0, tcr | TCR_EPD1);
}
