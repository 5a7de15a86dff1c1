/* SPDX-License-Identifier: MIT */
/*
 * Memory of any kind in the hands of one user, a CPU or an interrupt: it takes and gives back at
 * random, marks what it has, and finds its marks. One user of a holder at a time; any number of
 * holders at once.
 */
#ifndef ASHLAR_TARGET_HOLDER_H
#define ASHLAR_TARGET_HOLDER_H

#include <stdint.h>

#include "ashlar/frames.h"
#include "ashlar/pmem.h"
#include "ashlar/pool.h"
#include "ashlar/slab.h"

#define HOLDER_MOST 8u /* things that are held at a time */

/** What is held: an address and, where one is needed, more to give it back by. */
struct held {
    uint32_t *memory; /**< NULL: nothing */
    size_t words;
    unsigned order;
    ash_frame_t frame;
    struct ash_pmem_block block;
};

struct holder {
    uint32_t random; /**< seeded by the user */
    uint32_t wrong;  /**< things whose marks were not found */
    uint32_t taken;
    struct held held[HOLDER_MOST];
};

/** How one kind of memory is had. take leaves memory NULL if there is none now. */
struct held_kind {
    void (*take)(struct holder *own, struct held *thing);
    void (*give)(struct held *thing);
    unsigned most; /**< things at a time, at most HOLDER_MOST */
};

extern const struct held_kind held_frames, held_pool, held_slab, held_heap, held_vmap, held_pmem,
    held_window;

extern struct ash_pool holder_pool;    /**< held_pool's; of blocks of at least 24 bytes */
extern struct ash_slab holder_slab;    /**< held_slab's; made by holder_slab_start() */
extern struct ash_pmem *holder_region; /**< held_pmem's; NULL: there is none */

uint32_t holder_draw(struct holder *own, uint32_t limit);
/** Makes the cache with as much memory as all CPUs' holders and magazines may need together. */
int holder_slab_start(void);
/** Takes one thing, or gives one back. */
void holder_step(struct holder *own, const struct held_kind *kind);
/** Gives all back. */
void holder_end(struct holder *own, const struct held_kind *kind);
/** In all zones together: what must be the same before and after. */
uint32_t holder_free_frames(void);

#endif
