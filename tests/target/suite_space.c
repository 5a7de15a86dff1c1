/* SPDX-License-Identifier: MIT */
/*
 * Spaces on the processor: what each sees by real accesses, more of them than there are ASIDs, one
 * after the other and side by side, on all CPUs at once.
 */
#include <stdlib.h>

#include "ashlar/cpu.h"
#include "ashlar/frames.h"
#include "ashlar/space.h"
#include "port/port.h"
#include "tests/target/on_cpus.h"
#include "tests/target/probe.h"
#include "tests/target/suite.h"

#define OTHERS 6u /* spaces that CPUs share */

#define WANT_SPACES()                                                                              \
    do {                                                                                           \
        if (ash_space_size() == 0) {                                                               \
            target_skip("this build has no spaces");                                               \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* A space with a page at its lowest address. */
struct trial {
    struct ash_space space;
    ash_frame_t frame;
};

static volatile uint32_t *page_of_space(void)
{
    return (volatile uint32_t *)ash_space_base().value;
}

/* Writes past the space. */
static void write_frame(const struct trial *trial, uint32_t value)
{
    *(volatile uint32_t *)port_ptr(ash_frame_pa(trial->frame)) = value;
}

static int trial_make(struct trial *trial, uint32_t value)
{
    int error = ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &trial->frame);

    if (error != 0) {
        return error;
    }
    write_frame(trial, value);
    error = ash_space_create(&trial->space, "test");
    if (error == 0) {
        error = ash_space_map(&trial->space, ash_space_base(), ash_frame_pa(trial->frame),
                              ASH_PAGE_SIZE, ASH_MMU_WRITE);
        if (error != 0) {
            (void)ash_space_destroy(&trial->space);
        }
    }
    if (error != 0) {
        ash_frames_free(trial->frame, 0);
    }
    return error;
}

static int trial_end(struct trial *trial)
{
    int error = ash_space_destroy(&trial->space);

    if (error == 0) {
        ash_frames_free(trial->frame, 0);
    }
    return error;
}

static struct trial one, two;

static void each_sees_its_own(void)
{
    uint32_t tables = ash_frames_owned(ASH_OWNER_SPACE);
    uintptr_t base = ash_space_base().value;
    struct ash_trap trap;

    WANT_SPACES();
    CHECK_EQ(trial_make(&one, 1111), 0);
    CHECK_EQ(trial_make(&two, 2222), 0);
    CHECK(probe_faults_with(base, false, ASH_CAUSE_TRANSLATION, 1) ||
          probe_faults_with(base, false, ASH_CAUSE_TRANSLATION, 2) ||
          probe_faults_with(base, false, ASH_CAUSE_TRANSLATION, 0));
    for (unsigned i = 0; i < 4; i++) {
        ash_space_switch(&one.space);
        CHECK(ash_space_current() == &one.space);
        CHECK_EQ(*page_of_space(), 1111 + i);
        CHECK(probe_translates(base, ash_frame_pa(one.frame).value, ASH_MMU_WRITE));
        *page_of_space() = 1112 + i;
        ash_space_switch(&two.space);
        CHECK_EQ(*page_of_space(), 2222 + i);
        CHECK(probe_translates(base, ash_frame_pa(two.frame).value, ASH_MMU_WRITE));
        *page_of_space() = 2223 + i;
        CHECK(probe_faults_with(base + ASH_PAGE_SIZE, false, ASH_CAUSE_TRANSLATION, 3));
    }
    ash_space_leave();
    CHECK(ash_space_current() == NULL);
    CHECK(probe_faults(base, false, &trap) && trap.cause == ASH_CAUSE_TRANSLATION);
    CHECK_EQ(trial_end(&one), 0);
    CHECK_EQ(trial_end(&two), 0);
    CHECK_EQ(ash_frames_owned(ASH_OWNER_SPACE), tables);
}

static void changes_show_at_once(void)
{
    uintptr_t base = ash_space_base().value;

    WANT_SPACES();
    CHECK_EQ(trial_make(&one, 5), 0);
    ash_space_switch(&one.space);
    CHECK_EQ(*page_of_space(), 5);
    CHECK_EQ(ash_space_protect(&one.space, ash_va(base), ASH_PAGE_SIZE, 0), 0);
    CHECK(probe_faults_with(base, true, ASH_CAUSE_PERMISSION, 3));
    CHECK_EQ(ash_space_unmap(&one.space, ash_va(base), ASH_PAGE_SIZE), 0);
    CHECK(!port_translate(ash_va(base), PORT_READ, &(struct port_translation){0}));
    CHECK_EQ(ash_space_map(&one.space, ash_va(base), ash_frame_pa(one.frame), ASH_PAGE_SIZE,
                           ASH_MMU_WRITE),
             0);
    *page_of_space() = 6;
    ash_space_leave();
    CHECK_EQ(*(volatile uint32_t *)port_ptr(ash_frame_pa(one.frame)), 6);
    CHECK_EQ(trial_end(&one), 0);
}

static void current_one_stays(void)
{
    WANT_SPACES();
    CHECK_EQ(trial_make(&one, 7), 0);
    ash_space_switch(&one.space);
    CHECK_EQ(trial_end(&one), ASH_EBUSY);
    CHECK_EQ(*page_of_space(), 7);
    ash_space_leave();
    CHECK_EQ(trial_end(&one), 0);
}

/* Walks are off, and no ASID is current whose entries the TLB may have. */
static void nothing_stays_current(void)
{
    uint64_t ttbr;

    WANT_SPACES();
    CHECK_EQ(trial_make(&one, 8), 0);
    ash_space_switch(&one.space);
#ifdef CP15_TTBR1
    ttbr = CP15_READ64(CP15_TTBR1);
#else
    ttbr = SYS_READ64("ttbr1_el1");
#endif
    CHECK(ttbr >> 48 != 0);
    CHECK_EQ(ttbr & 0xffffffffffff, ash_mmu_root(&one.space.map).value);
    ash_space_leave();
#ifdef CP15_TTBR1
    ttbr = CP15_READ64(CP15_TTBR1);
    CHECK(CP15_READ(CP15_TTBCR) & TTBCR_EPD1);
#else
    ttbr = SYS_READ64("ttbr1_el1");
    CHECK(SYS_READ64("tcr_el1") & TCR_EPD1);
#endif
    CHECK_EQ(ttbr >> 48, 0);
    CHECK_EQ(trial_end(&one), 0);
}

/* More than there are ASIDs: their numbers come back. */
static void many_in_turn(void)
{
    struct ash_spaces_stats before, after;
    uint32_t free_frames = ash_frames_owned(ASH_OWNERS);
    unsigned count;

    WANT_SPACES();
    ash_spaces_stats(&before);
    count = before.asid_bits == 16 ? 70000 : 600;
    CHECK_EQ(ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &two.frame), 0);
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(ash_space_create(&two.space, "in turn"), 0);
        ash_space_switch(&two.space);
        if (i % 16 == 0) { /* enough to see that it is a space of its own */
            write_frame(&two, i);
            CHECK(!port_translate(ash_space_base(), PORT_READ, &(struct port_translation){0}));
            CHECK_EQ(ash_space_map(&two.space, ash_space_base(), ash_frame_pa(two.frame),
                                   ASH_PAGE_SIZE, 0),
                     0);
            CHECK_EQ(*page_of_space(), i);
        }
        ash_space_leave();
        CHECK_EQ(ash_space_destroy(&two.space), 0);
    }
    ash_frames_free(two.frame, 0);
    ash_spaces_stats(&after);
    /* Where the first generation begins, and what others keep, is not known. */
    CHECK(after.generations - before.generations - (count >> before.asid_bits) <= 1);
    CHECK_EQ(after.count, before.count);
    CHECK_EQ(ash_frames_owned(ASH_OWNERS), free_frames);
}

