/* SPDX-License-Identifier: MIT */
/*
 * The named regions: registered once, found by name and number.
 */
#include "alloc/pmem_region.h"
#include "port/outside.h"
#include "port/spinlock.h"

static struct ash_pmem regions[ASH_PMEM_REGIONS];
static uint32_t region_count; /* published with release order: the regions below it are complete */

void ash_pmem_init(struct ash_mmu *map, struct ash_spinlock *map_lock)
{
    if (!outside_interrupts(__func__)) {
        return;
    }
    pmem_view_init(map, map_lock);
    port_store_release(&region_count, 0);
}

struct ash_pmem *ash_pmem_region(unsigned n)
{
    return n < port_load_acquire(&region_count) ? &regions[n] : NULL;
}

const char *ash_pmem_name(const struct ash_pmem *region)
{
    return region->name;
}

static bool pmem_same_name(const char *a, const char *b)
{
    unsigned i = 0;

    while (a[i] == b[i] && a[i] != '\0') {
        i++;
    }
    return a[i] == b[i];
}

struct ash_pmem *ash_pmem_find(const char *name)
{
    struct ash_pmem *region;

    for (unsigned n = 0; (region = ash_pmem_region(n)) != NULL; n++) {
        if (pmem_same_name(region->name, name)) {
            return region;
        }
    }
    return NULL;
}

/* Copies a name that is neither empty nor too long. */
static bool pmem_copy_name(char to[ASH_PMEM_NAME], const char *name)
{
    unsigned i = 0;

    while (i < ASH_PMEM_NAME && name[i] != '\0') {
        to[i] = name[i];
        i++;
    }
    if (i == 0 || i == ASH_PMEM_NAME) {
        return false;
    }
    to[i] = '\0';
    return true;
}

static bool pmem_overlaps(struct ash_range range)
{
    const struct ash_pmem *other;

    for (unsigned n = 0; (other = ash_pmem_region(n)) != NULL; n++) {
        if (range.base.value < other->range.base.value + other->range.size &&
            other->range.base.value < range.base.value + range.size) {
            return true;
        }
    }
    return false;
}

/* Some of it is the frame allocator's: free, or somebody's. What has been allocated for pmem is
 * not, nor what was reserved before that allocator started. */
static bool pmem_belongs_to_others(struct ash_range range)
{
    uint64_t end = range.base.value + range.size;
    ash_frame_t frame = ash_pa_frame(range.base);

    while (ash_frame_pa(frame).value < end) {
        struct ash_frame_info info;

        ash_frames_query(frame, &info);
        if (info.state == ASH_FRAME_FREE ||
            (info.state == ASH_FRAME_USED && info.owner != ASH_OWNER_PMEM)) {
            return true;
        }
        frame.number++;
    }
    return false;
}

static int pmem_take_frames(size_t bytes, ash_frame_t *frame)
{
    return ash_frames_alloc(ash_frames_order(bytes), ASH_FRAMES_OWNER(ASH_OWNER_PMEM), frame);
}

/* Bookkeeping for a region, for good: all of it or none. */
static int pmem_take_bookkeeping(struct ash_range range, ash_frame_t *tags, ash_frame_t *nodes)
{
    uint32_t quanta = pmem_quantum(range.size), first;
    size_t bytes = quanta * sizeof(struct pmem_tag);
    unsigned levels = pmem_runs_levels(range.base.value / ASH_PMEM_QUANTUM, quanta, &first);
    int error = pmem_take_frames(bytes, tags);

    if (error == 0) {
        error = pmem_take_frames(pmem_tree_bytes(levels), nodes);
        if (error != 0) {
            ash_frames_free(*tags, ash_frames_order(bytes));
        }
    }
    return error;
}

int ash_pmem_add(const char *name, struct ash_range range)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    uint32_t n = port_load_acquire(&region_count);
    struct ash_pmem *region = &regions[n];
    ash_frame_t tags, nodes;
    char copy[ASH_PMEM_NAME];
    uint64_t end;
    int error;

    if (name == NULL || !pmem_copy_name(copy, name) || range.size == 0) {
        return ASH_EINVAL;
    }
    if (!ash_is_aligned(range.base.value | range.size, ASH_PMEM_QUANTUM)) {
        return ASH_EALIGN;
    }
    if (!ash_range_end(range.base.value, range.size, &end) ||
        range.size / ASH_PMEM_QUANTUM >
            (ASH_PAGE_SIZE << ASH_MAX_ORDER) / sizeof(struct pmem_tag)) {
        return ASH_ERANGE;
    }
    if (ash_pmem_find(name) != NULL || pmem_overlaps(range)) {
        return ASH_EEXIST;
    }
    if (n == ASH_PMEM_REGIONS) {
        return ASH_ENOMEM;
    }
    if (!pmem_view_is_plain(range.base, range.size)) {
        return ASH_EFAULT;
    }
    if (pmem_belongs_to_others(range)) {
        return ASH_EEXIST;
    }
    error = pmem_take_bookkeeping(range, &tags, &nodes);
    if (error != 0) {
        return error;
    }
    spinlock_retire(&region->lock);
    port_zero(region, sizeof(*region));
    spinlock_init(&region->lock, ASH_LOCK_PMEM, region->name);
    pmem_runs_init(&region->runs, range.base.value / ASH_PMEM_QUANTUM, pmem_quantum(range.size),
                   port_ptr(ash_frame_pa(tags)), port_ptr(ash_frame_pa(nodes)));
    region->range = range;
    port_copy(region->name, copy, sizeof(copy));
    port_store_release(&region_count, n + 1);
    return 0;
}
