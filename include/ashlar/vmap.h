/* SPDX-License-Identifier: MIT */
/*
 * Virtually contiguous mappings in the board's vmap range: scattered frames as one range, memory of
 * its own, guarded stacks, and temporary windows for frames that are not directly mapped (HIGH).
 *
 * An unmapped guard page lies before and behind every mapping, and between any two windows. What is
 * mapped here is Normal memory, never executable: frames may be mapped by the identity map as well,
 * so another type would be a mismatched alias, and execution an alias of writable memory.
 *
 * Of all functions, unless said otherwise: not in interrupts; any CPU once ash_vmap_init has
 * returned. The tree of areas is searched and changed under vmap's own lock, in O(log areas) and
 * independent of sizes; pages are mapped and unmapped without it, at most 512 entries in one hold
 * of the map's lock. On an error nothing has changed. When a function that unmaps returns, no TLB
 * holds the old translations (DSB ISH and ISB are done).
 *
 * Misuse (unmapped twice, an address that is no mapping's first, a mapping that another function
 * made) goes to ash_fault_hook and changes nothing.
 */
#ifndef ASHLAR_VMAP_H
#define ASHLAR_VMAP_H

#include "config.h"
#include "errors.h"
#include "lock.h"
#include "mmu.h"
#include "print.h"
#include "types.h"

/**
 * From here on `range` of `map`, whose lock is `lock`, is vmap's: nobody else maps anything there.
 * It is an open zone of the map, or the map is not frozen. `windows`: there are frames that need
 * windows; one of the map's remap zones, with its tables, is then taken for them, so that opening a
 * window never needs memory. Run once, by one CPU, when frames can be allocated; a second call
 * starts again. A range of size 0: every allocation here fails.
 * Errors: ASH_EALIGN (range), ASH_ENOMEM (less than 4 pages, no room for the windows, no frame, no
 * zone left), or what take returned.
 */
int ash_vmap_init(struct ash_mmu *map, struct ash_spinlock *lock, struct ash_range range,
                  bool windows);

/**
 * Maps `count` frames one behind the other, readable, and writable if `attr` is ASH_MMU_WRITE (or
 * 0). *out is the first byte. The frames stay the caller's, who must not give them back, nor change
 * their memory type, before ash_vunmap. A frame may occur more than once.
 * Errors: ASH_EINVAL (count 0, a frame that is not RAM or that is free), ASH_EPERM (any other attr,
 * a frame that is mapped uncached at present), ASH_ENOMEM (no addresses, nodes or tables),
 * ASH_ENOSYS (no vmap range). Cost: O(log areas) + linear in count.
 */
int ash_vmap(const ash_frame_t *frames, size_t count, ash_mmu_attr_t attr, void **out);

/** Unmaps what ash_vmap or ash_vmap_device returned. Cost: O(log areas) + linear in the pages. */
void ash_vunmap(void *address);

/**
 * `bytes` of zeroed, writable memory (rounded up to pages) in frames of its own, of any zone, HIGH
 * first. NULL: size 0, no memory, no addresses. Cost: O(log areas) + linear in the pages.
 */
void *ash_vmap_alloc(size_t bytes);

/** Unmaps it and gives its frames back. NULL is ignored. */
void ash_vmap_free(void *address);

/**
 * Maps [pa, pa + size), whole pages, as Device-nGnRE memory, writable. What lies in a device
 * mapping that is here already gets that address, and one more use, which ash_vunmap drops. Device
 * drivers call ash_map_device(), which comes here only for what the identity map cannot reach.
 * Errors: ASH_EINVAL (size 0), ASH_EALIGN, ASH_ERANGE (wraps, beyond the processor), ASH_ENOMEM,
 * ASH_ENOSYS (no vmap range). Cost: linear in the device mappings, and in the entries (2 MiB blocks
 * where the size allows).
 */
int ash_vmap_device(ash_pa_t pa, uint64_t size, ash_va_t *va);

/** True for an address in the vmap range: it is not its own physical address. Any context, O(1). */
bool ash_vmap_contains(const void *address);

/** Windows that one CPU may have open at a time. */
#define ASH_WINDOWS 4

/**
 * Makes one frame of RAM readable and writable at the address returned: the frame's own if it is
 * directly mapped, otherwise a slot of this CPU. NULL: ASH_WINDOWS are open on this CPU, the frame
 * is not RAM, or there are no windows (ash_vmap_init).
 *
 * From open to close the caller stays on its CPU, waits for nothing and is not preempted by anybody
 * who opens windows and closes them later. Interrupt handlers may open windows if they close them.
 * Windows are closed in reverse order. No memory is needed, so it works on the way to free some.
 * Any context, interrupts included, but not under the lock of the map. Interrupts are masked
 * meanwhile. Cost: one page mapped, no TLB invalidation (no TLB holds an entry that faults).
 */
void *ash_window_open(ash_frame_t frame);

/**
 * Closes the window that was opened last on this CPU. The frame may be given back at once: all CPUs
 * have forgotten the translation (another one's table walker may have seen it). Context as
 * ash_window_open.
 * Cost: one page unmapped, one TLB invalidation with its barriers, if it was not the frame's own
 * address.
 */
void ash_window_close(void *window);

/** Zeroes a frame of any zone, through a window if need be. 0, or ASH_EBUSY if no window can be
 *  opened. Context as ash_window_open. */
int ash_window_zero(ash_frame_t frame);

/**
 * A stack of `bytes`, rounded up to pages, zeroed, with an unmapped guard page below: returns its
 * lowest address; its top is that plus the rounded size. NULL as ash_vmap_alloc, or `name` is NULL.
 * `name` is kept: a report of an access to the guard page names the stack that ran over.
 * A function whose frame is larger than a page may step over the guard: -fstack-clash-protection.
 */
void *ash_stack_create(const char *name, size_t bytes);

/** Gives a stack back that nobody runs on. NULL is ignored. */
void ash_stack_destroy(void *stack);

struct ash_vmap_stats {
    struct ash_range range;
    uint64_t free;    /**< bytes of addresses */
    uint64_t largest; /**< the largest free area, its guard page included */
    uint32_t areas;   /**< in use */
    uint32_t nodes;   /**< frames that keep the bookkeeping */
};

/** Figures at one moment. O(log areas). */
void ash_vmap_stats(struct ash_vmap_stats *stats);

/** Prints every area. Not in interrupts, no lock held. */
void ash_vmap_report(ash_print_fn print);

/**
 * Checks areas against each other and against the map: what is in use is mapped, its guard is not,
 * and nothing is mapped in free areas. 0, or ASH_ECORRUPT after ash_fault_hook was told.
 * Context: tests and debugging, nobody else uses vmap. Cost: linear in everything, locks held.
 */
int ash_vmap_verify(void);

#endif
