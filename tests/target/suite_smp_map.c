/* SPDX-License-Identifier: MIT */
/*
 * Translations and exceptions on several CPUs: a change of the one map reaches the TLB of every
 * CPU, and what one CPU catches is its own.
 */
#include "ashlar/boot.h"
#include "ashlar/cpu.h"
#include "ashlar/errors.h"
#include "ashlar/frames.h"
#include "ashlar/trap.h"
#include "ashlar/vmap.h"
#include "port/port.h"
#include "port/spinlock.h"
#include "startup/boot_map.h"
#include "tests/target/on_cpus.h"
#include "tests/target/suite.h"

#define REMAPS 40u

/* One page of addresses, two frames that take turns behind it, each told by what it contains. */
static struct {
    volatile uint32_t *page;
    ash_pa_t frame[2];
    uint32_t generation; /* what a read that begins now must find, or more */
    uint32_t end;
} remap;

/* What a reader saw. */
static struct {
    uint32_t seen; /* the newest generation */
    uint32_t stale, holes, reads;
} readers[ASH_CPUS] __attribute__((aligned(64)));

static void read_page(void *arg)
{
    *(uint32_t *)arg = *remap.page;
}

/* Reads fault while the page is broken (arm-rules 8); an old generation is an old translation. */
static void read_on(void *arg)
{
    unsigned own = ash_cpu_number();

    (void)arg;
    while (port_load_acquire(&remap.end) == 0 && !on_cpus_late()) {
        uint32_t least = port_load_acquire(&remap.generation), found = 0;
        struct ash_trap trap;

        if (ash_trap_catch(read_page, &found, &trap) != 0) {
            readers[own].holes++;
            continue;
        }
        readers[own].reads++;
        readers[own].stale += found < least;
        port_store_release(&readers[own].seen, found);
    }
}

/* Puts the other frame behind the page. Its contents go there by the identity map. */
static int turn(uint32_t generation)
{
    ash_pa_t frame = remap.frame[generation % 2];
    ash_va_t va = ash_va((uintptr_t)remap.page);
    unsigned long saved = spinlock_acquire(&ash_boot_map_lock);
    int error;

    *(volatile uint32_t *)port_ptr(frame) = generation;
    error = ash_mmu_unmap(&ash_boot_map, va, ASH_PAGE_SIZE);
    if (error == 0) {
        error = ash_mmu_map(&ash_boot_map, va, frame, ASH_PAGE_SIZE, ASH_MMU_WRITE);
    }
    spinlock_release(&ash_boot_map_lock, saved);
    return error;
}

static bool all_saw(uint32_t generation)
{
    for (unsigned cpu = 1; cpu < ASH_CPUS && cpu < on_cpus_there(); cpu++) {
        while (port_load_acquire(&readers[cpu].seen) < generation) {
            if (on_cpus_late()) {
                return false;
            }
        }
    }
    return true;
}

static const char *remap_while_others_read(void)
{
    struct ash_mmu_mapping first, second;
    const char *wrong = NULL;
    uint32_t generation = 1;

    if (ash_mmu_query(&ash_boot_map, ash_va((uintptr_t)remap.page), &first) != 0 ||
        ash_mmu_query(&ash_boot_map, ash_va((uintptr_t)remap.page + ASH_PAGE_SIZE), &second) != 0) {
        return "not mapped";
    }
    remap.frame[0] = first.pa;
    remap.frame[1] = second.pa;
    port_zero(readers, sizeof(readers));
    remap.end = remap.generation = 0;
    *remap.page = 0;
    on_cpus_begin();
    for (unsigned cpu = 1; cpu < on_cpus_there(); cpu++) {
        wrong = ash_cpu_call(cpu, read_on, NULL) == 0 ? wrong : "a CPU takes no call";
    }
    while (wrong == NULL && generation <= REMAPS) {
        if (turn(generation) != 0) {
            wrong = "cannot be mapped anew";
            break;
        }
        port_store_release(&remap.generation, generation);
        wrong = all_saw(generation) ? NULL : "a CPU does not see the new frame";
        generation++;
    }
    port_store_release(&remap.end, 1);
    for (unsigned cpu = 1; cpu < on_cpus_there(); cpu++) {
        wrong = on_cpu_done(cpu) == 0 ? wrong : "a CPU does not end";
        wrong = readers[cpu].stale == 0 ? wrong : "a CPU read through an old translation";
    }
    /* An even number of turns: the frames are where they were. */
    while (generation % 2 == 0 && turn(generation) == 0) {
        generation++;
    }
    return wrong;
}

