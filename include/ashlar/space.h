/* SPDX-License-Identifier: MIT */
/*
 * Spaces: translations of their own in the upper part of the address space (TTBR1), one at a time
 * on each CPU, while the firmware's map stays where it is.
 *
 * A board says how many bits of addresses spaces have (ash_board.space_bits). Firmware that uses no
 * function of this header links none of it and has no spaces; on AArch32 its identity map then
 * reaches 4 GiB. With spaces of b bits it ends 2^b bytes below that, and RAM above is HIGH.
 *
 * Entries of a space are never global: they live under its ASID. ASIDs come and go by themselves
 * (mmu/asid.h): one is given out when a space is first switched to, and when numbers run out all
 * but those in use on some CPU are given out anew, after one invalidation of everything.
 *
 * Of all functions, unless said otherwise. Context: not in interrupts; any CPU, several at once;
 * interrupts are masked meanwhile. Whoever destroys a space sees to it that nobody uses it any
 * more: not as an argument, and not by switching to it.
 */
#ifndef ASHLAR_SPACE_H
#define ASHLAR_SPACE_H

#include "errors.h"
#include "lock.h"
#include "mmu.h"
#include "print.h"
#include "types.h"

#define ASH_SPACE_NAME 16 /* characters that are kept, with the end */

/** A space. Its fields are the module's own; ash_space_create() sets them all. */
struct ash_space {
    uint64_t context; /* generation and ASID; first, since CPUs are known to have it by its place */
    struct ash_mmu map;
    struct ash_spinlock lock; /* the map's, and a change of the ASID */
    char name[ASH_SPACE_NAME];
    struct ash_space *next, **link; /* in the list of spaces */
};

/**
 * Makes an empty space. Its tables are frames of the owner ASH_OWNER_SPACE; `name` is copied, as
 * far as there is room. Errors: ASH_ENODEV (this board or firmware has no spaces), ASH_ENOMEM.
 * Cost: one frame allocation. Barriers: DSB ISHST, so that walks find it empty.
 */
int ash_space_create(struct ash_space *space, const char *name);

/**
 * Ends a space; its tables are given back, what it maps is the caller's business.
 * Errors: ASH_EBUSY (it is current on a CPU, this one or another: switch there first).
 * Cost: linear in the number of tables. Barriers: the ASID is invalidated on all CPUs first.
 */
int ash_space_destroy(struct ash_space *space);

/**
 * This CPU goes over to a space. Context: any.
 * Root and ASID change in one register write, then ISB. Switching back and forth takes no lock; the
 * first switch in a generation of ASIDs, and the one after none, take the space's lock and that of
 * all spaces, and each 250th (ASIDs of 8 bits) or 65,000th new space on average invalidates
 * everything.
 */
void ash_space_switch(struct ash_space *space);

/** This CPU has no space any more: these addresses fault. Context: any. Barriers: ISB. */
void ash_space_leave(void);

/** The space that is current on this CPU, or NULL. Context: any. O(1). */
struct ash_space *ash_space_current(void);

/** The addresses of a space: its lowest one, and their number; 0 if there are no spaces. Any
 *  context. */
ash_va_t ash_space_base(void);
uint64_t ash_space_size(void);

/** As ash_mmu_map(), ash_mmu_unmap(), ash_mmu_protect(), ash_mmu_query() and ash_mmu_walk() do for
 * the space's map: arguments, errors, barriers. Current or not, on whichever CPUs. Cost: linear in
 * the entries, with the space's lock held; long ranges are better done in parts. */
int ash_space_map(struct ash_space *space, ash_va_t va, ash_pa_t pa, uint64_t size,
                  ash_mmu_attr_t attr);
int ash_space_unmap(struct ash_space *space, ash_va_t va, uint64_t size);
int ash_space_protect(struct ash_space *space, ash_va_t va, uint64_t size, ash_mmu_attr_t attr);
int ash_space_query(struct ash_space *space, ash_va_t va, struct ash_mmu_mapping *mapping);
int ash_space_walk(struct ash_space *space, ash_va_t va, uint64_t size, ash_mmu_visitor visitor,
                   void *arg);

/**
 * After an access to the space has faulted: waits until no change is under way, and says whether it
 * passes now. 0: it does, so it is to be tried again: the page was a hole in a break-before-make by
 * another CPU. access: ASH_MMU_WRITE, EXEC and USER as they apply.
 * Errors: ASH_ENOENT (nothing is mapped there), ASH_EPERM (not for that access), ASH_ERANGE.
 */
int ash_space_retry(struct ash_space *space, ash_va_t va, ash_mmu_attr_t access);

struct ash_spaces_stats {
    unsigned bits;        /**< of addresses; 0: no spaces */
    unsigned asid_bits;   /**< of this processor's ASIDs */
    uint32_t count;       /**< spaces that there are now */
    uint32_t generations; /**< of ASIDs that have ended: so often everything was invalidated */
    uint32_t renewals;    /**< switches that took the lock */
};

/** Figures. Any context, O(1). */
void ash_spaces_stats(struct ash_spaces_stats *stats);

/** Prints figures, what each CPU has, and the spaces made last. Not in interrupts, no lock held. */
void ash_spaces_report(ash_print_fn print);

/** What boot tells, once, before any other function here. */
struct ash_spaces_config {
    const struct ash_mmu_format *format; /**< as struct ash_mmu_config has it */
    ash_va_t base;                       /**< lowest address: the top 2^bits */
    unsigned bits;                       /**< 0: no spaces */
    bool incoherent;                     /**< as struct ash_mmu_config has it */
};

/** Called by the boot code of a firmware that has spaces, on one CPU, MMU on. */
void ash_spaces_init(const struct ash_spaces_config *config);

#endif
