/* SPDX-License-Identifier: MIT */
/*
 * Page frames on the running machine: blocks marked in their own memory, so that any overlap shows;
 * to exhaustion and back; bad frees told to the hook.
 */
#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/irq.h"
#include "port/port.h"
#include "tests/target/suite.h"

#define FLAGS ASH_FRAMES_OWNER(ASH_OWNER_TEST)

static uint32_t state;

static uint32_t random_below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (uint32_t)((uint64_t)state * n >> 32);
}

static uint32_t free_frames(void)
{
    uint32_t free = 0;

    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        struct ash_frames_stats stats;

        (void)ash_frames_stats((enum ash_zone)zone, &stats);
        free += stats.free;
    }
    return free;
}

static void metadata_is_consistent(void)
{
    CHECK_EQ(ash_frames_verify(), 0);
    CHECK(free_frames() > 1024);
    CHECK_EQ(ash_frames_owned(ASH_OWNER_TEST), 0);
}

static void blocks_of_every_order_are_aligned(void)
{
    uint32_t before = free_frames();
    ash_frame_t block;

    for (unsigned order = 0; order <= ASH_MAX_ORDER; order++) {
        struct ash_frame_info info;

        CHECK_EQ(ash_frames_alloc(order, FLAGS, &block), 0);
        CHECK_EQ(block.number & ((1u << order) - 1), 0);
        ash_frames_query((ash_frame_t){block.number + (1u << order) - 1}, &info);
        ash_frames_free(block, order);
        CHECK_EQ(info.state, ASH_FRAME_USED);
        CHECK_EQ(info.head.number, block.number);
        CHECK_EQ(info.order, order);
        CHECK_EQ(info.owner, ASH_OWNER_TEST);
    }
    CHECK_EQ(free_frames(), before);
}

static void zeroed_means_zero(void)
{
    ash_frame_t block;
    uint32_t *words;
    uint32_t sum = 0;

    CHECK_EQ(ash_frames_alloc(1, FLAGS, &block), 0);
    words = port_ptr(ash_frame_pa(block));
    for (unsigned i = 0; i < 2048; i++) {
        words[i] = i + 1;
    }
    ash_frames_free(block, 1);
    CHECK_EQ(ash_frames_alloc(1, FLAGS | ASH_FRAMES_ZERO, &block), 0);
    words = port_ptr(ash_frame_pa(block));
    for (unsigned i = 0; i < 2048; i++) {
        sum |= words[i];
    }
    ash_frames_free(block, 1);
    CHECK_EQ(sum, 0);
}

#define BLOCKS 200u

static struct {
    ash_frame_t frame;
    unsigned order;
    bool live;
} blocks[BLOCKS];

/** Each frame of a block has its block's slot in its first and last words. */
static void mark(unsigned slot)
{
    for (uint32_t i = 0; i < 1u << blocks[slot].order; i++) {
        uint32_t *page = port_ptr(ash_frame_pa((ash_frame_t){blocks[slot].frame.number + i}));

        page[0] = slot;
        page[1023] = blocks[slot].frame.number + i;
    }
}

static bool is_marked(unsigned slot)
{
    for (uint32_t i = 0; i < 1u << blocks[slot].order; i++) {
        const uint32_t *page = port_ptr(ash_frame_pa((ash_frame_t){blocks[slot].frame.number + i}));

        if (page[0] != slot || page[1023] != blocks[slot].frame.number + i) {
            return false;
        }
    }
    return true;
}

static void random_blocks_never_overlap(void)
{
    uint32_t before = free_frames();
    uint32_t held = 0;
    unsigned broken = 0;

    state = 31337;
    target_note("seed %u", (unsigned)state);
    for (unsigned slot = 0; slot < BLOCKS; slot++) {
        blocks[slot].live = false;
    }
    for (unsigned step = 0; step < (ASH_CHECK >= 2 ? 400u : 6000u); step++) {
        unsigned slot = random_below(BLOCKS);

        if (!blocks[slot].live) {
            blocks[slot].order = random_below(6);
            if (ash_frames_alloc(blocks[slot].order, FLAGS, &blocks[slot].frame) != 0) {
                continue;
            }
            blocks[slot].live = true;
            held += 1u << blocks[slot].order;
            mark(slot);
        } else {
            broken += !is_marked(slot);
            ash_frames_free(blocks[slot].frame, blocks[slot].order);
            blocks[slot].live = false;
            held -= 1u << blocks[slot].order;
        }
    }
    CHECK_EQ(ash_frames_owned(ASH_OWNER_TEST), held);
    CHECK_EQ(free_frames(), before - held);
    CHECK_EQ(ash_frames_verify(), 0);
    for (unsigned slot = 0; slot < BLOCKS; slot++) {
        if (blocks[slot].live) {
            broken += !is_marked(slot);
            ash_frames_put(blocks[slot].frame);
        }
    }
    CHECK_EQ(broken, 0);
    CHECK_EQ(free_frames(), before);
}

