/* SPDX-License-Identifier: MIT */
/*
 * The machine on which vmap is tested: RAM that is directly mapped, HIGH RAM that no pointer of the
 * firmware reaches, and an identity map with a vmap range.
 */
#ifndef ASHLAR_UNIT_VMAP_MACHINE_H
#define ASHLAR_UNIT_VMAP_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc/vmap.h"
#include "ashlar/trap.h"
#include "ashlar/vmap.h"
#include "port/sim/hostile.h"
#include "tests/unit/support.h"

#define PAGE    0x1000ull
#define RAM_AT  0x40000000ull
#define RAM_IN  0x800000ull
#define HIGH_AT 0x180000000ull
#define HIGH_IN 0x200000ull
#define VMAP_AT 0x20000000ull
#define VMAP_IN 0x1000000ull

#define HIGH_FRAMES (HIGH_IN / PAGE)

/* In the firmware the exception report has it. */
bool (*ash_stack_find_hook)(uintptr_t address, struct ash_stack_place *place);

static struct ash_mmu machine_map;
static struct ash_spinlock machine_lock;
static unsigned machine_takes_left;                            /* before take fails */
static unsigned char machine_high[HIGH_IN];                    /* what HIGH RAM holds */
static enum sim_format machine_format __attribute__((unused)); /* of the next start */

static int machine_take(void *context, ash_pa_t *table)
{
    ash_frame_t frame;
    int error;

    (void)context;
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

/* Counts faults, and wants no lock held. */
static void machine_hook(const struct ash_fault *fault)
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

/* One such fault was told, at this address. */
static inline void machine_expect_fault(enum ash_fault_kind kind, const void *address)
{
    assert_int_equal(support_faults.count, 1);
    assert_int_equal(support_faults.last.kind, kind);
    assert_string_equal(support_faults.last.module, "vmap");
    assert_int_equal(support_faults.last.address, (uintptr_t)address);
    assert_true(kind == ASH_FAULT_CORRUPT || support_faults.last.caller != NULL);
    machine_forget_faults();
}

/* Boots up to the point where vmap starts. */
static inline void machine_boot(void)
{
    const struct ash_frames_config frames = {.dma_limit = {0}, .direct_limit = {RAM_AT + RAM_IN}};
    const struct ash_mmu_config config = {
        .format = machine_format == SIM_LPAE ? &ash_mmu_format_lpae : &ash_mmu_format_a64,
        .va_bits = machine_format == SIM_LPAE ? 32 : 39,
        .global = true,
        .tables = {machine_take, machine_give, NULL},
    };
    struct ash_regions regions;

    sim_start();
    sim_add_ram(ash_pa(RAM_AT), RAM_IN);
    machine_forget_faults();
    memset(machine_high, SIM_POISON, sizeof machine_high);
    machine_takes_left = UINT32_MAX;
    spinlock_retire(&machine_lock);
    spinlock_init(&machine_lock, ASH_LOCK_MAP, "machine");
    ash_stack_find_hook = NULL;
    spinlock_retire(&vmap_state.lock);
    vmap_state = (struct vmap_state){.lock = ASH_SPINLOCK(ASH_LOCK_VMAP, "vmap")};
    ash_regions_init(&regions);
    assert_int_equal(ash_regions_add(&regions, (struct ash_range){{RAM_AT}, RAM_IN}), 0);
    assert_int_equal(ash_regions_add(&regions, (struct ash_range){{HIGH_AT}, HIGH_IN}), 0);
    assert_int_equal(ash_frames_init(&regions, &frames), 0);
    assert_int_equal(ash_mmu_init(&machine_map, &config), 0);
    assert_int_equal(ash_mmu_open_zone(&machine_map, ash_va(VMAP_AT), VMAP_IN), 0);
    assert_int_equal(ash_mmu_map(&machine_map, ash_va(RAM_AT), ash_pa(RAM_AT), RAM_IN,
                                 ASH_MMU_NORMAL | ASH_MMU_WRITE),
                     0);
    sim_regime.format = machine_format;
    sim_regime.mair = (uint64_t)ASH_MMU_MAIR1 << 32 | ASH_MMU_MAIR0;
    sim_regime.half[0] = (struct sim_half){true, ash_mmu_root(&machine_map), config.va_bits};
}

static inline int machine_vmap(uint64_t size, bool windows)
{
    return ash_vmap_init(&machine_map, &machine_lock, (struct ash_range){{VMAP_AT}, size}, windows);
}

static inline void machine_start(void)
{
    machine_boot();
    assert_int_equal(machine_vmap(VMAP_IN, true), 0);
    ash_mmu_freeze(&machine_map);
    sim_forget();
}

/* What must be as before when an operation has failed, or was undone. */
struct machine_state {
    uint32_t free[ASH_ZONE_COUNT];
    uint32_t tables, areas, nodes;
    uint64_t bytes;
};

static inline struct machine_state machine_state(void)
{
    struct machine_state state = {.tables = machine_map.counters.tables};
    struct ash_vmap_stats stats;

    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        struct ash_frames_stats figures;

        assert_int_equal(ash_frames_stats((enum ash_zone)zone, &figures), 0);
        state.free[zone] = figures.free;
    }
    ash_vmap_stats(&stats);
    state.areas = stats.areas;
    state.nodes = stats.nodes;
    state.bytes = stats.free;
    return state;
}

