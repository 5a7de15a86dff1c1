/* SPDX-License-Identifier: MIT */
/*
 * What suites of contiguous memory begin and end with: the board's region, and that it is as it
 * was.
 */
#ifndef ASHLAR_TARGET_REGION_H
#define ASHLAR_TARGET_REGION_H

#include "ashlar/pmem.h"
#include "tests/target/suite.h"

#define PAR_MEMORY 56u /* PAR.ATTR: the MAIR byte (DDI 0406C B4.1.112) */
#define CACHED     0xffu
#define UNCACHED   0x44u

static struct ash_pmem *region;
static struct ash_pmem_stats before;

static bool begin(void)
{
    region = ash_pmem_find("dma");
    if (region == NULL) {
        target_skip("the machine has no region \"dma\": too little memory");
        return false;
    }
    ash_pmem_stats(region, &before);
    return true;
}

/* Nothing is lost: as many blocks and as much free memory as before, in runs as long. */
static void end(void)
{
    struct ash_pmem_stats after;

    ash_pmem_stats(region, &after);
    CHECK_EQ(after.free, before.free);
    CHECK_EQ(after.largest, before.largest);
    CHECK_EQ(after.blocks, before.blocks);
    CHECK_EQ(after.leaving, before.leaving);
    CHECK_EQ(ash_pmem_verify(region), 0);
}

#endif
