/* SPDX-License-Identifier: MIT */
/*
 * TTBR1 with T1SZ = 34: the top GiB, walks from level 2 (DDI 0487 D8.2.7).
 */
#include "tests/target/upper_half.h"

static uint64_t tcr;

void upper_half_on(ash_pa_t root, unsigned asid)
{
    tcr = SYS_READ64("tcr_el1");
    SYS_WRITE64("tcr_el1", (tcr & ~TCR_T1SZ(0x3f)) | TCR_T1SZ(64 - UPPER_HALF_BITS) | TCR_EPD1);
    upper_half_settle();
    port_space_install(root, asid);
}

void upper_half_off(void)
{
    port_space_none();
    SYS_WRITE64("tcr_el1", tcr);
    upper_half_settle();
}
