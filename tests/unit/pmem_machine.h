/* SPDX-License-Identifier: MIT */
/*
 * The machine on which pmem and dma are tested: frames in one bank of RAM, regions in two others,
 * and an identity map whose remap zone covers the first of those.
 */
#ifndef ASHLAR_UNIT_PMEM_MACHINE_H
#define ASHLAR_UNIT_PMEM_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc/pmem_region.h"
#include "ashlar/dma.h"
#include "ashlar/frames.h"
#include "ashlar/mmu.h"
#include "ashlar/pmem.h"
#include "port/sim/hostile.h"
#include "port/spinlock.h"
#include "tests/unit/support.h"

#define Q         0x1000ull
#define FRAMES_AT 0x40000000ull
#define FRAMES_IN 0x400000ull
#define ZONE_AT   0x50000000ull /* remap zone: 4 KiB pages for good */
#define ZONE_IN   0x200000ull
#define FIXED_AT  0x60000000ull /* mapped by 2 MiB blocks */
#define FIXED_IN  0x800000ull

#define MEMORY_CACHED   0xff /* MAIR bytes */
#define MEMORY_UNCACHED 0x44
#define MEMORY_ORDERED  0x04

static struct ash_mmu machine_map;
static enum sim_format machine_format __attribute__((unused)); /* of the next start */
static struct ash_spinlock machine_lock;
static unsigned machine_takes;      /* tables asked for */
static unsigned machine_takes_left; /* asked for before take fails */

static int machine_take(void *context, ash_pa_t *table)
{
    ash_frame_t frame;
    int error;

    (void)context;
    machine_takes++;
    if (machine_takes_left == 0) {
        return ASH_ENOMEM;
    }
    machine_takes_left--;
    error = ash_frames_alloc(0, ASH_FRAMES_ZERO | ASH_FRAMES_OWNER(ASH_OWNER_TABLES), &frame);
    *table = ash_frame_pa(frame);
    if (error == 0) {
        sim_table_taken(*table);
    }
    return error;
}

static void machine_give(void *context, ash_pa_t table)
{
    (void)context;
    sim_table_given(table);
    ash_frames_free(ash_pa_frame(table), 0);
}

static void machine_add(uint64_t base, uint64_t size, ash_mmu_attr_t attr)
{
    assert_int_equal(ash_mmu_map(&machine_map, ash_va(base), ash_pa(base), size, attr), 0);
}

/* Boots: pmem knows the map, no region yet. The map is not frozen. */
static inline void machine_start(void)
{
    const struct ash_frames_config frames = {.dma_limit = {0}, .direct_limit = {1ull << 40}};
    const struct ash_mmu_config config = {
        .format = machine_format == SIM_LPAE ? &ash_mmu_format_lpae : &ash_mmu_format_a64,
        .va_bits = machine_format == SIM_LPAE ? 32 : 39,
        .global = true,
        .tables = {machine_take, machine_give, NULL},
    };
    struct ash_regions regions;

    ash_regions_init(&regions);
    ash_dma_setup(&regions, (struct ash_range){{0}, 0});
    sim_start();
    sim_add_ram(ash_pa(FRAMES_AT), FRAMES_IN);
    sim_add_ram(ash_pa(ZONE_AT), ZONE_IN);
    sim_add_ram(ash_pa(FIXED_AT), FIXED_IN);
    support_faults_reset();
    machine_takes = 0;
    machine_takes_left = UINT32_MAX;
    spinlock_retire(&machine_lock);
    spinlock_init(&machine_lock, ASH_LOCK_MAP, "machine");
    assert_int_equal(ash_regions_add(&regions, (struct ash_range){{FRAMES_AT}, FRAMES_IN}), 0);
    assert_int_equal(ash_frames_init(&regions, &frames), 0);
    assert_int_equal(ash_mmu_init(&machine_map, &config), 0);
    assert_int_equal(ash_mmu_remap_zone(&machine_map, ash_va(ZONE_AT), ZONE_IN), 0);
    machine_add(FRAMES_AT, FRAMES_IN, ASH_MMU_NORMAL | ASH_MMU_WRITE);
    machine_add(ZONE_AT, ZONE_IN, ASH_MMU_NORMAL | ASH_MMU_WRITE | ASH_MMU_PAGES);
    machine_add(FIXED_AT, FIXED_IN, ASH_MMU_NORMAL | ASH_MMU_WRITE);
    sim_regime.format = machine_format;
    sim_regime.mair = (uint64_t)ASH_MMU_MAIR1 << 32 | ASH_MMU_MAIR0;
    sim_regime.half[0] = (struct sim_half){true, ash_mmu_root(&machine_map), config.va_bits};
    ash_pmem_init(&machine_map, &machine_lock);
    sim_forget();
}

