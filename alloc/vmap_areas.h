/* SPDX-License-Identifier: MIT */
/*
 * A range of virtual addresses as a row of areas: each page belongs to exactly one area, free or in
 * use, and free areas never touch. Page numbers only: no addresses, no locks, no map.
 *
 * All areas are in a tree by address, the free ones also in a tree by size. Both are red-black: no
 * operation takes more than a few descents of 2 log2(areas + 1) steps. An area's node lies in a
 * frame of nodes; frames are taken when the nodes run out and given back when the last of theirs
 * is.
 */
#ifndef ALLOC_VMAP_AREAS_H
#define ALLOC_VMAP_AREAS_H

#include "ashlar/types.h"
#include "port/intrusive.h"

enum vmap_kind {
    VMAP_FREE,
    VMAP_CHANGING, /**< on its way to or from its owner: its pages are being mapped or unmapped */
    VMAP_FRAMES,   /**< frames of the caller's */
    VMAP_MEMORY,   /**< frames of its own */
    VMAP_STACK,    /**< the same, as a stack */
    VMAP_DEVICE,
    VMAP_WINDOWS,
};

struct vmap_area {
    RB_ENTRY(vmap_area) by_address;
    uintptr_t page;  /**< the first; in a used area it stays unmapped */
    uintptr_t pages; /**< that one included */
    enum vmap_kind kind;
    union {
        RB_ENTRY(vmap_area) by_size;  /**< FREE */
        SLIST_ENTRY(vmap_area) spare; /**< a node that is no area */
        struct {
            LIST_ENTRY(vmap_area) link;
            uint64_t pa;   /**< of the first mapped page */
            uint32_t uses; /**< how often it was asked for */
        } device;
        struct {
            struct vmap_area *next;
            const char *name;
        } stack;
    };
};

RB_HEAD(vmap_address_tree, vmap_area);
RB_HEAD(vmap_size_tree, vmap_area);
LIST_HEAD(vmap_node_frames, vmap_node_frame);

struct vmap_areas {
    struct vmap_address_tree by_address;
    struct vmap_size_tree by_size;
    struct vmap_node_frames spare; /**< frames of nodes that have a spare one */
    uint32_t frames;               /**< of nodes, ever taken: numbers them by age */
    uint32_t node_frames;          /**< held now */
    uint32_t count, free_count;    /**< areas in all, and free ones */
    uintptr_t pages;               /**< of the range */
    uintptr_t free;                /**< pages in free areas */
};

/** One free area, [page, page + pages). 0, or what ash_frames_alloc says. */
int vmap_areas_init(struct vmap_areas *areas, uintptr_t page, uintptr_t pages);

/**
 * Cuts `pages` pages out of the smallest free area that holds them, the lowest of those. The page
 * behind the first one is a multiple of `align` (a power of two, in pages) plus `phase`.
 * The area is CHANGING. Errors: ASH_ENOMEM: no room, or no frame for a node.
 */
int vmap_areas_take(struct vmap_areas *areas, uintptr_t pages, uintptr_t align, uintptr_t phase,
                    struct vmap_area **taken);

/** Makes a used area free, joined with free neighbours. A take is undone by it without a trace. */
void vmap_areas_give(struct vmap_areas *areas, struct vmap_area *area);

/** The area that holds the page; NULL if it is outside of the range. */
struct vmap_area *vmap_areas_find(struct vmap_areas *areas, uintptr_t page);

/** The area with the lowest address, and the next one; NULL behind the last. */
struct vmap_area *vmap_areas_first(struct vmap_areas *areas);
struct vmap_area *vmap_areas_next(struct vmap_area *area);

/** Pages of the largest free area. */
uintptr_t vmap_areas_largest(struct vmap_areas *areas);

/** All rules above hold. Linear in the areas. */
bool vmap_areas_sound(struct vmap_areas *areas);

#endif
