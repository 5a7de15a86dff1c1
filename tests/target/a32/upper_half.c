/* SPDX-License-Identifier: MIT */
/*
 * TTBR1 with T1SZ = 2: the top GiB, walks from level 2 (DDI 0406C B3.6.4).
 */
#include "tests/target/upper_half.h"

#define T1SZ (32 - UPPER_HALF_BITS)

static uint32_t ttbcr;

void upper_half_on(ash_pa_t root, unsigned asid)
{
    ttbcr = CP15_READ(CP15_TTBCR);
    CP15_WRITE(CP15_TTBCR, (ttbcr & ~TTBCR_T1SZ(7)) | TTBCR_T1SZ(T1SZ) | TTBCR_EPD1);
    upper_half_settle();
    port_space_install(root, asid);
}

void upper_half_off(void)
{
    port_space_none();
    CP15_WRITE(CP15_TTBCR, ttbcr);
    upper_half_settle();
}