/** A block that is out knows the one before it: no table is needed, whatever the memory. */
struct link {
    struct link *before;
    ash_frame_t frame;
    unsigned order;
};

static void exhaustion_and_back(void)
{
    struct ash_frames_stats before;
    struct ash_frames_stats empty;
    struct ash_frames_stats after;
    struct link *last = NULL;
    ash_frame_t frame;
    int errors[ASH_MAX_ORDER + 1];

    (void)ash_frames_stats(ASH_ZONE_NORMAL, &before);
    if (ASH_CHECK >= 2 && before.free > 16384) {
        target_skip("at ASH_CHECK 2 only up to 64 MiB: every frame is filled with poison");
        return;
    }
    ash_frames_cache(false); /* so that all that is free is merged */
    (void)ash_frames_stats(ASH_ZONE_NORMAL, &before);
    for (unsigned order = ASH_MAX_ORDER + 1; order-- > 0;) {
        while ((errors[order] = ash_frames_alloc(order, FLAGS, &frame)) == 0) {
            struct link *link = port_ptr(ash_frame_pa(frame));

            *link = (struct link){last, frame, order};
            last = link;
        }
    }
    (void)ash_frames_stats(ASH_ZONE_NORMAL, &empty);
    while (last != NULL) {
        struct link link = *last;

        ash_frames_free(link.frame, link.order);
        last = link.before;
    }
    (void)ash_frames_stats(ASH_ZONE_NORMAL, &after);
    ash_frames_cache(true);
    for (unsigned order = 0; order <= ASH_MAX_ORDER; order++) {
        CHECK_EQ(errors[order], ASH_ENOMEM);
        CHECK_EQ(after.blocks[order], before.blocks[order]);
    }
    CHECK_EQ(empty.free, 0);
    CHECK_EQ(empty.largest, -1);
    CHECK_EQ(after.free, before.free);
    CHECK_EQ(after.failures, before.failures + ASH_MAX_ORDER + 1);
    CHECK_EQ(after.high_water, after.total);
    CHECK_EQ(ash_frames_verify(), 0);
}

static void references_keep_a_block(void)
{
    uint32_t before = free_frames();
    ash_frame_t block;

    CHECK_EQ(ash_frames_alloc(2, FLAGS, &block), 0);
    ash_frames_get(block);
    ash_frames_free(block, 2);
    CHECK_EQ(ash_frames_owned(ASH_OWNER_TEST), 4);
    ash_frames_put(block);
    CHECK_EQ(free_frames(), before);
}

static unsigned faults;
static struct ash_fault last_fault;

static void record(const struct ash_fault *fault)
{
    faults++;
    last_fault = *fault;
}

static bool told(enum ash_fault_kind kind, ash_frame_t frame)
{
    bool right = faults == 1 && last_fault.kind == kind &&
                 last_fault.address == ash_frame_pa(frame).value && last_fault.caller != NULL;

    faults = 0;
    return right;
}

