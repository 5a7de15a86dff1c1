/* SPDX-License-Identifier: MIT */
/*
 * Spaces on several threads: switches without a lock beside the ends of generations, changes of
 * shared spaces, and spaces that one thread makes and leaves and another ends.
 */
#include "ashlar/frames.h"
#include "ashlar/space.h"
#include "tests/threads/threads.h"

#define STEPS  400u
#define SHARED 5u
#define PAGES  16u /* of a shared space, a thread's own */
#define BITS   30u
#define BASE   UINT64_C(0xc0000000)

static struct ash_space shared[SHARED];

/* A space on its way from a thread to the next, which ends it. */
static struct {
    struct ash_space space;
    uint32_t full;
} handed[THREADS_MOST];
static unsigned threads;

static ash_va_t page(uint64_t n)
{
    return ash_va((uintptr_t)(BASE + n * ASH_PAGE_SIZE));
}

static void shared_step(void)
{
    struct ash_space *space = &shared[threads_random_below(SHARED)];
    ash_va_t va = page(port_cpu() * 512 + threads_random_below(PAGES));
    ash_pa_t pa = ash_pa(RAM_AT + (port_cpu() + 1) * ASH_PAGE_SIZE);
    struct ash_mmu_mapping found;

    ash_space_switch(space);
    MUST(ash_space_current() == space);
    MUST(ash_space_map(space, va, pa, ASH_PAGE_SIZE, ASH_MMU_WRITE) == 0);
    MUST(ash_space_query(space, va, &found) == 0 && found.pa.value == pa.value);
    if (threads_random_below(2)) {
        MUST(ash_space_protect(space, va, ASH_PAGE_SIZE, 0) == 0);
    }
    MUST(ash_space_unmap(space, va, ASH_PAGE_SIZE) == 0);
    if (threads_random_below(4) == 0) {
        ash_space_leave();
        MUST(ash_space_current() == NULL);
    }
}

static void own_step(void)
{
    struct ash_space own;

    MUST(ash_space_create(&own, "own") == 0);
    MUST(ash_space_map(&own, page(0), ash_pa(RAM_AT), ASH_PAGE_SIZE, ASH_MMU_WRITE) == 0);
    ash_space_switch(&own);
    MUST(ash_space_destroy(&own) == ASH_EBUSY);
    if (threads_random_below(2)) {
        ash_space_leave();
    } else {
        ash_space_switch(&shared[threads_random_below(SHARED)]);
    }
    MUST(ash_space_destroy(&own) == 0);
}

/* It is named to the next before it is left: that one finds it busy until then. */
static void hand_over(void)
{
    unsigned own = port_cpu();

    if (port_load_acquire(&handed[own].full) == 0) {
        MUST(ash_space_create(&handed[own].space, "handed") == 0);
        ash_space_switch(&handed[own].space);
        port_store_release(&handed[own].full, 1);
        ash_space_switch(&shared[threads_random_below(SHARED)]);
    }
}

static void take_over(unsigned from)
{
    if (port_load_acquire(&handed[from].full) != 0) {
        while (ash_space_destroy(&handed[from].space) == ASH_EBUSY) {
            port_wait_event();
        }
        port_store_release(&handed[from].full, 0);
    }
}

static int quiet(const char *format, ...)
{
    (void)format;
    return 0;
}

static void work(void *arg)
{
    (void)arg;
    for (unsigned step = 0; step < STEPS; step++) {
        shared_step();
        own_step();
        hand_over();
        take_over((port_cpu() + 1) % threads);
        if (step % 100 == 0) {
            ash_spaces_report(quiet);
        }
    }
    ash_space_leave();
}

int main(void)
{
    const struct ash_spaces_config config = {
        .format = &ash_mmu_format_lpae,
        .base = {BASE},
        .bits = BITS,
    };
    struct ash_spaces_stats stats;

    for (threads = 2; threads <= THREADS_MOST; threads++) {
        threads_boot();
        ash_spaces_init(&config);
        for (unsigned i = 0; i < SHARED; i++) {
            MUST(ash_space_create(&shared[i], "shared") == 0);
        }
        threads_run(threads, work, NULL);
        for (unsigned i = 0; i < threads; i++) {
            take_over(i);
        }
        ash_spaces_stats(&stats);
        MUST(stats.count == SHARED && stats.generations > 0);
        for (unsigned i = 0; i < SHARED; i++) {
            MUST(ash_space_destroy(&shared[i]) == 0);
        }
        MUST(ash_frames_owned(ASH_OWNER_SPACE) == 0 && ash_frames_verify() == 0);
    }
    return 0;
}
