/* SPDX-License-Identifier: MIT */
/*
 * The named regions, and the blocks given out of them: take, give back, reference.
 *
 * Each region has a lock for its bookkeeping. The contents and the view of a block are changed
 * without it, while the block's run is in state CHANGING and so belongs to nobody else: the lock is
 * never held over anything whose length depends on the size of a block, nor together with another.
 */
#include "alloc/pmem_place.h"
#include "alloc/pmem_region.h"
#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "port/spinlock.h"

static struct ash_pmem regions[ASH_PMEM_REGIONS];
static uint32_t region_count; /* published with release order: the regions below it are complete */

void ash_pmem_init(struct ash_mmu *map, struct ash_spinlock *map_lock)
{
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

/* Tags for a region of that many quanta; they stay for good. */
static int pmem_take_tags(uint32_t quanta, struct pmem_tag **tags)
{
    unsigned order = ash_frames_order(quanta * sizeof(struct pmem_tag));
    ash_frame_t frame;
    int error = ash_frames_alloc(order, ASH_FRAMES_OWNER(ASH_OWNER_PMEM), &frame);

    if (error == 0) {
        *tags = port_ptr(ash_frame_pa(frame));
    }
    return error;
}

int ash_pmem_add(const char *name, struct ash_range range)
{
    uint32_t n = port_load_acquire(&region_count);
    struct ash_pmem *region = &regions[n];
    struct pmem_tag *tags;
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
    error = pmem_take_tags(pmem_quantum(range.size), &tags);
    if (error != 0) {
        return error;
    }
    spinlock_retire(&region->lock);
    port_zero(region, sizeof(*region));
    spinlock_init(&region->lock, ASH_LOCK_PMEM, region->name);
    pmem_runs_init(&region->runs, tags, pmem_quantum(range.size));
    region->range = range;
    port_copy(region->name, copy, sizeof(copy));
    port_store_release(&region_count, n + 1);
    return 0;
}

struct ash_pmem_block pmem_block(struct ash_pmem *region, uint32_t run)
{
    const struct pmem_tag *tag = &region->runs.tags[run];
    ash_pa_t pa = pmem_quantum_pa(region, run);

    return (struct ash_pmem_block){
        .region = region,
        .ptr = port_ptr(pa),
        .pa = pa,
        .size = pmem_bytes(tag->quanta),
        .flags = tag->flags,
    };
}

/* The lowest place for a block, cut out of its free run. Lock held. */
static int pmem_take(struct ash_pmem *region, const struct pmem_limits *limits, uint32_t *at)
{
    struct pmem_runs *runs = &region->runs;

    for (uint32_t run = 0; run < runs->quanta; run += runs->tags[run].quanta) {
        uint64_t begin = pmem_quantum_pa(region, run).value;
        uint64_t place;

        if (runs->tags[run].state == PMEM_FREE &&
            pmem_place(limits, begin, begin + pmem_bytes(runs->tags[run].quanta), &place)) {
            *at = pmem_quantum(place - region->range.base.value);
            pmem_runs_take(runs, run, *at, pmem_quantum(limits->size));
            return 0;
        }
    }
    region->failures++;
    return ASH_ENOMEM;
}

/* Once the lock is let go after an operation. */
static void pmem_self_check(struct ash_pmem *region)
{
    if (ASH_CHECK >= 2 && ash_pmem_verify(region) != 0) {
        const struct ash_fault fault = {
            .kind = ASH_FAULT_CORRUPT,
            .module = "pmem",
            .what = "runs of a region contradict each other",
            .address = region->range.base.value,
        };

        ash_fault_hook(&fault);
    }
}

/* Makes the run at `at`, which is CHANGING, a block of its new owner; or gives it back. */
static int pmem_hand_out(struct ash_pmem *region, uint32_t at, uint32_t flags,
                         struct ash_pmem_block *block)
{
    struct pmem_runs *runs = &region->runs;
    int error =
        pmem_view_open(pmem_quantum_pa(region, at), pmem_bytes(runs->tags[at].quanta), flags);
    unsigned long saved = spinlock_acquire(&region->lock);

    if (error != 0) {
        pmem_runs_give(runs, at);
    } else {
        runs->tags[at].state = PMEM_USED;
        runs->tags[at].flags = (uint8_t)(flags & ASH_PMEM_UNCACHED);
        region->blocks++;
        if (runs->quanta - runs->free > region->high_water) {
            region->high_water = runs->quanta - runs->free;
        }
        *block = pmem_block(region, at);
    }
    spinlock_release(&region->lock, saved);
    pmem_self_check(region);
    return error;
}

/* Fills in what the request leaves open, and checks the rest. */
static int pmem_limits_of(const struct ash_pmem_request *request, struct pmem_limits *limits)
{
    uint64_t align = request->align != 0 ? request->align : ASH_PMEM_QUANTUM;
    uint64_t last = request->max != 0 ? request->max : UINT64_MAX - 1;

    if (request->size == 0 || (request->flags & ~(ASH_PMEM_UNCACHED | ASH_PMEM_UNINIT)) != 0 ||
        (request->boundary != 0 && !ash_is_power_of_two(request->boundary))) {
        return ASH_EINVAL;
    }
    if (!ash_is_power_of_two(align) || align < ASH_PMEM_QUANTUM) {
        return ASH_EALIGN;
    }
    if (!ash_align_up(request->size, ASH_PMEM_QUANTUM, &limits->size)) {
        return ASH_ENOMEM;
    }
    if (last == UINT64_MAX) {
        last--; /* the byte at 2^64 - 1 is no RAM; ends stay exclusive */
    }
    if ((request->boundary != 0 && limits->size > request->boundary) || request->min > last ||
        limits->size > last + 1 - request->min) {
        return ASH_ERANGE;
    }
    limits->align = align;
    limits->boundary = request->boundary;
    limits->begin = request->min;
    limits->end = last + 1;
    return 0;
}

int ash_pmem_alloc_request(struct ash_pmem *region, const struct ash_pmem_request *request,
                           struct ash_pmem_block *block)
{
    struct pmem_limits limits;
    unsigned long saved;
    uint32_t at = 0;
    int error = pmem_limits_of(request, &limits);

    if (error != 0) {
        return error;
    }
    saved = spinlock_acquire(&region->lock);
    error = pmem_take(region, &limits, &at);
    spinlock_release(&region->lock, saved);
    return error != 0 ? error : pmem_hand_out(region, at, request->flags, block);
}

int ash_pmem_alloc(struct ash_pmem *region, uint64_t size, uint64_t align, uint32_t flags,
                   struct ash_pmem_block *block)
{
    const struct ash_pmem_request request = {.size = size, .align = align, .flags = flags};

    return ash_pmem_alloc_request(region, &request, block);
}

int ash_pmem_alloc_at(struct ash_pmem *region, uint64_t offset, uint64_t size, uint32_t flags,
                      struct ash_pmem_block *block)
{
    struct pmem_runs *runs = &region->runs;
    uint32_t at = pmem_quantum(offset);
    uint32_t quanta = pmem_quantum(size);
    unsigned long saved;
    uint32_t run;
    int error = 0;

    if (size == 0 || (flags & ~(ASH_PMEM_UNCACHED | ASH_PMEM_UNINIT)) != 0) {
        return ASH_EINVAL;
    }
    if (!ash_is_aligned(offset | size, ASH_PMEM_QUANTUM)) {
        return ASH_EALIGN;
    }
    if (offset >= region->range.size || size > region->range.size - offset) {
        return ASH_ERANGE;
    }
    saved = spinlock_acquire(&region->lock);
    run = pmem_runs_holding(runs, at);
    if (runs->tags[run].state != PMEM_FREE || quanta > run + runs->tags[run].quanta - at) {
        region->failures++;
        error = ASH_EBUSY;
    } else {
        pmem_runs_take(runs, run, at, quanta);
    }
    spinlock_release(&region->lock, saved);
    return error != 0 ? error : pmem_hand_out(region, at, flags, block);
}

static bool pmem_is_region(const struct ash_pmem *region)
{
    const struct ash_pmem *known;

    for (unsigned n = 0; (known = ash_pmem_region(n)) != NULL; n++) {
        if (known == region) {
            return true;
        }
    }
    return false;
}

/* What is wrong with a handle whose region is known: NULL if it names a block in use, whose first
 * quantum is then *at. Lock held. */
static const char *pmem_judge(const struct ash_pmem_block *block, uint32_t *at,
                              enum ash_fault_kind *kind)
{
    const struct ash_pmem *region = block->region;
    const struct pmem_tag *tag;
    uint64_t offset = block->pa.value - region->range.base.value;

    *kind = ASH_FAULT_FOREIGN;
    if (offset >= region->range.size) {
        return "block outside of its region";
    }
    *at = pmem_quantum(offset);
    tag = &region->runs.tags[*at];
    *kind = ASH_FAULT_MISALIGNED;
    if (!ash_is_aligned(offset, ASH_PMEM_QUANTUM)) {
        return "address is not the start of a block";
    }
    if (tag->state == PMEM_INSIDE) {
        tag = &region->runs.tags[pmem_runs_holding(&region->runs, *at)];
        if (tag->state == PMEM_USED) {
            return "address is inside a block";
        }
    }
    *kind = ASH_FAULT_DOUBLE_FREE;
    if (tag->state != PMEM_USED) {
        return "block is not in use";
    }
    *kind = ASH_FAULT_CORRUPT;
    if (block->size != pmem_bytes(tag->quanta) || block->flags != tag->flags) {
        return "size or view is not the block's";
    }
    return NULL;
}

static int pmem_fault(enum ash_fault_kind kind, const char *what,
                      const struct ash_pmem_block *block, const void *caller)
{
    const struct ash_fault fault = {
        .kind = kind,
        .module = "pmem",
        .what = what,
        .address = block->pa.value,
        .caller = caller,
    };

    ash_fault_hook(&fault);
    return ASH_ECORRUPT;
}

enum pmem_action { PMEM_CHECK, PMEM_RETIRE, PMEM_GET, PMEM_PUT };

/*
 * Judges a handle and, in the same hold of the lock, does what depends on the verdict. Reports with
 * the lock let go. *at is the block's first quantum.
 */
static int pmem_act(const struct ash_pmem_block *block, enum pmem_action action, const void *caller,
                    uint32_t *at)
{
    struct ash_pmem *region = block->region;
    enum ash_fault_kind kind;
    const char *wrong;
    unsigned long saved;
    int error = 0;

    if (!pmem_is_region(region)) {
        return pmem_fault(ASH_FAULT_FOREIGN, "block of no region", block, caller);
    }
    saved = spinlock_acquire(&region->lock);
    wrong = pmem_judge(block, at, &kind);
    if (wrong == NULL) {
        struct pmem_tag *tag = &region->runs.tags[*at];

        if (action == PMEM_RETIRE && tag->refs != 0) {
            error = ASH_EBUSY;
        } else if (action == PMEM_RETIRE) {
            tag->state = PMEM_CHANGING; /* and no block any more, for whoever looks meanwhile */
            region->blocks--;
        } else if (action == PMEM_GET && tag->refs == UINT16_MAX) {
            error = ASH_EBUSY;
        } else if (action == PMEM_GET) {
            tag->refs++;
        } else if (action == PMEM_PUT && tag->refs == 0) {
            kind = ASH_FAULT_DOUBLE_FREE;
            wrong = "reference put back that nobody holds";
        } else if (action == PMEM_PUT) {
            tag->refs--;
        }
    }
    spinlock_release(&region->lock, saved);
    return wrong != NULL ? pmem_fault(kind, wrong, block, caller) : error;
}

int ash_pmem_free(const struct ash_pmem_block *block)
{
    struct ash_pmem *region = block->region;
    unsigned long saved;
    uint32_t at = 0;
    int error = pmem_act(block, PMEM_RETIRE, __builtin_return_address(0), &at);

    if (error != 0) {
        return error;
    }
    error = pmem_view_close(block->pa, block->size, block->flags);
    saved = spinlock_acquire(&region->lock);
    if (error != 0) {
        region->runs.tags[at].state = PMEM_USED;
        region->blocks++;
    } else {
        pmem_runs_give(&region->runs, at);
    }
    spinlock_release(&region->lock, saved);
    pmem_self_check(region);
    return error;
}

int ash_pmem_get(const struct ash_pmem_block *block)
{
    uint32_t at;

    return pmem_act(block, PMEM_GET, __builtin_return_address(0), &at);
}

int ash_pmem_put(const struct ash_pmem_block *block)
{
    uint32_t at;

    return pmem_act(block, PMEM_PUT, __builtin_return_address(0), &at);
}

int ash_pmem_flush(const struct ash_pmem_block *block, uint64_t offset, uint64_t size)
{
    uint32_t at;
    int error = pmem_act(block, PMEM_CHECK, __builtin_return_address(0), &at);

    if (error != 0) {
        return error;
    }
    if (offset > block->size || size > block->size - offset) {
        return ASH_ERANGE;
    }
    if ((block->flags & ASH_PMEM_UNCACHED) != 0 || size == 0) {
        port_dsb_sy();
    } else {
        port_cache_clean_invalidate((char *)block->ptr + offset, (size_t)size);
    }
    return 0;
}
