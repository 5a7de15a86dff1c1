/* SPDX-License-Identifier: MIT */
/*
 * Taking blocks. Where one may lie is decided under the region's lock; what it holds and how it is
 * seen is changed without it, while its run is in state CHANGING and so belongs to nobody else: the
 * lock is never held over anything whose length depends on the size of a block, nor together with
 * another.
 */
#include "alloc/pmem_place.h"
#include "alloc/pmem_region.h"
#include "port/outside.h"
#include "port/port.h"
#include "port/spinlock.h"

_Static_assert(ASH_OWNERS == 32, "five bits");
#define PMEM_FLAGS (PMEM_VIEW | ASH_PMEM_UNINIT | ASH_PMEM_OWNER(ASH_OWNERS - 1))

static inline unsigned pmem_flags_owner(uint32_t flags)
{
    return flags >> 8;
}

static inline bool pmem_flags_fit(uint32_t flags)
{
    return (flags & ~PMEM_FLAGS) == 0 && (flags & PMEM_VIEW) != PMEM_VIEW;
}

static inline void pmem_describe(struct ash_pmem *region, uint32_t at, uint32_t quanta,
                                 uint32_t view, struct ash_pmem_block *block)
{
    ash_pa_t pa = pmem_quantum_pa(region, at);

    block->region = region;
    block->ptr = port_ptr_direct(pa); /* as all of a region is */
    block->pa = pa;
    block->size = pmem_bytes(quanta);
    block->flags = view;
}

void pmem_block(struct ash_pmem *region, uint32_t run, struct ash_pmem_block *block)
{
    const struct pmem_tag *tag = &region->runs.tags[run];

    pmem_describe(region, run, tag->quanta, pmem_tag_view(tag), block);
}

/* The run at `at`, which nobody has, becomes a block of its new owner. Lock held. */
static inline void pmem_hand_out(struct ash_pmem *region, uint32_t at, uint32_t quanta,
                                 uint32_t flags, struct ash_pmem_block *block)
{
    struct pmem_tag *tag = &region->runs.tags[at];
    uint32_t used = region->runs.quanta - region->runs.free;

    tag->state = PMEM_USED;
    tag->marks = (uint8_t)((flags & PMEM_VIEW) | pmem_flags_owner(flags) << PMEM_OWNER_SHIFT);
    region->blocks++;
    region->owned[pmem_flags_owner(flags)] += quanta;
    if (used > region->high_water) {
        region->high_water = used;
    }
    pmem_describe(region, at, quanta, flags & PMEM_VIEW, block);
}

/* Makes the run at `at`, which is CHANGING, what the flags say, and a block; or gives it back. */
static __attribute__((noinline)) int pmem_open(struct ash_pmem *region, uint32_t at, uint32_t flags,
                                               struct ash_pmem_block *block)
{
    uint32_t quanta = region->runs.tags[at].quanta;
    int error = pmem_view_open(pmem_quantum_pa(region, at), pmem_bytes(quanta), flags);
    unsigned long saved = spinlock_acquire(&region->lock);

    if (error != 0) {
        pmem_runs_give(&region->runs, at);
    } else {
        pmem_hand_out(region, at, quanta, flags, block);
    }
    spinlock_release(&region->lock, saved);
    pmem_self_check(region);
    return error;
}

/* Makes the free quanta [at, at + quanta) a block. Lock held on entry, not on return. */
static inline int pmem_make(struct ash_pmem *region, uint32_t at, uint32_t quanta, uint32_t flags,
                            unsigned long saved, struct ash_pmem_block *block)
{
    bool open = pmem_view_is_open(flags);

    pmem_runs_take(&region->runs, at, quanta, PMEM_CHANGING);
    if (open) {
        pmem_hand_out(region, at, quanta, flags, block);
    }
    spinlock_release(&region->lock, saved);
    if (!open) {
        return pmem_open(region, at, flags, block);
    }
    pmem_self_check(region);
    return 0;
}