static inline struct ash_pmem *machine_region(const char *name, uint64_t base, uint64_t size)
{
    assert_int_equal(ash_pmem_add(name, (struct ash_range){{base}, size}), 0);
    return ash_pmem_find(name);
}

/* The machine with region "dma", of 96 quanta at an address that is aligned to nothing else. */
#define DMA_AT (ZONE_AT + 3 * Q)
#define DMA_IN (96 * Q)

static inline struct ash_pmem *machine_dma(void)
{
    machine_start();
    ash_mmu_freeze(&machine_map);
    return machine_region("dma", DMA_AT, DMA_IN);
}

/* [pa, pa + size) is mapped at VA = PA, writable, never executable, with this memory type, as the
 * tables say and as the hardware would walk them. */
static inline void assert_memory(uint64_t pa, uint64_t size, uint32_t view)
{
    ash_mmu_attr_t type = view == ASH_PMEM_CACHED     ? ASH_MMU_NORMAL
                          : view == ASH_PMEM_UNCACHED ? ASH_MMU_UNCACHED
                                                      : ASH_MMU_DEVICE;
    unsigned memory = view == ASH_PMEM_CACHED     ? MEMORY_CACHED
                      : view == ASH_PMEM_UNCACHED ? MEMORY_UNCACHED
                                                  : MEMORY_ORDERED;

    for (uint64_t at = pa; at < pa + size; at += Q) {
        struct ash_mmu_mapping mapping;
        struct sim_answer answer = sim_translate(at, SIM_WRITE);

        assert_int_equal(ash_mmu_query(&machine_map, ash_va(at), &mapping), 0);
        assert_int_equal(mapping.attr, type | ASH_MMU_WRITE);
        assert_int_equal(answer.fault, SIM_OK);
        assert_int_equal(answer.pa.value, at);
        assert_int_equal(answer.memory, memory);
        assert_int_equal(sim_translate(at, SIM_FETCH).fault, SIM_FAULT_PERMISSION);
    }
}

static inline void assert_view(uint64_t pa, uint64_t size, bool uncached)
{
    assert_memory(pa, size, uncached ? ASH_PMEM_UNCACHED : ASH_PMEM_CACHED);
}

static inline bool bytes_are(const void *start, int value, uint64_t size)
{
    const unsigned char *bytes = start;

    return size == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* A call has told of a bad block, once. */
static inline void assert_fault(int result, enum ash_fault_kind kind)
{
    assert_int_equal(result, ASH_ECORRUPT);
    assert_int_equal(support_faults.count, 1);
    assert_int_equal(support_faults.last.kind, kind);
    assert_string_equal(support_faults.last.module, "pmem");
    assert_non_null(support_faults.last.what);
    assert_non_null(support_faults.last.caller);
    support_faults.count = 0;
}

/* No lock is held, interrupts are on, nothing contradicts itself. */
static inline void assert_at_rest(struct ash_pmem *region)
{
    assert_int_equal(ash_pmem_verify(region), 0);
    assert_int_equal(ash_mmu_verify(&machine_map, NULL), 0);
    assert_false(sim_irq_masked);
#if ASH_CPUS > 1
    assert_true(machine_lock.next == 0 || machine_lock.next == machine_lock.serving);
    assert_int_equal(region->lock.next, region->lock.serving);
#endif
}

/* The checker of dma told so many times of misuse, and nobody else of anything. */
static inline void assert_misused(unsigned times)
{
    assert_int_equal(support_faults.count, ASH_CHECK >= 1 ? times : 0);
    if (support_faults.count != 0) {
        assert_int_equal(support_faults.last.kind, ASH_FAULT_DMA);
        assert_non_null(support_faults.last.caller);
    }
    support_faults_reset();
}

/* The call is misuse: it is told, and returns the error. */
#define MISUSE(call, error)                                                                        \
    do {                                                                                           \
        assert_int_equal(support_faults.count, 0);                                                 \
        assert_int_equal(call, error);                                                             \
        assert_misused(1);                                                                         \
    } while (0)

/* All of the region is one free run, cached. */
static inline void assert_all_free(struct ash_pmem *region)
{
    struct ash_pmem_stats stats;

    ash_pmem_stats(region, &stats);
    assert_int_equal(stats.free, stats.range.size);
    assert_int_equal(stats.largest, stats.range.size);
    assert_int_equal(stats.blocks, 0);
    assert_view(stats.range.base.value, stats.range.size, false);
    assert_at_rest(region);
}

#endif