/* More at once than ASIDs of 8 bits, each visited again and again. */
static void many_side_by_side(void)
{
    const unsigned count = 270;
    struct trial *trial = malloc(count * sizeof *trial);
    struct ash_spaces_stats before, after;

    WANT_SPACES();
    CHECK(trial != NULL);
    ash_spaces_stats(&before);
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(trial_make(&trial[i], i), 0);
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < count; i++) {
            ash_space_switch(&trial[i].space);
            CHECK_EQ(*page_of_space(), i + round);
            *page_of_space() = i + round + 1;
        }
    }
    ash_space_leave();
    ash_spaces_stats(&after);
    CHECK_EQ(after.count, before.count + count);
    CHECK(before.asid_bits == 16 || after.generations >= before.generations + 3);
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(trial_end(&trial[i]), 0);
    }
    free(trial);
}

/* On all CPUs at once. */

#define ROUNDS 12u

static struct trial other[OTHERS];
static uint32_t wrong[ASH_CPUS];

/* Spaces that all switch to, and one of this CPU's own, which is made and ended. Each CPU has a
 * word of its own in the shared ones. */
static void crowd(void *arg)
{
    unsigned cpu = ash_cpu_number();
    uint32_t count[OTHERS] = {0};
    struct trial mine;

    (void)arg;
    for (unsigned i = 0; i < ROUNDS && !on_cpus_enough(); i++) {
        unsigned n = (i * 7 + cpu) % OTHERS;

        ash_space_switch(&other[n].space);
        wrong[cpu] += page_of_space()[0] != n || page_of_space()[1 + cpu] != count[n];
        page_of_space()[1 + cpu] = ++count[n];
        if (trial_make(&mine, i) != 0) {
            wrong[cpu]++;
            break;
        }
        ash_space_switch(&mine.space);
        wrong[cpu] += *page_of_space() != i;
        if (i % 2 != 0) {
            ash_space_switch(&other[cpu % OTHERS].space);
            wrong[cpu] += *page_of_space() != cpu % OTHERS;
        } else {
            ash_space_leave();
        }
        wrong[cpu] += trial_end(&mine) != 0;
    }
    ash_space_leave();
}

