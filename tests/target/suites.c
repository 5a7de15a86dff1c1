/* SPDX-License-Identifier: MIT */
/*
 * The self-tests of the firmware, in the order in which they run: what others stand on first.
 */
#include "tests/target/suite.h"

#define SUITES(X)                                                                                  \
    X(boot)                                                                                        \
    X(processor)                                                                                   \
    X(port)                                                                                        \
    X(lock)                                                                                        \
    X(trap)                                                                                        \
    X(map_device)                                                                                  \
    X(mmu)                                                                                         \
    X(mmu_change)                                                                                  \
    X(user)                                                                                        \
    X(user_call)                                                                                   \
    X(user_limits)                                                                                 \
    X(protect)                                                                                     \
    X(walk)                                                                                        \
    X(frames)                                                                                      \
    X(vmap)                                                                                        \
    X(pool)                                                                                        \
    X(slab)                                                                                        \
    X(heap)                                                                                        \
    X(heaps)                                                                                       \
    X(pmem)                                                                                        \
    X(pmem_owner)                                                                                  \
    X(dma)                                                                                         \
    X(dma_bounce)                                                                                  \
    X(dma_list)                                                                                    \
    X(irq)                                                                                         \
    X(user_events)                                                                                 \
    X(timer)                                                                                       \
    X(interrupted)                                                                                 \
    X(outside)                                                                                     \
    X(smp)                                                                                         \
    X(smp_map)                                                                                     \
    X(space)                                                                                       \
    X(user_space)                                                                                  \
    X(pmem_share)                                                                                  \
    X(smp_alloc)                                                                                   \
    X(process)                                                                                     \
    X(sched)                                                                                       \
    X(update)                                                                                      \
    X(block)                                                                                       \
    X(fw_cfg)                                                                                      \
    X(edu)                                                                                         \
    X(bcm_dma)

#define DECLARE(name) extern const struct target_suite suite_##name;
SUITES(DECLARE)

#define ADDRESS(name) &suite_##name,
const struct target_suite *const target_suites[] = {SUITES(ADDRESS) NULL};
