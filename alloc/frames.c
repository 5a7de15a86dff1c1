/* SPDX-License-Identifier: MIT */
/*
 * Page frames: the buddy allocator itself. Allocates by splitting the smallest free block that is
 * large enough, frees by merging with free buddies. Never reads or writes the frames themselves,
 * except to zero or (ASH_CHECK 2) poison them on behalf of the caller.
 *
 * The buddy system: D. E. Knuth, The Art of Computer Programming, vol. 1, section 2.5. Whole blocks
 * change between what is movable and what stays, as in M. Gorman, A. Whitcroft, Supporting the
 * Allocation of Large Contiguous Regions of Memory, OLS 2007.
 *
 * Most requests find a block of their very order and most frees no free buddy: those take the
 * straight way through ash_frames_alloc and ash_frames_free.
 */
#include "alloc/frames_cache.h"

/* Before the start, and after one that failed, there are no blocks, but the lists of them. */
#define LIST(key)      (&frames_state.all_lists[key])
#define NO_BLOCKS(key) [key] = {.zone = &frames_state.zone[FRAMES_ZONE(key)]}
#define EACH_KEY(entry)                                                                            \
    entry(0), entry(1), entry(2), entry(3), entry(4), entry(5), entry(6), entry(7)

struct frames_state frames_state = {
    .lists = {EACH_KEY(LIST)},
    .all_lists = {EACH_KEY(NO_BLOCKS)},
    .lock = ASH_SPINLOCK(ASH_LOCK_FRAMES, "frames"),
};

_Static_assert(ASH_OWNERS == 32 && ASH_FRAMES_OWNER(1) == 1 && FRAMES_MOVABLE == 1 &&
                   FRAMES_ZONE(ASH_FRAMES_HIGH >> FRAMES_LISTS_SHIFT) == ASH_ZONE_HIGH,
               "the lowest byte of a word is that of the flags");
_Static_assert(ASH_FRAMES_ZERO >= FRAMES_PLAIN, "a plain request has no such flag");

void frames_release(unsigned long saved)
{
#if ASH_CHECK >= 2
    struct frames_finding finding;
    bool consistent = frames_consistent(false, &finding);

    spinlock_release(&frames_state.lock, saved);
    if (!consistent) {
        frames_fault(ASH_FAULT_CORRUPT, finding.what, finding.number, NULL);
    }
#else
    spinlock_release(&frames_state.lock, saved);
#endif
}

static inline void release(unsigned long saved)
{
#if ASH_CHECK >= 2
    frames_release(saved);
#else
    spinlock_release(&frames_state.lock, saved);
#endif
}

void frames_insert(uint32_t index, uint32_t word, uint32_t after)
{
    struct frames_links *links = frames_state.links;
    uint32_t before = links[after].next;

    links[index].next = before;
    links[index].prev = after;
    links[after].next = index;
    links[before].prev = index;
    frames_state.words[index] = word;
    frames_state.lists[FRAMES_LISTS(word)]->nonempty |= (uint32_t)1 << FRAMES_ORDER(word);
}

/** Takes the first block, of `size` frames, off the list of its order, which is not empty. */
static inline uint32_t take_first(struct frames_lists *lists, unsigned order, uint32_t size)
{
    struct frames_links *links = frames_state.links;
    uint32_t list = lists->heads + order;
    uint32_t index = links[list].next;
    uint32_t next = links[index].next;

    links[list].next = next;
    links[next].prev = list;
    if (next == list) {
        lists->nonempty &= ~size;
    }
    return index;
}

/** Gives the block, which is in no list any more, to its new owner; its number. The flags name its
 *  own lists. */
static inline uint32_t hand_out(uint32_t index, uint32_t word, uint32_t size, unsigned flags,
                                struct frames_zone *zone)
{
    uint32_t free = zone->free - size;

    frames_state.words[index] = (word ^ FRAMES_FREE) | flags;
    zone->free = free;
    return frames_number(index, word);
}

/** What is left to do when so little is free that it has to be noted. */
static __attribute__((noinline, cold)) int note(struct frames_zone *zone, unsigned long saved)
{
    frames_note(zone);
    release(saved);
    frames_tell();
    return 0;
}

