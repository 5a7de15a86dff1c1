/* SPDX-License-Identifier: MIT */
/*
 * ASIDs: which number a space has, and when numbers are given out anew (arm-rules 16).
 *
 * Numbers are given out in ascending order, each once in a generation. When none is left, a new
 * generation starts with one invalidation of everything, and only the spaces that some CPU has
 * installed, or is about to, keep their number. All others get a new one when they are next
 * switched to. Nothing is given back: a number that is not used any more returns with the next
 * generation.
 *
 * A *holder* is the word in which a space keeps its *context*: the ASID in bits [63:48], the
 * generation in [47:0]; 0 before its first. It is changed under the lock of the state only.
 *
 * The caller masks interrupts throughout and holds the state's lock where it says so. To switch
 * without the lock, a CPU announces the holder first (`coming`) and looks then whether its gate is
 * still open; a new generation closes all gates first and looks then who is announced. One of the
 * two sees the other, whatever the order (each has a DMB in between).
 *
 * Knows ASIDs only: it installs nothing, and has no lock.
 */
#ifndef ASHLAR_MMU_ASID_H
#define ASHLAR_MMU_ASID_H

#include "port/port.h"

#define ASID_SHIFT 48u /* in a context, as in a TTBR */
#define ASID_CLOSED                                                                                \
    UINT64_MAX        /* a gate that lets nobody through: no generation has this number            \
                       */
#define ASID_FIRST 1u /* 0 is current while no space is installed */

/** The address of a holder, or 0: one access of its width is single-copy atomic. */
#if UINTPTR_MAX > UINT32_MAX
typedef uint64_t asid_holder_t;
#else
typedef uint32_t asid_holder_t;
#endif

/** What a CPU says of itself; a cache line of its own. */
struct asid_cpu {
    uint64_t gate;        /**< contexts of this generation may be installed without the lock */
    asid_holder_t now;    /**< installed */
    asid_holder_t coming; /**< announced: installed, or about to be */
} __attribute__((aligned(64)));

/** A number that its holder keeps through this generation. */
struct asid_kept {
    const uint64_t *holder; /**< compared only: once it has ended, the next one in its place may
                             * have the number */
    unsigned asid;
};

struct asid_state {
    struct asid_cpu cpu[ASH_CPUS];
    uint64_t generation; /**< the present one */
    unsigned last;       /**< given out in this generation */
    unsigned most;       /**< highest number */
    unsigned kept_count;
    struct asid_kept kept[2 * ASH_CPUS];
    uint32_t rolls; /**< generations that have ended */
};

static inline unsigned asid_of(uint64_t context)
{
    return (unsigned)(context >> ASID_SHIFT);
}

static inline bool asid_same_generation(uint64_t one, uint64_t other)
{
    uint64_t difference = one ^ other; /* of bits [47:0]; in words, which AArch32 compares faster */

    return ((uint32_t)difference | (uint32_t)(difference >> 32) << (64 - ASID_SHIFT)) == 0;
}

static inline void asid_holder_store(asid_holder_t *place, const uint64_t *holder)
{
#if ASH_CPUS == 1
    *(volatile asid_holder_t *)place = (uintptr_t)holder;
#elif UINTPTR_MAX > UINT32_MAX
    port_entry_store(place, (uintptr_t)holder);
#else
    port_store_release(place, (uintptr_t)holder);
#endif
}

static inline const uint64_t *asid_holder_load(const asid_holder_t *place)
{
#if UINTPTR_MAX > UINT32_MAX
    const uint64_t *holder = (const uint64_t *)port_entry_load(place);

    port_dmb_ish();
    return holder;
#else
    return (const uint64_t *)port_load_acquire(place);
#endif
}

static inline struct asid_cpu *asid_this_cpu(struct asid_state *state)
{
    return &state->cpu[ASH_CPUS > 1 ? port_cpu() : 0];
}

/** `bits` of the processor's ASIDs, 4 to 16; no CPU has installed anything. */
void asid_start(struct asid_state *state, unsigned bits);

/**
 * Without the lock: announces the holder. True: its ASID, returned in *asid, may be installed in
 * place of another one; false: the lock is needed.
 */
static inline bool asid_announce(struct asid_cpu *cpu, const uint64_t *holder, unsigned *asid)
{
    uint64_t context = port_entry_load(holder);

#if ASH_CPUS > 1
    asid_holder_store(&cpu->coming, holder);
    port_dmb_ish(); /* the load of the context before that of the gate, too */
#endif
    *asid = asid_of(context);
    return asid_same_generation(context, port_entry_load(&cpu->gate));
}

/** The announced context is installed: after the ISB. */
static inline void asid_installed(struct asid_cpu *cpu, const uint64_t *holder)
{
    asid_holder_store(&cpu->now, holder);
}

/** No space is installed on this CPU any more: after the ISB. */
static inline void asid_left(struct asid_cpu *cpu)
{
    port_entry_store(&cpu->gate, ASID_CLOSED);
    asid_holder_store(&cpu->coming, NULL);
    asid_holder_store(&cpu->now, NULL);
}

/**
 * With the lock: makes the holder's context valid in this generation and returns its ASID; opens
 * this CPU's gate. The caller installs it before it lets the lock go. Barriers: if a generation
 * ends, everything is invalidated and complete.
 */
unsigned asid_renew(struct asid_state *state, uint64_t *holder);

/** With the lock: whether a CPU has the holder's context installed, or is about to. */
bool asid_is_live(const struct asid_state *state, const uint64_t *holder);

#endif
