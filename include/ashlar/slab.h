/* SPDX-License-Identifier: MIT */
/*
 * Object caches: equal objects over frames, as many as there is memory for, which keep what their
 * constructor made of them while they are free (J. Bonwick, "The Slab Allocator", USENIX 1994).
 *
 *     static struct ash_slab packets;
 *     ash_slab_create(&packets, &(struct ash_slab_config){.name = "packet", .size = 200});
 *     struct packet *p = ash_slab_alloc(&packets);     // NULL when memory is out
 *     ash_slab_free(&packets, p);
 *
 * Each CPU has a magazine of free objects of each cache (J. Bonwick and J. Adams, "Magazines and
 * Vmem", USENIX 2001); most operations are a step in it with interrupts masked. An empty or full
 * one exchanges half of its objects with the slabs under the cache's lock. A slab is one block of
 * frames full of objects; which of them are free stands out of line, 4 bytes an object, and a
 * slab's own 4 bytes, which lead to that, are checked whenever they are used: writes to free
 * objects break no lists.
 *
 * Any context and any CPU unless a function says otherwise, interrupts included. Constructors run
 * with no lock held and nothing masked. No barriers or cache operations. Objects are not zeroed.
 *
 * A double free, a foreign or a misaligned pointer goes to ash_fault_hook and changes nothing
 * (ASH_CHECK >= 1). ASH_CHECK 2 puts a red zone behind each object, and fills free objects with
 * poison in caches that have no constructor.
 */
#ifndef ASHLAR_SLAB_H
#define ASHLAR_SLAB_H

#include "config.h"
#include "errors.h"
#include "lock.h"
#include "print.h"
#include "types.h"
#include "usage.h"

/** Objects of a full magazine. */
#define ASH_SLAB_ROUNDS 16u
/** Rows of what is known of slabs: the first eight of one page, the next eight of two ... */
#define ASH_SLAB_ROWS 64u

struct ash_slab_config {
    const char *name; /**< is kept */
    size_t size;      /**< bytes of an object, at least 1 */
    size_t align;     /**< a power of two, at most a page; 0: that of the largest basic type */
    unsigned owner;   /**< of the frames: an enum ash_owner, or a product's number */
    /** Makes an object once, before its first allocation; NULL: nothing does. What a free object
     *  contains is what its last user left. */
    void (*construct)(void *object, void *arg);
    void *arg;
};

struct slab;

/** A free object in a magazine. */
struct ash_slab_round {
    void *object;
#if ASH_CHECK >= 1
    uint32_t *state; /**< what is kept of it out of line */
#endif
};

/** A CPU's free objects. */
struct ash_slab_magazine {
    uint32_t count;
    struct ash_slab_round round[ASH_SLAB_ROUNDS];
} __attribute__((aligned(64)));

/** One object cache. Its members are the module's. */
struct ash_slab {
    struct ash_slab_magazine magazine[ASH_CPUS];
    struct ash_spinlock lock;
    size_t inverse; /**< of the odd part of the stride, modulo the word */
    unsigned shift; /**< log2 of the stride's power of two */
    uint32_t count; /**< objects of a slab */
    size_t stride;  /**< bytes from object to object */
    unsigned order; /**< of a slab's frames */
    uint64_t span;  /**< pages that slabs ever lay in: the first, and (upper half) how many */
    struct slab *partial, *empty; /**< slabs of which some objects are taken, or none */
    struct slab *spare;           /**< descriptors without a slab */
    uint32_t slabs;               /**< that there are */
    uint32_t taken;               /**< objects that are out, or in magazines */
    uint32_t most;                /**< that were ever taken at once */
    uint32_t failures;            /**< requests that found no memory */
    uint32_t rows;                /**< of descriptors */
    uint32_t next_slot;           /**< in the last of them */
    size_t slot_size;             /**< bytes of a descriptor */
    uint32_t slots;               /**< in a row of one page */
    uint8_t *row[ASH_SLAB_ROWS];
    ash_frame_t row_frame[ASH_SLAB_ROWS];
    struct ash_slab_config config;
    struct ash_slab *next, **link; /**< in the list of caches: the next, what points here */
};

/**
 * Makes an object cache, with no memory yet.
 * Errors: ASH_EINVAL (size 0, align, owner), ASH_ERANGE (too large for a block of frames of the
 * largest order). Context: not in interrupts.
 */
int ash_slab_create(struct ash_slab *slab, const struct ash_slab_config *config);

/**
 * Gives all memory of a cache back. Nobody else may use it any more.
 * Errors: ASH_EBUSY (objects are still out). Context: not in interrupts. Cost: linear in the slabs.
 */
int ash_slab_destroy(struct ash_slab *slab);

/** An object as its last user, or the constructor, left it; NULL if there is no memory. O(1): at
 *  most half a magazine is filled, or frames are taken. */
void *ash_slab_alloc(struct ash_slab *slab);

/** Gives an object back. NULL is ignored. O(1): at most half a magazine is emptied. */
void ash_slab_free(struct ash_slab *slab, void *object);

/**
 * Gives the slabs back to frames of which no object is in use; those in this CPU's magazine are
 * not, those in other CPUs' magazines are: nobody else may touch these. So at most ASH_SLAB_ROUNDS
 * slabs stay for each other CPU; where they matter, it is called on that CPU (cpu.h). Descriptors
 * stay, too. Returns how many frames that were.
 * Cost: linear in these slabs; the lock is let go after each.
 */
uint32_t ash_slab_shrink(struct ash_slab *slab);
/** The same of every cache, those that are created or end meanwhile excepted. Context: any, also
 *  where frames run low (ash_frames_watch); no lock that stands behind the caches' is held. */
uint32_t ash_slabs_shrink(void);

struct ash_slab_stats {
    const char *name;
    size_t size;         /**< bytes of an object, as it was asked for */
    size_t stride;       /**< with padding and red zone */
    unsigned order;      /**< of a slab */
    uint32_t per_slab;   /**< objects */
    uint32_t slabs;      /**< that there are */
    uint32_t used;       /**< objects that are out */
    uint32_t cached;     /**< objects in magazines */
    uint32_t high_water; /**< most that were ever out or in magazines at once */
    uint32_t failures;   /**< requests that found no memory */
    unsigned owner;
};

/** Figures; exact if nobody uses the cache meanwhile. */
void ash_slab_stats(struct ash_slab *slab, struct ash_slab_stats *stats);

/** Shows each object that is out (ASH_CHECK >= 1; else none), and returns how many. Nobody else may
 *  use the cache meanwhile: leak reports. */
uint32_t ash_slab_out(struct ash_slab *slab, void (*visit)(void *object, void *arg), void *arg);

/** Checks everything known of the cache against itself. 0, or ASH_ECORRUPT after ash_fault_hook was
 *  told what. Nobody else may use it meanwhile. Cost: linear in the objects: tests. */
int ash_slab_verify(struct ash_slab *slab);

/** Prints a line for each cache, in the format of Linux's /proc/slabinfo (all slabs count as
 * active, magazines are the tunables). Not in interrupts, no lock held. */
void ash_slabs_report(ash_print_fn print);

/** Describes the caches (usage.h). Not in interrupts, no lock held. */
void ash_slabs_usage(ash_usage_visit visit, void *arg);

#endif