static void invalidation_reaches_all(void)
{
    ash_frame_t frames[2]; /* directly mapped, to be written beside the page */
    const char *wrong;
    void *page;

    ON_CPUS_OR_SKIP();
    CHECK_EQ(ash_frames_alloc(0, ASH_FRAMES_NORMAL, &frames[0]), 0);
    CHECK_EQ(ash_frames_alloc(0, ASH_FRAMES_NORMAL, &frames[1]), 0);
    CHECK_EQ(ash_vmap(frames, 2, ASH_MMU_WRITE, &page), 0);
    remap.page = page;
    wrong = remap_while_others_read();
    ash_vunmap(page);
    ash_frames_free(frames[0], 0);
    ash_frames_free(frames[1], 0);
    if (wrong != NULL) {
        target_fail(__FILE__, __LINE__, "%s", wrong);
    }
}

/* A permission taken away: the other CPU has written there before. */
static volatile uint32_t *guarded;

static void write_there(void *arg)
{
    (void)arg;
    *guarded = 1;
}

struct caught {
    int result;
    struct ash_trap trap;
};

static void catch_write(void *arg)
{
    struct caught *caught = arg;

    caught->result = ash_trap_catch(write_there, NULL, &caught->trap);
}

static int protect(ash_mmu_attr_t attr)
{
    unsigned long saved = spinlock_acquire(&ash_boot_map_lock);
    int error = ash_mmu_protect(&ash_boot_map, ash_va((uintptr_t)guarded), ASH_PAGE_SIZE, attr);

    spinlock_release(&ash_boot_map_lock, saved);
    return error;
}

static const char *protect_under_others(void)
{
    static struct caught caught;

    for (unsigned cpu = 1; cpu < on_cpus_there(); cpu++) {
        if (on_cpu(cpu, catch_write, &caught) != 0 || caught.result != 0) {
            return "cannot be written";
        }
        if (protect(0) != 0 || on_cpu(cpu, catch_write, &caught) != 0) {
            return "no answer";
        }
        if (caught.result != ASH_EFAULT || caught.trap.cause != ASH_CAUSE_PERMISSION ||
            caught.trap.address != (uintptr_t)guarded) {
            return "written through an old translation";
        }
        if (protect(ASH_MMU_WRITE) != 0) {
            return "not writable again";
        }
    }
    return NULL;
}

static void protection_reaches_all(void)
{
    const char *wrong;

    ON_CPUS_OR_SKIP();
    guarded = ash_vmap_alloc(ASH_PAGE_SIZE);
    CHECK(guarded != NULL);
    wrong = protect_under_others();
    ash_vmap_free((void *)(uintptr_t)guarded);
    if (wrong != NULL) {
        target_fail(__FILE__, __LINE__, "%s", wrong);
    }
}

/* Each CPU faults at an address of its own, all at once and many times. */
static struct {
    uint32_t caught, wrong;
} catches[ASH_CPUS] __attribute__((aligned(64)));

static void read_low(void *arg)
{
    (void)*(volatile uint32_t *)arg;
}

static void fault_often(void *arg)
{
    unsigned own = ash_cpu_number();
    uintptr_t address = 16 * (own + 1);

    (void)arg;
    for (unsigned i = 0; i < 100; i++) {
        struct ash_trap trap;

        if (ash_trap_catch(read_low, (void *)address, &trap) == ASH_EFAULT) {
            catches[own].caught++;
            catches[own].wrong +=
                trap.address != address || trap.cause != ASH_CAUSE_TRANSLATION || trap.write;
        }
    }
}

static void exceptions_are_caught_where_they_come(void)
{
    ON_CPUS_OR_SKIP();
    port_zero(catches, sizeof(catches));
    CHECK_EQ(on_all_cpus(fault_often, NULL), 0);
    for (unsigned cpu = 0; cpu < on_cpus_there(); cpu++) {
        CHECK_EQ(catches[cpu].caught, 100);
        CHECK_EQ(catches[cpu].wrong, 0);
    }
}

static const struct target_case cases[] = {
    TARGET_CASE(invalidation_reaches_all),
    TARGET_CASE(protection_reaches_all),
    TARGET_CASE(exceptions_are_caught_where_they_come),
};
const struct target_suite suite_smp_map = TARGET_SUITE("smp-map", cases);