/* There is no room. Lock held on entry, not on return. */
static int pmem_fail(struct ash_pmem *region, unsigned long saved, int error)
{
    region->failures++;
    spinlock_release(&region->lock, saved);
    return error;
}

/* A request, checked, in quanta of the region; and the limits that are not counted in those. */
struct pmem_want {
    uint32_t quanta;
    uint32_t align;                   /* at most 2^31: all more is the same */
    uint32_t from, end;               /* the block lies in [from, end) */
    const struct pmem_limits *limits; /* NULL: none but these */
};

/* The lowest place in the free run that has quantum `at`; *end is where that run ends. */
static uint32_t pmem_find_in_run(const struct ash_pmem *region, const struct pmem_want *want,
                                 uint32_t at, uint32_t *end)
{
    uint64_t base = region->range.base.value, place;
    struct pmem_limits limits;
    uint32_t begin;

    pmem_runs_around(&region->runs, at, &begin, end);
    if (want->quanta > *end - begin) {
        return PMEM_NONE;
    }
    if (want->limits != NULL) {
        limits = *want->limits;
    } else {
        limits = (struct pmem_limits){
            .size = pmem_bytes(want->quanta),
            .align = pmem_bytes(want->align),
            .end = UINT64_MAX,
        };
    }
    if (!pmem_place(&limits, base + pmem_bytes(begin), base + pmem_bytes(*end), &place)) {
        return PMEM_NONE;
    }
    return pmem_quantum(place - base);
}

/*
 * A place that is no aligned block itself. First the lowest run that has an aligned block in which
 * the request fits wherever that lies: found at once. Else the lowest place there is: wherever it
 * lies, there is an aligned block of 2^least quanta in it, which is how runs too short for it are
 * not even looked at.
 */
static __attribute__((noinline)) uint32_t pmem_find_by_runs(const struct ash_pmem *region,
                                                            struct pmem_want want)
{
    const struct pmem_runs *runs = &region->runs;
    unsigned least = pmem_log2(want.quanta + 1) - 1, fits = least + 1;
    uint32_t from = want.from, at;

    if ((uint32_t)1 << fits < want.quanta) {
        fits++;
    }
    if (want.align > 1u << least) {
        least = pmem_log2(want.align > want.quanta ? want.quanta : want.align);
    }
    if (want.align > 1u << fits) {
        fits = pmem_log2(want.align);
    }
    at = pmem_runs_find(runs, from, fits);
    if (at != PMEM_NONE) {
        at = pmem_find_in_run(region, &want, at, &from);
        if (at != PMEM_NONE) {
            return at;
        }
    }
    for (from = want.from;;) {
        at = pmem_runs_find(runs, from, least);
        if (at == PMEM_NONE || at >= want.end) {
            return PMEM_NONE;
        }
        at = pmem_find_in_run(region, &want, at, &from);
        if (at != PMEM_NONE) {
            return at;
        }
    }
}

/* A place, or PMEM_NONE. Lock held. */
static inline uint32_t pmem_find(const struct ash_pmem *region, const struct pmem_want *want)
{
    unsigned order = pmem_log2(want->quanta);
    uint32_t at;

    if (want->quanta != (uint32_t)1 << order || want->align != want->quanta) {
        return pmem_find_by_runs(region, *want);
    }
    at = pmem_runs_find(&region->runs, want->from, order);
    if (want->limits == NULL) {
        return at;
    }
    return at < want->end && want->quanta <= want->end - at ? at : PMEM_NONE;
}

/* Takes a place and makes it a block. (What is known of a request without limits saves a tenth of
 * the instructions of the whole allocation.) */
static inline __attribute__((always_inline)) int pmem_take(struct ash_pmem *region,
                                                           const struct pmem_want *want,
                                                           uint32_t flags,
                                                           struct ash_pmem_block *block)
{
    unsigned long saved = spinlock_acquire(&region->lock);
    uint32_t at = want->quanta <= region->runs.quanta ? pmem_find(region, want) : PMEM_NONE;