static void all_cpus_at_once(void)
{
    uint32_t tables = ash_frames_owned(ASH_OWNER_SPACE);

    WANT_SPACES();
    ON_CPUS_OR_SKIP();
    for (unsigned n = 0; n < OTHERS; n++) {
        CHECK_EQ(trial_make(&other[n], n), 0);
        for (unsigned i = 1; i <= ASH_CPUS; i++) {
            ((volatile uint32_t *)port_ptr(ash_frame_pa(other[n].frame)))[i] = 0;
        }
    }
    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        wrong[cpu] = 0;
    }
    CHECK_EQ(on_all_cpus(crowd, NULL), 0);
    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        CHECK_EQ(wrong[cpu], 0);
    }
    for (unsigned n = 0; n < OTHERS; n++) {
        CHECK_EQ(trial_end(&other[n]), 0);
    }
    CHECK_EQ(ash_frames_owned(ASH_OWNER_SPACE), tables);
}

static struct {
    uint32_t seen, end;
} elsewhere;

static void stay(void *arg)
{
    struct ash_trap trap;

    (void)arg;
    ash_space_switch(&one.space);
    port_store_release(&elsewhere.seen, *page_of_space());
    while (port_load_acquire(&elsewhere.end) == 0 && !on_cpus_late()) {
    }
    elsewhere.seen = probe_faults((uintptr_t)page_of_space(), false, &trap) ? 4321 : 0;
    ash_space_leave();
}

/* A space that is current on another CPU: it cannot end, and a change of it is seen there. */
static void other_cpu_is_in_it(void)
{
    WANT_SPACES();
    ON_CPUS_OR_SKIP();
    CHECK_EQ(trial_make(&one, 1234), 0);
    elsewhere.seen = elsewhere.end = 0;
    on_cpus_begin();
    CHECK_EQ(ash_cpu_call(1, stay, NULL), 0);
    while (port_load_acquire(&elsewhere.seen) == 0 && !on_cpus_late()) {
    }
    CHECK_EQ(elsewhere.seen, 1234);
    CHECK_EQ(ash_space_destroy(&one.space), ASH_EBUSY);
    CHECK_EQ(ash_space_unmap(&one.space, ash_space_base(), ASH_PAGE_SIZE), 0);
    port_store_release(&elsewhere.end, 1);
    CHECK_EQ(on_cpu_done(1), 0);
    CHECK_EQ(elsewhere.seen, 4321);
    CHECK_EQ(trial_end(&one), 0);
}

static const struct target_case cases[] = {
    TARGET_CASE(each_sees_its_own),  TARGET_CASE(changes_show_at_once),
    TARGET_CASE(current_one_stays),  TARGET_CASE(nothing_stays_current),
    TARGET_CASE(many_in_turn),       TARGET_CASE(many_side_by_side),
    TARGET_CASE(other_cpu_is_in_it), TARGET_CASE(all_cpus_at_once),
};

const struct target_suite suite_space = TARGET_SUITE("space", cases);
