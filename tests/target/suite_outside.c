/* SPDX-License-Identifier: MIT */
/*
 * A real interrupt that makes calls which are for programs only: each is told of and does nothing.
 * What any context may do works there. tests/unit/test_outside.c has all the functions.
 */
#include <string.h>

#include "ashlar/cpu.h"
#include "ashlar/dma.h"
#include "ashlar/heap.h"
#include "ashlar/irq.h"
#include "ashlar/pmem.h"
#include "ashlar/slab.h"
#include "ashlar/vmap.h"
#include "port/outside.h"
#include "tests/target/suite.h"
#include "tests/target/told.h"

#define SOFTWARE_IRQ 3u
#define PATIENCE     10000000u

static struct ash_pmem *region;
static struct ash_pmem_block block;
static struct ash_dma_device device = {.name = "outside", .mask = UINT32_MAX};
static struct ash_dma_buffer buffer;
static struct ash_slab slab;
static struct ash_heap heap;
static struct ash_frames_stats stats;

static void nothing(void *arg)
{
    (void)arg;
}

/* X(name, result of a call that is refused, call) */
#define CALLS(X)                                                                                   \
    X(ash_frames_stats, ASH_EPERM, ash_frames_stats(ASH_ZONE_NORMAL, &stats))                      \
    X(ash_slab_create, ASH_EPERM, ash_slab_create(&slab, &(struct ash_slab_config){.size = 8}))    \
    X(ash_heap_init_frames, ASH_EPERM, ash_heap_init_frames(&heap, "outside"))                     \
    X(ash_vmap_alloc, 0, ash_vmap_alloc(ASH_PAGE_SIZE) != NULL)                                    \
    X(ash_pmem_alloc, ASH_EPERM, ash_pmem_alloc(region, ASH_PAGE_SIZE, 0, 0, &block))              \
    X(ash_dma_alloc, ASH_EPERM, ash_dma_alloc(&device, region, ASH_PAGE_SIZE, &buffer))            \
    X(ash_cpu_release, ASH_EPERM, ash_cpu_release(0, nothing, NULL))                               \
    X(ash_cpu_start, ASH_EPERM, ash_cpu_start(0))                                                  \
    X(ash_cpu_wait, ASH_EPERM, ash_cpu_wait(0))                                                    \
    X(ash_cpu_interrupt, ASH_EPERM, ash_cpu_interrupt(0, nothing, NULL))

#define CALL(name, refused, call)                                                                  \
    static int call_##name(void)                                                                   \
    {                                                                                              \
        return call;                                                                               \
    }
CALLS(CALL)

static const struct {
    const char *name;
    int refused;
    int (*call)(void);
} rows[] = {
#define ROW(name, refused, call) {#name, refused, call_##name},
    CALLS(ROW)};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct {
    bool taken, told[ROWS], refused[ROWS], any;
    unsigned inside;
} seen;

/* What any context may do. */
static bool allocates(void)
{
    void *memory = ash_heap_alloc(&ash_heap_default, 100);
    ash_frame_t frame;
    bool right = memory != NULL && ash_frames_alloc(0, 0, &frame) == 0;

    ash_heap_free(&ash_heap_default, memory);
    if (right) {
        void *window = ash_window_open(frame);

        right = window != NULL;
        if (right) {
            ash_window_close(window);
        }
        ash_frames_free(frame, 0);
    }
    return right && faults == 0;
}

static void interrupt(void *arg)
{
    (void)arg;
    seen.inside = port_inside();
    for (unsigned i = 0; i < ROWS && ASH_CHECK >= 1; i++) {
        faults = 0;
        seen.refused[i] = rows[i].call() == rows[i].refused;
        seen.told[i] =
            told(ASH_FAULT_CONTEXT, NULL) && strcmp(last_fault.module, rows[i].name) == 0;
    }
    faults = 0;
    seen.any = allocates();
    *(volatile bool *)&seen.taken = true;
}

static void interrupts_are_told_what_is_not_for_them(void)
{
    ash_fault_fn hook = ash_fault_hook;
    struct ash_frames_stats before, after;
    unsigned long saved;
    int error;

    region = ash_pmem_find("dma");
    CHECK_EQ(port_inside(), 0);
    CHECK_EQ(ash_frames_stats(ASH_ZONE_NORMAL, &before), 0);
    memset(&seen, 0, sizeof(seen));
    saved = port_irq_save();
    ash_fault_hook = record;
    error = ash_irq_attach(SOFTWARE_IRQ, interrupt, NULL);
    if (error == 0) {
        error = ash_irq_send(SOFTWARE_IRQ, ash_cpu_number());
    }
    ash_irq_enable();
    for (uint32_t i = 0; i < PATIENCE && error == 0 && !*(volatile bool *)&seen.taken; i++) {
    }
    ash_irq_disable();
    (void)ash_irq_detach(SOFTWARE_IRQ);
    ash_fault_hook = hook;
    port_irq_restore(saved);
    CHECK_EQ(error, 0);
    CHECK(seen.taken);
    CHECK_EQ(seen.inside, 1);
    CHECK_EQ(port_inside(), 0);
    CHECK(seen.any);
    for (unsigned i = 0; i < ROWS && ASH_CHECK >= 1; i++) {
        CHECK(seen.refused[i]);
        CHECK(seen.told[i]);
    }
    CHECK_EQ(ash_frames_stats(ASH_ZONE_NORMAL, &after), 0);
    CHECK_EQ(after.free, before.free);
}

/* What allocates and re-types memory is nothing to be done with interrupts masked for long. */
static void who_holds_a_lock_is_told(void)
{
    static struct ash_spinlock lock = ASH_SPINLOCK(ASH_LOCK_INTERRUPTS, "outside");
    ash_fault_fn hook = ash_fault_hook;
    unsigned long saved;
    int error;

    if (ASH_CHECK < 2) {
        target_skip("below ASH_CHECK 2 nobody notes which locks a CPU holds");
        return;
    }
    region = ash_pmem_find("dma");
    saved = spinlock_acquire(&lock);
    ash_fault_hook = record;
    faults = 0;
    error = ash_pmem_alloc(region, ASH_PAGE_SIZE, 0, 0, &block);
    ash_fault_hook = hook;
    spinlock_release(&lock, saved);
    spinlock_retire(&lock);
    CHECK_EQ(error, ASH_EPERM);
    CHECK(told(ASH_FAULT_CONTEXT, &lock));
    CHECK(strcmp(last_fault.module, "ash_pmem_alloc") == 0);
}

static const struct target_case cases[] = {
    TARGET_CASE(interrupts_are_told_what_is_not_for_them),
    TARGET_CASE(who_holds_a_lock_is_told),
};

const struct target_suite suite_outside = TARGET_SUITE("outside", cases);
