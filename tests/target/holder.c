/* SPDX-License-Identifier: MIT */
/*
 * Taking memory of any kind at random, marking it, and finding the marks again.
 */
#include "tests/target/holder.h"

#include "ashlar/heap.h"
#include "ashlar/vmap.h"
#include "port/port.h"

struct ash_pool holder_pool;
struct ash_slab holder_slab;
struct ash_pmem *holder_region;

uint32_t holder_draw(struct holder *own, uint32_t limit)
{
    own->random ^= own->random << 13;
    own->random ^= own->random >> 17;
    own->random ^= own->random << 5;
    return own->random % limit;
}

static void frames_take(struct holder *own, struct held *thing)
{
    thing->order = holder_draw(own, 4);
    if (ash_frames_alloc(thing->order, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &thing->frame) == 0) {
        thing->memory = port_ptr(ash_frame_pa(thing->frame));
        thing->words = (ASH_PAGE_SIZE << thing->order) / sizeof(uint32_t);
    }
}

static void frames_give(struct held *thing)
{
    ash_frames_free(thing->frame, thing->order);
}

static void pool_take(struct holder *own, struct held *thing)
{
    (void)own;
    thing->memory = ash_pool_alloc(&holder_pool);
    thing->words = 6;
}

static void pool_give(struct held *thing)
{
    ash_pool_free(&holder_pool, thing->memory);
}

int holder_slab_start(void)
{
    const struct ash_slab_config config = {
        .name = "held", .size = 6 * sizeof(uint32_t), .align = 8, .owner = ASH_OWNER_TEST};
    int error = ash_slab_create(&holder_slab, &config);
    void **first = NULL, **object;

    if (error != 0) {
        return error;
    }
    for (unsigned i = 0; i < 2 * ASH_CPUS * (HOLDER_MOST + ASH_SLAB_ROUNDS); i++) {
        object = ash_slab_alloc(&holder_slab);
        if (object != NULL) {
            *object = first;
            first = object;
        }
    }
    while ((object = first) != NULL) {
        first = *object;
        ash_slab_free(&holder_slab, object);
    }
    return 0;
}

static void slab_take(struct holder *own, struct held *thing)
{
    (void)own;
    thing->memory = ash_slab_alloc(&holder_slab);
    thing->words = 6;
}

static void slab_give(struct held *thing)
{
    ash_slab_free(&holder_slab, thing->memory);
}

static void heap_take(struct holder *own, struct held *thing)
{
    thing->words = 1 + holder_draw(own, holder_draw(own, 4) == 0 ? 3000 : 60);
    thing->memory = ash_heap_alloc(&ash_heap_default, thing->words * sizeof(uint32_t));
}

static void heap_give(struct held *thing)
{
    ash_heap_free(&ash_heap_default, thing->memory);
}

static void vmap_take(struct holder *own, struct held *thing)
{
    thing->words = (1 + holder_draw(own, 3)) * ASH_PAGE_SIZE / sizeof(uint32_t);
    thing->memory = ash_vmap_alloc(thing->words * sizeof(uint32_t));
}

static void vmap_give(struct held *thing)
{
    ash_vmap_free(thing->memory);
}

static void pmem_take(struct holder *own, struct held *thing)
{
    thing->words = (1 + holder_draw(own, 2)) * ASH_PAGE_SIZE / sizeof(uint32_t);
    if (holder_region != NULL &&
        ash_pmem_alloc(holder_region, thing->words * sizeof(uint32_t), 0,
                       holder_draw(own, 2) == 0 ? ASH_PMEM_CACHED : ASH_PMEM_UNCACHED,
                       &thing->block) == 0) {
        thing->memory = thing->block.ptr;
    }
}

static void pmem_give(struct held *thing)
{
    (void)ash_pmem_free(&thing->block);
}

/* A frame that is seen through a window while it is marked, and looked at through another. */
static void window_take(struct holder *own, struct held *thing)
{
    (void)own;
    if (ash_frames_alloc(0, ASH_FRAMES_HIGH | ASH_FRAMES_OWNER(ASH_OWNER_TEST), &thing->frame) !=
        0) {
        return;
    }
    thing->memory = ash_window_open(thing->frame);
    thing->words = ASH_PAGE_SIZE / sizeof(uint32_t);
    if (thing->memory == NULL) {
        ash_frames_free(thing->frame, 0);
    }
}

static void window_give(struct held *thing)
{
    ash_window_close(thing->memory);
    ash_frames_free(thing->frame, 0);
}

const struct held_kind held_frames = {frames_take, frames_give, HOLDER_MOST};
const struct held_kind held_pool = {pool_take, pool_give, HOLDER_MOST};
const struct held_kind held_slab = {slab_take, slab_give, HOLDER_MOST};
const struct held_kind held_heap = {heap_take, heap_give, HOLDER_MOST};
const struct held_kind held_vmap = {vmap_take, vmap_give, HOLDER_MOST};
const struct held_kind held_pmem = {pmem_take, pmem_give, HOLDER_MOST};
const struct held_kind held_window = {window_take, window_give, 1};

/* The first, the last and some words between belong to the thing and its CPU alone. */
static uint32_t mark_of(const struct held *thing, size_t at)
{
    return (uint32_t)(uintptr_t)thing ^ (uint32_t)at * 0x9e3779b9u;
}

static void mark(const struct held *thing)
{
    for (size_t at = 0; at < thing->words; at += 1 + thing->words / 5) {
        thing->memory[at] = mark_of(thing, at);
    }
    thing->memory[thing->words - 1] = mark_of(thing, 0);
    thing->memory[0] = mark_of(thing, 0);
}

static bool marked(const struct held *thing)
{
    bool sound = thing->memory[0] == mark_of(thing, 0);

    for (size_t at = 1 + thing->words / 5; at < thing->words - 1; at += 1 + thing->words / 5) {
        sound = sound && thing->memory[at] == mark_of(thing, at);
    }
    return sound && thing->memory[thing->words - 1] == mark_of(thing, 0);
}

static void give(struct holder *own, const struct held_kind *kind, struct held *thing)
{
    own->wrong += !marked(thing);
    kind->give(thing);
    thing->memory = NULL;
}

void holder_step(struct holder *own, const struct held_kind *kind)
{
    struct held *thing = &own->held[holder_draw(own, kind->most)];

    if (thing->memory != NULL) {
        give(own, kind, thing);
        return;
    }
    kind->take(own, thing);
    if (thing->memory != NULL) {
        own->taken++;
        mark(thing);
    }
}

void holder_end(struct holder *own, const struct held_kind *kind)
{
    for (unsigned i = 0; i < HOLDER_MOST; i++) {
        if (own->held[i].memory != NULL) {
            give(own, kind, &own->held[i]);
        }
    }
}

uint32_t holder_free_frames(void)
{
    uint32_t sum = 0;

    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        struct ash_frames_stats stats;

        if (ash_frames_stats((enum ash_zone)zone, &stats) == 0) {
            sum += stats.free;
        }
    }
    return sum;
}