static void bad_frees_are_told(void)
{
    ash_fault_fn hook = ash_fault_hook;
    uint32_t before = free_frames();
    uint32_t after;
    ash_frame_t block;
    ash_frame_t inner;
    bool right[6];

    if (ASH_CHECK < 1) {
        target_skip("ASH_CHECK is 0");
        return;
    }
    CHECK_EQ(ash_frames_alloc(2, FLAGS, &block), 0);
    inner = (ash_frame_t){block.number + 1};
    ash_fault_hook = record;
    ash_frames_free(inner, 0);
    right[0] = told(ASH_FAULT_MISALIGNED, inner);
    ash_frames_free(block, 1);
    right[1] = told(ASH_FAULT_MISALIGNED, block);
    ash_frames_free(block, 2);
    right[2] = faults == 0;
    ash_frames_free(block, 2);
    right[3] = told(ASH_FAULT_DOUBLE_FREE, block);
    ash_frames_free((ash_frame_t){0}, 0); /* flash */
    right[4] = told(ASH_FAULT_FOREIGN, (ash_frame_t){0});
    ash_frames_put(ash_pa_frame(ash_pa((uintptr_t)&faults))); /* the image's own RAM */
    right[5] = faults == 1 && last_fault.kind == ASH_FAULT_FOREIGN;
    faults = 0;
    after = free_frames();
    ash_fault_hook = hook;
    for (unsigned i = 0; i < 6; i++) {
        CHECK(right[i]);
    }
    CHECK_EQ(after, before);
    CHECK_EQ(ash_frames_verify(), 0);
}

/* The interrupt takes up to four blocks, and gives them back the next time. */
#define TAKEN 4u

static struct {
    ash_frame_t frame;
    bool live;
} taken[TAKEN];
static volatile unsigned ticks, tick_broken;

static void tick(void *arg)
{
    (void)arg;
    ticks = ticks + 1;
    for (unsigned i = 0; i < TAKEN; i++) {
        unsigned order = i / 2;
        uint32_t *memory;

        if (taken[i].live) {
            memory = port_ptr(ash_frame_pa(taken[i].frame));
            tick_broken = tick_broken + (memory[0] != 0xfeed0000u + i);
            ash_frames_free(taken[i].frame, order);
            taken[i].live = false;
        } else if (ash_frames_alloc(order, FLAGS, &taken[i].frame) == 0) {
            memory = port_ptr(ash_frame_pa(taken[i].frame));
            memory[0] = 0xfeed0000u + i;
            taken[i].live = true;
        }
    }
}

static void interrupts_allocate_too(void)
{
    uint32_t before = free_frames();
    uint64_t deadline = ash_now_ns() + 5000000000ull;
    unsigned broken = 0;

    ticks = 0;
    tick_broken = 0;
    state = 4242;
    for (unsigned slot = 0; slot < BLOCKS; slot++) {
        blocks[slot].live = false;
    }
    if (ash_tick(2000, tick, NULL) != 0) {
        target_skip("no timer");
        return;
    }
    ash_irq_enable();
    for (unsigned step = 0; (step < 1000 || ticks < 20) && ash_now_ns() < deadline; step++) {
        unsigned slot = random_below(BLOCKS);

        if (!blocks[slot].live) {
            blocks[slot].order = random_below(2) == 0 ? 0 : random_below(4);
            if (ash_frames_alloc(blocks[slot].order, FLAGS, &blocks[slot].frame) == 0) {
                blocks[slot].live = true;
                mark(slot);
            }
        } else {
            broken += !is_marked(slot);
            ash_frames_free(blocks[slot].frame, blocks[slot].order);
            blocks[slot].live = false;
        }
    }
    ash_irq_disable();
    (void)ash_tick(0, NULL, NULL);
    for (unsigned i = 0; i < TAKEN; i++) {
        if (taken[i].live) {
            ash_frames_free(taken[i].frame, i / 2);
            taken[i].live = false;
        }
    }
    for (unsigned slot = 0; slot < BLOCKS; slot++) {
        if (blocks[slot].live) {
            broken += !is_marked(slot);
            ash_frames_free(blocks[slot].frame, blocks[slot].order);
        }
    }
    CHECK(ticks > 0);
    CHECK_EQ(broken, 0);
    CHECK_EQ(tick_broken, 0);
    CHECK_EQ(free_frames(), before);
    CHECK_EQ(ash_frames_verify(), 0);
}

static const struct target_case cases[] = {
    TARGET_CASE(metadata_is_consistent), TARGET_CASE(blocks_of_every_order_are_aligned),
    TARGET_CASE(zeroed_means_zero),      TARGET_CASE(random_blocks_never_overlap),
    TARGET_CASE(exhaustion_and_back),    TARGET_CASE(references_keep_a_block),
    TARGET_CASE(bad_frees_are_told),     TARGET_CASE(interrupts_allocate_too),
};

const struct target_suite suite_frames = TARGET_SUITE("frames", cases);