static inline int finish(struct frames_zone *zone, unsigned long saved)
{
    if (zone->free < zone->floor) {
        return note(zone, saved);
    }
    release(saved);
    return 0;
}

/**
 * Takes 2^order frames off the first block of order `have`. The rest goes to the lists `to`, which
 * have no blocks of these orders: so the blocks are alone in their lists.
 */
static inline uint32_t split(struct frames_lists *from, unsigned have, struct frames_lists *to,
                             unsigned order, unsigned flags)
{
    struct frames_links *links = frames_state.links;
    uint32_t size = (uint32_t)1 << have;
    uint32_t index = take_first(from, have, size);
    uint32_t lists = (uint32_t)(to - frames_state.all_lists) << FRAMES_LISTS_SHIFT;
    uint32_t word = (frames_state.words[index] & ~FRAMES_LISTS_MASK) | lists;
    uint32_t list = to->heads + have;

    to->nonempty |= size - ((uint32_t)1 << order);
    for (; have != order; have--) {
        uint32_t upper;

        list--;
        word -= FRAMES_ORDER_ONE;
        size >>= 1;
        upper = index + size;
        frames_state.words[upper] = word;
        links[upper].next = list;
        links[upper].prev = list;
        links[list].next = upper;
        links[list].prev = upper;
    }
    return hand_out(index, word, size, (flags & FRAMES_OWNER_MASK) | lists, to->zone);
}

/** Where a request is served from. */
struct source {
    struct frames_lists *from; /* NULL: nowhere */
    unsigned have;             /* order of the block */
    struct frames_lists *to;   /* where the rest of it belongs */
};

static inline unsigned smallest(const struct frames_lists *lists, unsigned order)
{
    return order + (unsigned)__builtin_ctz(lists->nonempty >> order);
}

/**
 * The other lists of the zone help out with their largest block, and give it away for good if it is
 * as large as blocks get where it lies. Else the smallest that is large enough keeps the damage
 * small: there is nothing left to keep apart.
 */
static struct source borrow(struct frames_lists *own, struct frames_lists *other, unsigned order)
{
    struct source source = {.from = other, .to = own};
    uint32_t word;

    source.have = 31u - (unsigned)__builtin_clz(other->nonempty);
    word = frames_state.words[frames_state.links[other->heads + source.have].next];
    if (frames_state.range[FRAMES_RANGE(word)].top != source.have) {
        source.have = smallest(other, order);
        source.to = other;
    }
    return source;
}

static struct source find(unsigned key, unsigned order)
{
    for (unsigned zone = FRAMES_ZONE(key) + 1; zone-- > 0;) {
        unsigned group = key & FRAMES_MOVABLE;
        struct frames_lists *own = frames_state.lists[FRAMES_KEY(zone) | group];
        struct frames_lists *other =
            frames_state.lists[FRAMES_KEY(zone) | (group ^ FRAMES_MOVABLE)];

        if (own->nonempty >> order != 0) {
            return (struct source){own, smallest(own, order), own};
        }
        if (other->nonempty >> order != 0) {
            return borrow(own, other, order);
        }
    }
    return (struct source){0};
}

#if ASH_CHECK >= 2
/** Whether nobody wrote to the block that is next; if somebody did, lets go of the lock and tells
 *  the hook. */
static bool is_intact(const struct source *source, unsigned order, unsigned long saved,
                      const void *caller)
{
    uint32_t index = frames_state.links[source->from->heads + source->have].next;
    uint32_t broken =
        frames_poison_broken(index, frames_number(index, frames_state.words[index]), order);

    if (broken == UINT32_MAX) {
        return true;
    }
    spinlock_release(&frames_state.lock, saved);
    frames_fault(ASH_FAULT_OVERRUN, "free frame was written to", broken, caller);
    return false;
}
#endif

