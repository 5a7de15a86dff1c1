/* SPDX-License-Identifier: MIT */
/*
 * The self-tests of the firmware, in the order in which they run: what others stand on first.
 */
#include "tests/target/suite.h"

extern const struct target_suite suite_boot;
extern const struct target_suite suite_processor;
extern const struct target_suite suite_port;
extern const struct target_suite suite_lock;
extern const struct target_suite suite_trap;
extern const struct target_suite suite_map_device;
extern const struct target_suite suite_mmu;
extern const struct target_suite suite_mmu_change;
extern const struct target_suite suite_user;
extern const struct target_suite suite_user_call;
extern const struct target_suite suite_user_limits;
extern const struct target_suite suite_walk;
extern const struct target_suite suite_protect;
extern const struct target_suite suite_frames;
extern const struct target_suite suite_vmap;
extern const struct target_suite suite_pool;
extern const struct target_suite suite_heap;
extern const struct target_suite suite_pmem;
extern const struct target_suite suite_dma;
extern const struct target_suite suite_irq;
extern const struct target_suite suite_user_events;
extern const struct target_suite suite_timer;
extern const struct target_suite suite_smp;
extern const struct target_suite suite_smp_map;
extern const struct target_suite suite_space;
extern const struct target_suite suite_user_space;
extern const struct target_suite suite_smp_alloc;
extern const struct target_suite suite_process;
extern const struct target_suite suite_sched;
extern const struct target_suite suite_block;

const struct target_suite *const target_suites[] = {
    &suite_boot,
    &suite_processor,
    &suite_port,
    &suite_lock,
    &suite_trap,
    &suite_map_device,
    &suite_mmu,
    &suite_mmu_change,
    &suite_user,
    &suite_user_call,
    &suite_user_limits,
    &suite_protect,
    &suite_walk,
    &suite_frames,
    &suite_vmap,
    &suite_pool,
    &suite_heap,
    &suite_pmem,
    &suite_dma,
    &suite_irq,
    &suite_user_events,
    &suite_timer,
    &suite_smp,
    &suite_smp_map,
    &suite_space,
    &suite_user_space,
    &suite_smp_alloc,
    &suite_process,
    &suite_sched,
    &suite_block,
    NULL,
};
