/* SPDX-License-Identifier: MIT */
/*
 * The spinlock type that public structs embed, the order of all locks, and their report. The
 * library's own operations are in port/spinlock.h. Products wait and wake by the execution model
 * (exec.h); what implements that needs a lock itself, and takes it here.
 */
#ifndef ASHLAR_LOCK_H
#define ASHLAR_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "print.h"

/** Ranks, and what the report calls them: a CPU that holds a lock takes only locks of ranks further
 *  down (docs/locking.md). X(rank, words) */
#define ASH_LOCK_RANKS(X)                                                                          \
    X(ASH_LOCK_INTERRUPTS, "interrupts")                                                           \
    X(ASH_LOCK_BLOCK, "block device")                                                              \
    X(ASH_LOCK_MAP, "map")                                                                         \
    X(ASH_LOCK_SHARES, "list of shares")                                                           \
    X(ASH_LOCK_SPACE, "space")                                                                     \
    X(ASH_LOCK_SPACES, "list of spaces")                                                           \
    X(ASH_LOCK_VMAP, "vmap")                                                                       \
    X(ASH_LOCK_PMEM, "pmem region")                                                                \
    X(ASH_LOCK_DMA_LIST, "list of dma memory")                                                     \
    X(ASH_LOCK_DMA, "dma")                                                                         \
    X(ASH_LOCK_POOLS, "list of pools")                                                             \
    X(ASH_LOCK_SLABS, "list of object caches")                                                     \
    X(ASH_LOCK_SLAB, "object cache")                                                               \
    X(ASH_LOCK_HEAPS, "list of heaps")                                                             \
    X(ASH_LOCK_HEAP, "heap")                                                                       \
    X(ASH_LOCK_FRAMES_CACHE, "cached frames")                                                      \
    X(ASH_LOCK_FRAMES, "frames")                                                                   \
    X(ASH_LOCK_EXEC, "execution")                                                                  \
    X(ASH_LOCK_LOCKS, "list of locks")

#define ASH_LOCK_RANK(rank, words) rank,
enum ash_lock_rank { ASH_LOCK_NONE, ASH_LOCK_RANKS(ASH_LOCK_RANK) ASH_LOCK_RANK_END };
#undef ASH_LOCK_RANK

/** Whether locks of this build have names and counters: not where one CPU only masks interrupts. */
#define ASH_LOCKS_NAMED (ASH_CHECK >= 2 || (ASH_CHECK >= 1 && ASH_CPUS > 1))

/** A fair (ticket) spinlock. With ASH_CPUS=1 it only masks interrupts. Made by ASH_SPINLOCK. */
struct ash_spinlock {
#if ASH_CPUS > 1 || ASH_LOCKS_NAMED
    uint32_t next;    /**< the ticket that the next to come draws: how often it was taken */
    uint32_t serving; /**< the ticket that holds the lock */
#else
    char unused;
#endif
#if ASH_LOCKS_NAMED
    uint32_t rank;   /**< enum ash_lock_rank */
    uint32_t waited; /**< how often who took it had to wait */
    const char *name;
    uint32_t listed;                        /**< it is, or was, in the list of locks */
    struct ash_spinlock *following, **link; /**< in that list: the next, and what points here */
#endif
};

/** What a lock starts as. (The first ticket is 0, and nobody is served before the lock is listed:
 *  the way of those who wait lists it, and the others pay nothing.) */
#if ASH_LOCKS_NAMED
#define ASH_SPINLOCK(lock_rank, lock_name)                                                         \
    {                                                                                              \
        .serving = UINT32_MAX, .rank = (lock_rank), .name = (lock_name)                            \
    }
#else
#define ASH_SPINLOCK(lock_rank, lock_name)                                                         \
    {                                                                                              \
        0                                                                                          \
    }
#endif

/**
 * Masks interrupts and takes the lock; returns what ash_lock_release() wants. A product's lock has
 * the rank ASH_LOCK_EXEC: under it nothing of the library is called that takes a lock.
 * Cost: waits for at most ASH_CPUS - 1 others, each for as long as it holds the lock once.
 * Context: any. Barriers: acquire; release.
 */
unsigned long ash_lock_acquire(struct ash_spinlock *lock);
void ash_lock_release(struct ash_spinlock *lock, unsigned long saved);

/** Prints a line for each lock that was ever taken, in the order of the ranks: how often it was
 *  taken, and how often that had to wait (both modulo 2^32; ASH_CHECK >= 1). Not in
 *  interrupts, no lock held. */
void ash_locks_report(ash_print_fn print);

#endif