/** The way for requests whose own lists have nothing. Comes with the lock and lets it go. */
static __attribute__((noinline)) int alloc_elsewhere(unsigned order, unsigned flags,
                                                     ash_frame_t *out, unsigned long saved)
{
    unsigned key = FRAMES_LISTS(flags);
    struct source source = {0};

    if (FRAMES_ZONE(key) >= ASH_ZONE_COUNT) {
        spinlock_release(&frames_state.lock, saved);
        return ASH_EINVAL;
    }
    source = find(key, order);
    if (source.from == NULL && FRAMES_ZONE(key) >= ASH_ZONE_NORMAL) {
        /* What CPUs keep, which is of that zone, may be just what is missing. Once: the others may
         * well take and keep it again. */
        spinlock_release(&frames_state.lock, saved);
        frames_cache_drain();
        saved = spinlock_acquire(&frames_state.lock);
        source = find(key, order);
    }
    if (source.from == NULL) {
        frames_state.lists[key]->zone->failures++;
        spinlock_release(&frames_state.lock, saved);
        return ASH_ENOMEM;
    }
#if ASH_CHECK >= 2
    if (!is_intact(&source, order, saved, __builtin_return_address(0))) {
        return ASH_ECORRUPT;
    }
#endif
    *out = (ash_frame_t){split(source.from, source.have, source.to, order, flags)};
    return finish(source.to->zone, saved);
}

/** The way for requests without a block of their order. Comes with the lock and lets it go. */
static __attribute__((noinline)) int alloc_split(unsigned order, unsigned flags, ash_frame_t *out,
                                                 unsigned long saved)
{
    struct frames_lists *lists = frames_state.lists[FRAMES_LISTS(flags)];

    if (ASH_CHECK >= 2 || lists->nonempty >> order == 0) {
        return alloc_elsewhere(order, flags, out, saved);
    }
    *out = (ash_frame_t){split(lists, smallest(lists, order), lists, order, flags)};
    return finish(lists->zone, saved);
}

unsigned frames_take_singles(unsigned flags, uint32_t *numbers, unsigned most)
{
    struct frames_lists *own = frames_state.lists[FRAMES_LISTS(flags)];
    unsigned count = 0;

    while (count < most) {
        struct source source = find(FRAMES_LISTS(flags), 0);
        unsigned order = 31u - (unsigned)__builtin_clz(most - count);
        uint32_t first;

        if (source.from == NULL || source.to != own ||
            frames_state.links[source.from->heads + source.have].next >=
                frames_state.range[0].end) {
            break;
        }
        /* The smallest blocks are used up whole, as they would be one frame at a time. */
        order = order < source.have ? order : source.have;
        first = split(source.from, source.have, own, order, flags);
        if (own->zone->free < own->zone->floor) {
            frames_note(own->zone);
        }
        for (uint32_t i = 0; i < (uint32_t)1 << order; i++) {
            frames_state.words[first + i - frames_state.delta[0]] = flags;
            numbers[count++] = first + i;
        }
    }
    return count;
}

int frames_alloc(unsigned order, unsigned flags, ash_frame_t *out)
{
    struct frames_lists *lists;
    unsigned long saved;
    uint32_t size;
    uint32_t index;

    lists = frames_state.lists[FRAMES_LISTS(flags)];
    size = (uint32_t)1 << order;
    saved = spinlock_acquire(&frames_state.lock);
    if (ASH_CHECK >= 2 || (lists->nonempty & size) == 0) {
        return alloc_split(order, flags, out, saved);
    }
    index = take_first(lists, order, size);
    *out = (ash_frame_t){hand_out(index, frames_state.words[index], size, flags, lists->zone)};
    return finish(lists->zone, saved);
}

static inline int alloc_plain(unsigned order, unsigned flags, ash_frame_t *out)
{
    if (order == 0 && frames_cache_serves(flags)) {
        return frames_cache_alloc(flags, out);
    }
    return frames_alloc(order, flags, out);
}

/** A request that is not plain, or not valid. */
static __attribute__((noinline)) int alloc_special(unsigned order, unsigned flags, ash_frame_t *out)
{
    int error;

    if (order > ASH_MAX_ORDER || (flags & ~ASH_FRAMES_ZERO) >= FRAMES_PLAIN ||
        FRAMES_ZONE(FRAMES_LISTS(flags)) >= ASH_ZONE_HIGH) {
        return ASH_EINVAL;
    }
    error = alloc_plain(order, flags & ~ASH_FRAMES_ZERO, out);
    if (error == 0) {
        port_zero(port_ptr(ash_frame_pa(*out)), ASH_PAGE_SIZE << order);
    }
    return error;
}

