/* SPDX-License-Identifier: MIT */
/*
 * What the sources of object caches share: the descriptor of a slab, and the way from an object to
 * it.
 *
 * The last word of a slab is the number of its descriptor, encoded with the slab's address.
 * Descriptors lie in rows of frames that stay until the cache ends: so the number can be checked
 * (there is such a row and slot, and its descriptor names this slab), whoever changes what
 * meanwhile.
 */
#ifndef ALLOC_SLAB_H
#define ALLOC_SLAB_H

#include "alloc/stride.h"
#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/slab.h"
#include "port/spinlock.h"

#define SLAB_POISON   0x5au
#define SLAB_RED      0xb9u
#define SLAB_RED_ZONE (ASH_CHECK >= 2 ? 16u : 0u)

/* What the state of an object says besides the index of the next free one. */
#define SLAB_OUT    0xff000000u /* with its user */
#define SLAB_CACHED 0xfe000000u /* in a magazine */
/** As the index of the first free object: it and all behind it were never taken. */
#define SLAB_FRESH 0x80000000u
#define SLAB_NONE  0x7fffffffu /* the end of the list, when all were */

struct slab {
    struct slab *next, **link; /* in a list of its cache, or among spare descriptors */
    uint8_t *base;             /* NULL: no slab */
    ash_frame_t frame;
    uint32_t number;  /* of this descriptor: row and slot */
    uint32_t taken;   /* objects that are out, or in magazines */
    uint32_t first;   /* free object */
    uint32_t state[]; /* of each object: OUT, CACHED, or the next free one */
};

static inline size_t slab_bytes(const struct ash_slab *cache)
{
    return ASH_PAGE_SIZE << cache->order;
}

static inline unsigned slab_row_order(uint32_t row)
{
    return row / 8;
}

static inline uint32_t *slab_label(const struct ash_slab *cache, const void *base)
{
    return (uint32_t *)(void *)((uintptr_t)base + slab_bytes(cache) - sizeof(uint32_t));
}

static inline uint32_t slab_code(uintptr_t base, uint32_t number)
{
    return number ^ (uint32_t)(base >> ASH_PAGE_SHIFT) * 0x9e3779b9u;
}

/** How many descriptors a row has. */
static inline uint32_t slab_row_slots(const struct ash_slab *cache, uint32_t row)
{
    return cache->slots << slab_row_order(row);
}

/** The slab that an address lies in, or NULL. Takes no lock. */
static inline struct slab *slab_of(const struct ash_slab *cache, const void *object)
{
    uintptr_t base = (uintptr_t)object & ~(slab_bytes(cache) - 1);
    uint64_t span = port_load64_relaxed(&cache->span);
    uint32_t number, row;
    struct slab *slab;

    if ((uint32_t)(base >> ASH_PAGE_SHIFT) - (uint32_t)span >= (uint32_t)(span >> 32)) {
        return NULL;
    }
    number = slab_code(base, *slab_label(cache, (void *)base));
    row = number >> 16;
    if (row >= ASH_SLAB_ROWS || cache->row[row] == NULL ||
        (number & 0xffff) >= slab_row_slots(cache, row)) {
        return NULL;
    }
    slab = (struct slab *)(void *)(cache->row[row] + (number & 0xffff) * cache->slot_size);
    return (uintptr_t)slab->base == base ? slab : NULL;
}

/** The index of an object; at least `count` if none starts there. */
static inline size_t slab_index(const struct ash_slab *cache, const struct slab *slab,
                                const void *object)
{
    return stride_index((uintptr_t)object - (uintptr_t)slab->base, cache->inverse, cache->shift);
}

/** Tells the hook. No lock is held. */
static inline void slab_fault(enum ash_fault_kind kind, const char *what, const void *object,
                              const void *caller)
{
    const struct ash_fault fault = {
        .kind = kind,
        .module = "slab",
        .what = what,
        .address = (uintptr_t)object,
        .caller = caller,
    };

    ash_fault_hook(&fault);
}

static inline void slab_link(struct slab **list, struct slab *slab)
{
    slab->next = *list;
    slab->link = list;
    if (*list != NULL) {
        (*list)->link = &slab->next;
    }
    *list = slab;
}

static inline void slab_unlink(struct slab *slab)
{
    *slab->link = slab->next;
    if (slab->next != NULL) {
        slab->next->link = slab->link;
    }
}

/* slab.c */

/** Takes `count` objects, all constructed, from this CPU's magazine to their slabs. The lock is
 *  held. Returns how many had no slab: their label was overwritten. */
uint32_t slab_flush(struct ash_slab *cache, struct ash_slab_magazine *magazine, uint32_t count);

/* slab_frames.c */

/** One more slab. False: no memory. The lock is not held. */
bool slab_grow(struct ash_slab *cache);

/** Empties this CPU's magazine and takes one slab without objects from the cache: how many frames
 *  that are, or 0. *lost: as slab_flush(). The lock is not held. */
uint32_t slab_shrink_once(struct ash_slab *cache, ash_frame_t *frame, uint32_t *lost);
/** Gives them back, and tells of what was lost. No lock is held. */
void slab_give_frames(ash_frame_t frame, uint32_t frames, uint32_t lost, const void *caller);

/* slab_report.c */

void slab_enlist(struct ash_slab *cache);
void slab_delist(struct ash_slab *cache);

#endif
