/* SPDX-License-Identifier: MIT */
/*
 * How tests of frames, pools and the heap start: simulated RAM, the map of it, and frames over it.
 */
#ifndef ASHLAR_UNIT_FRAMES_MACHINE_H
#define ASHLAR_UNIT_FRAMES_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ashlar/frames.h"
#include "port/sim/sim.h"
#include "tests/unit/support.h"

#define MIB 0x100000ull

static inline struct ash_range machine_range(uint64_t base, uint64_t size)
{
    return (struct ash_range){ash_pa(base), size};
}

/** Counts faults as the recorder of the unit tests does, and wants no lock held. */
static inline void machine_hook(const struct ash_fault *fault)
{
    assert_false(sim_irq_masked);
    support_faults.count++;
    support_faults.last = *fault;
}

static inline void machine_forget_faults(void)
{
    support_faults_reset();
    ash_fault_hook = machine_hook;
}

/**
 * Frames over RAM at `base`, of which exactly `bytes` are free, in one zone. The metadata lies
 * behind them: a first start tells how large it is, and the second leaves just that much room.
 */
static inline void machine_start(uint64_t base, uint64_t bytes)
{
    const struct ash_frames_config config = {.dma_limit = ash_pa(0),
                                             .direct_limit = ash_pa(ASH_REGIONS_LIMIT)};
    uint64_t behind = 0x10000 + bytes / 256;
    struct ash_regions regions;
    uint64_t metadata;

    behind -= behind % ASH_PAGE_SIZE;
    sim_start();
    machine_forget_faults();
    sim_add_ram(ash_pa(base), bytes + behind);
    ash_regions_init(&regions);
    assert_int_equal(ash_regions_add(&regions, machine_range(base, bytes + behind)), 0);
    assert_int_equal(ash_frames_init(&regions, &config), 0);
    metadata = regions.reserved[0].size;

    ash_regions_init(&regions);
    assert_int_equal(ash_regions_add(&regions, machine_range(base, bytes + behind)), 0);
    assert_int_equal(ash_regions_reserve(&regions, machine_range(base + bytes, behind - metadata)),
                     0);
    assert_int_equal(ash_frames_init(&regions, &config), 0);
    ash_frames_cache(false); /* what is freed is merged at once */
}

static inline uint32_t machine_free(void)
{
    uint32_t free = 0;

    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        struct ash_frames_stats stats;

        assert_int_equal(ash_frames_stats((enum ash_zone)zone, &stats), 0);
        free += stats.free;
    }
    return free;
}

/** Checks that the hook was told of one such fault, and forgets it. */
static inline void machine_expect_fault(enum ash_fault_kind kind, const char *module)
{
    assert_int_equal(support_faults.count, 1);
    assert_int_equal(support_faults.last.kind, kind);
    assert_string_equal(support_faults.last.module, module);
    machine_forget_faults();
}

#endif