int ash_frames_alloc(unsigned order, unsigned flags, ash_frame_t *out)
{
    if (order == 0 && frames_cache_serves(flags)) {
        return frames_cache_alloc(flags, out);
    }
    if (order > ASH_MAX_ORDER || flags >= FRAMES_PLAIN) {
        return alloc_special(order, flags, out);
    }
    return frames_alloc(order, flags, out);
}

/** Makes a used block free, merged with its buddies. */
static inline void merge(uint32_t index, uint32_t word)
{
    struct frames_links *links = frames_state.links;
    uint32_t *words = frames_state.words;
    struct frames_lists *lists = frames_state.lists[FRAMES_LISTS(word)];
    uint32_t size = (uint32_t)1 << FRAMES_ORDER(word);
    uint32_t nonempty = lists->nonempty;
    uint32_t next, prev;

#if ASH_CHECK >= 2
    frames_poison(index, frames_number(index, word), FRAMES_ORDER(word));
#endif
    word = (word & ~FRAMES_OWNER_MASK) + FRAMES_FREE;
    lists->zone->free += size;
    while (size != (uint32_t)1 << ASH_MAX_ORDER) {
        uint32_t buddy = index ^ size;

        if (frames_glance(buddy) != word) {
            break;
        }
        words[index] = word; /* not allocated any more, should the buddy be the first */
        next = links[buddy].next;
        prev = links[buddy].prev;
        links[next].prev = prev;
        links[prev].next = next;
        if (next == prev) { /* both are the head: the list is empty now */
            nonempty &= ~size;
        }
        index &= buddy;
        size <<= 1;
        word += FRAMES_ORDER_ONE;
    }
    lists->nonempty = nonempty | size;
    words[index] = word;
    prev = lists->heads + FRAMES_ORDER(word);
    next = links[prev].next;
    links[index].next = next;
    links[index].prev = prev;
    links[prev].next = index;
    links[next].prev = index;
}

/** Whether there is something to note once the block is free too. */
static inline bool is_much(uint32_t word)
{
    const struct frames_zone *zone = frames_state.lists[FRAMES_LISTS(word)]->zone;

    return zone->free + ((uint32_t)1 << FRAMES_ORDER(word)) >= zone->ceiling;
}

void frames_merge(uint32_t index, uint32_t word)
{
    bool much = is_much(word);

    merge(index, word);
    if (much) {
        frames_note(frames_state.lists[FRAMES_LISTS(word)]->zone);
    }
}

void frames_trim(uint32_t index, unsigned have, unsigned order)
{
    uint32_t used = frames_state.words[index];
    struct frames_lists *lists = frames_state.lists[FRAMES_LISTS(used)];

    frames_state.words[index] = used - (have - order) * FRAMES_ORDER_ONE;
    while (have > order) {
        have--;
        frames_insert(index + ((uint32_t)1 << have),
                      frames_word(FRAMES_RANGE(used), FRAMES_LISTS(used), have),
                      lists->heads + have);
        lists->zone->free += (uint32_t)1 << have;
    }
}

static __attribute__((noinline, cold)) void give_much(uint32_t index, uint32_t word,
                                                      unsigned long saved)
{
    frames_merge(index, word);
    release(saved);
    frames_tell();
}

__attribute__((noinline)) void frames_give(uint32_t index, uint32_t word, unsigned long saved)
{
    if (is_much(word)) {
        give_much(index, word, saved);
        return;
    }
    merge(index, word);
    release(saved);
}

void frames_free(uint32_t number, unsigned order, const void *caller)
{
    unsigned long saved = spinlock_acquire(&frames_state.lock);
    uint32_t index = number - frames_state.delta[0];

    if (index < frames_state.range[0].end) {
        uint32_t word = frames_state.words[index];

        if (FRAMES_SHAPE(word) == order && (ASH_CHECK == 0 || order <= ASH_MAX_ORDER)) {
            frames_give(index, word, saved);
            return;
        }
    }
    frames_free_otherwise(index, order <= ASH_MAX_ORDER ? order : FRAMES_NO_ORDER, saved, caller);
}

void ash_frames_free(ash_frame_t frame, unsigned order)
{
    if (order == 0) {
        frames_cache_free(frame.number, __builtin_return_address(0));
    } else {
        frames_free(frame.number, order, __builtin_return_address(0));
    }
}