/* No lock is held, interrupts are on, nothing contradicts itself. */
static inline void machine_at_rest(void)
{
    assert_false(sim_irq_masked);
    assert_int_equal(ash_vmap_verify(), 0);
    assert_int_equal(ash_mmu_verify(&machine_map, NULL), 0);
    assert_int_equal(ash_frames_verify(), 0);
    assert_int_equal(support_faults.count, 0);
#if ASH_CPUS > 1
    assert_int_equal(machine_lock.next, machine_lock.serving);
    assert_int_equal(vmap_state.lock.next, vmap_state.lock.serving);
#endif
}

static inline void machine_expect_state(const struct machine_state *before)
{
    struct machine_state now = machine_state();

    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        assert_int_equal(now.free[zone], before->free[zone]);
    }
    assert_int_equal(now.tables, before->tables);
    assert_int_equal(now.areas, before->areas);
    assert_int_equal(now.nodes, before->nodes);
    assert_int_equal(now.bytes, before->bytes);
    machine_at_rest();
}

static inline ash_frame_t machine_frame(unsigned flags)
{
    ash_frame_t frame;

    assert_int_equal(ash_frames_alloc(0, flags | ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame), 0);
    return frame;
}

/* Takes frames until just `left` are free, all of them directly mapped; they come back by
 * machine_release(). */
static ash_frame_t machine_held[RAM_IN / PAGE + HIGH_FRAMES];
static unsigned machine_holds;

static inline void machine_leave(unsigned left)
{
    ash_frame_t frame;

    machine_holds = 0;
    while (ash_frames_alloc(0, ASH_FRAMES_HIGH, &frame) == 0) {
        machine_held[machine_holds++] = frame;
    }
    while (left-- > 0) {
        ash_frames_free(machine_held[--machine_holds], 0);
    }
}

static inline void machine_release(void)
{
    while (machine_holds > 0) {
        ash_frames_free(machine_held[--machine_holds], 0);
    }
}

/* The byte that a physical address holds. */
static inline unsigned char *machine_byte(ash_pa_t pa)
{
    return pa.value >= HIGH_AT ? &machine_high[pa.value - HIGH_AT] : port_ptr(pa);
}

/* The machine translates the page at `address` to `frame`, and allows just what it should. */
static inline void machine_expect_page(const void *address, ash_frame_t frame, bool write)
{
    uint64_t va = (uintptr_t)address;
    struct sim_answer answer = sim_translate(va, SIM_READ);

    assert_int_equal(answer.fault, SIM_OK);
    assert_int_equal(answer.pa.value, ash_frame_pa(frame).value);
    assert_int_equal(answer.memory, 0xff);
    assert_int_equal(answer.shareable, 3);
    assert_true(answer.global);
    assert_int_equal(sim_translate(va, SIM_WRITE).fault, write ? SIM_OK : SIM_FAULT_PERMISSION);
    assert_int_equal(sim_translate(va, SIM_FETCH).fault, SIM_FAULT_PERMISSION);
    assert_int_equal(sim_translate(va, SIM_READ | SIM_UNPRIVILEGED).fault, SIM_FAULT_PERMISSION);
}

static inline void machine_expect_hole(const void *address)
{
    assert_int_equal(sim_translate((uintptr_t)address, SIM_READ).fault, SIM_FAULT_TRANSLATION);
}

/* In place of the library's own: the host cannot follow a pointer that the simulated machine
 * translates, so what the window leads to is zeroed here. */
int ash_window_zero(ash_frame_t frame)
{
    void *window = ash_window_open(frame);

    if (window == NULL) {
        return ASH_EBUSY;
    }
    if (port_ptr(ash_frame_pa(frame)) == NULL) {
        machine_expect_page(window, frame, true);
    }
    memset(machine_byte(ash_frame_pa(frame)), 0, PAGE);
    ash_window_close(window);
    return 0;
}

#endif