    if (at == PMEM_NONE) {
        return pmem_fail(region, saved, ASH_ENOMEM);
    }
    return pmem_make(region, at, want->quanta, flags, saved, block);
}

static inline uint32_t pmem_clamp(uint64_t quanta, uint32_t most)
{
    return quanta < most ? (uint32_t)quanta : most;
}

/* Size and alignment, which every request has. */
static inline int pmem_check(uint64_t size, uint64_t align, uint32_t flags, struct pmem_want *want)
{
    uint64_t last = size - 1;

    if (!pmem_flags_fit(flags) || size == 0) {
        return ASH_EINVAL;
    }
    want->align = pmem_clamp(align / ASH_PMEM_QUANTUM, 1u << 31);
    if (want->align == 0 || (align & (align - 1)) != 0) {
        if (align != 0) {
            return ASH_EALIGN;
        }
        want->align = 1;
    }
    want->quanta = pmem_clamp(last / ASH_PMEM_QUANTUM, UINT32_MAX - 1) + 1;
    return 0;
}

int ash_pmem_alloc(struct ash_pmem *region, uint64_t size, uint64_t align, uint32_t flags,
                   struct ash_pmem_block *block)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }

    struct pmem_want want = {.end = region->runs.quanta};
    int error = pmem_check(size, align, flags, &want);

    return error != 0 ? error : pmem_take(region, &want, flags, block);
}

int ash_pmem_alloc_request(struct ash_pmem *region, const struct ash_pmem_request *request,
                           struct ash_pmem_block *block)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }

    uint64_t last = request->max != 0 ? request->max : UINT64_MAX - 1;
    uint64_t base = region->range.base.value;
    struct pmem_limits limits = {.boundary = request->boundary, .begin = request->min};
    struct pmem_want want = {.end = region->runs.quanta, .limits = &limits};
    int error = pmem_check(request->size, request->align, request->flags, &want);

    if (error == ASH_EINVAL ||
        (request->boundary != 0 && !ash_is_power_of_two(request->boundary))) {
        return ASH_EINVAL;
    }
    if (error != 0) {
        return error;
    }
    if (!ash_align_up(request->size, ASH_PMEM_QUANTUM, &limits.size)) {
        return ASH_ENOMEM;
    }
    if (last == UINT64_MAX) {
        last--; /* the byte at 2^64 - 1 is no RAM; ends stay exclusive */
    }
    if ((request->boundary != 0 && limits.size > request->boundary) || request->min > last ||
        limits.size > last + 1 - request->min) {
        return ASH_ERANGE;
    }
    limits.align = request->align != 0 ? request->align : ASH_PMEM_QUANTUM;
    limits.end = last + 1;
    if (limits.begin > base) {
        want.from = pmem_clamp((limits.begin - base - 1) / ASH_PMEM_QUANTUM + 1, want.end);
    }
    want.end =
        limits.end <= base ? 0 : pmem_clamp((limits.end - base) / ASH_PMEM_QUANTUM, want.end);
    return pmem_take(region, &want, request->flags, block);
}

int ash_pmem_alloc_at(struct ash_pmem *region, uint64_t offset, uint64_t size, uint32_t flags,
                      struct ash_pmem_block *block)
{
    unsigned long saved;

    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    if (!pmem_flags_fit(flags) || size == 0) {
        return ASH_EINVAL;
    }
    if (!ash_is_aligned(offset | size, ASH_PMEM_QUANTUM)) {
        return ASH_EALIGN;
    }
    if (offset >= region->range.size || size > region->range.size - offset) {
        return ASH_ERANGE;
    }
    saved = spinlock_acquire(&region->lock);
    if (!pmem_runs_are_free(&region->runs, pmem_quantum(offset), pmem_quantum(size))) {
        return pmem_fail(region, saved, ASH_EBUSY);
    }
    return pmem_make(region, pmem_quantum(offset), pmem_quantum(size), flags, saved, block);
}
