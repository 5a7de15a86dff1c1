/* SPDX-License-Identifier: MIT */
/*
 * Translation tables: map, unmap, protect, query, walk, dump, verify.
 *
 * `mmu` takes no lock (the caller holds the map's) and knows no allocator (tables come from the
 * injected take and give). Every operation has two phases: prepare checks everything and takes the
 * tables it needs; commit cannot fail. On an error nothing has changed.
 */
#ifndef ASHLAR_MMU_H
#define ASHLAR_MMU_H

#include "errors.h"
#include "types.h"

/** What a mapping is: one memory type and the accesses allowed. Reading is always allowed. */
typedef uint32_t ash_mmu_attr_t;

#define ASH_MMU_NORMAL    0x000u /**< write-back cacheable, inner shareable */
#define ASH_MMU_UNCACHED  0x100u /**< Normal non-cacheable (write-combining) */
#define ASH_MMU_DEVICE    0x200u /**< Device-nGnRE; never executable */
#define ASH_MMU_STRICT    0x300u /**< Device-nGnRnE; never executable */
#define ASH_MMU_TYPE_MASK 0x300u

#define ASH_MMU_WRITE 0x01u
#define ASH_MMU_EXEC  0x02u /**< by the privilege level that owns the page; not with WRITE */
#define ASH_MMU_USER  0x04u /**< for unprivileged code; then privileged code never executes it */
#define ASH_MMU_PAGES 0x10u /**< map: 4 KiB pages only, never blocks */

struct ash_mmu_format; /* constant data per descriptor format */

/** Where tables come from. take gives one zeroed 4 KiB frame. Called only while preparing (take)
 *  and after the invalidation has completed (give). */
struct ash_mmu_tables {
    int (*take)(void *context, ash_pa_t *table);
    void (*give)(void *context, ash_pa_t table);
    void *context;
};

#endif
