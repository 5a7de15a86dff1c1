/* SPDX-License-Identifier: MIT */
/*
 * Clients of contiguous memory: which pages of a window lead to the block, and which to the sink.
 * The space's tables are the only record of that. Withdrawals change a client with the list's and
 * the space's lock held, so either is enough to read it; no more than a table's worth of pages is
 * changed in one hold of them.
 */
#include "ashlar/pmem_share.h"

#include "ashlar/frames.h"
#include "port/outside.h"
#include "port/port.h"
#include "port/spinlock.h"
#include "vm/space.h"

static ash_va_t share_va(const struct ash_pmem_share *share, uint64_t offset)
{
    return ash_va(share->va.value + (uintptr_t)offset);
}

/* As the owner sees the block: two memory types of one frame must never be (arm-rules 24). */
static ash_mmu_attr_t share_type(const struct ash_pmem_block *block)
{
    if (block->flags == ASH_PMEM_UNCACHED) {
        return ASH_MMU_UNCACHED;
    }
    return block->flags == ASH_PMEM_ORDERED ? ASH_MMU_DEVICE : ASH_MMU_NORMAL;
}

static void share_list(struct ash_pmem_share *share)
{
    unsigned long saved = spinlock_acquire(&spaces_state.shares_lock);

    share->next = spaces_state.shares;
    share->link = &spaces_state.shares;
    if (share->next != NULL) {
        share->next->link = &share->next;
    }
    spaces_state.shares = share;
    spinlock_release(&spaces_state.shares_lock, saved);
}

static void share_unlist(struct ash_pmem_share *share)
{
    unsigned long saved = spinlock_acquire(&spaces_state.shares_lock);

    *share->link = share->next;
    if (share->next != NULL) {
        share->next->link = share->link;
    }
    spinlock_release(&spaces_state.shares_lock, saved);
}

static uint64_t share_step(uint64_t left)
{
    return left < ASH_PMEM_SHARE_STEP ? left : ASH_PMEM_SHARE_STEP;
}

/* Unmaps the first bytes of the window. */
static void share_unmap(struct ash_pmem_share *share, uint64_t size)
{
    for (uint64_t done = 0; done < size;) {
        uint64_t step = share_step(size - done);

        (void)ash_space_unmap(share->space, share_va(share, done), step);
        done += step;
    }
}

/* Maps the window to the sink, page by page: all of it or nothing. */
static int share_map(struct ash_pmem_share *share)
{
    ash_pa_t sink = ash_frame_pa(share->sink);

    for (uint64_t done = 0; done < share->size; done += ASH_PAGE_SIZE) {
        int error = ash_space_map(share->space, share_va(share, done), sink, ASH_PAGE_SIZE,
                                  share->access | ASH_MMU_PAGES);

        if (error != 0) {
            share_unmap(share, done);
            return error;
        }
    }
    return 0;
}

int ash_pmem_connect(struct ash_pmem_share *share, struct ash_space *space, ash_va_t va,
                     const struct ash_pmem_block *block, ash_mmu_attr_t access)
{
    int error;

    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    if ((access & ~(ASH_MMU_USER | ASH_MMU_WRITE)) != 0) {
        return ASH_EINVAL;
    }
    error = ash_pmem_get(block);
    if (error != 0) {
        return error;
    }
    share->space = space;
    share->va = va;
    share->size = block->size;
    share->access = access;
    share->block = *block;
    share->sunk = 0;
    share->leaving = false;
    error = ash_frames_alloc(0, ASH_FRAMES_ZERO | ASH_FRAMES_OWNER(ASH_OWNER_PMEM), &share->sink);
    if (error == 0) {
        error = share_map(share);
        if (error != 0) {
            ash_frames_free(share->sink, 0);
        }
    }
    if (error != 0) {
        (void)ash_pmem_put(block);
        return error;
    }
    share_list(share);
    return 0;
}

/* What a walk of a part of the window looks for. */
struct share_look {
    uint64_t sink;
    uint64_t sunk, granted; /* bytes */
};

static int share_see(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct share_look *look = arg;

    if (mapping->pa.value == look->sink) {
        look->sunk += mapping->size;
    } else {
        look->granted += mapping->size;
    }
    return 0;
}

/* Space's lock held. */
static struct share_look share_look_at(const struct ash_pmem_share *share, uint64_t offset,
                                       uint64_t size)
{
    struct share_look look = {.sink = ash_frame_pa(share->sink).value};

    (void)ash_mmu_walk(&share->space->map, share_va(share, offset), size, share_see, &look);
    return look;
}

/* Makes a part of the window lead to the sink. Space's lock held. */
static int share_sink(struct ash_pmem_share *share, uint64_t offset, uint64_t size)
{
    ash_pa_t sink = ash_frame_pa(share->sink);

    port_page_zero(port_ptr(sink));
    return ash_mmu_repoint(&share->space->map, share_va(share, offset), size, sink, 0,
                           share->access);
}

static int share_check(const struct ash_pmem_share *share, uint64_t offset, uint64_t size)
{
    if (size == 0) {
        return ASH_EINVAL;
    }
    if (!ash_is_aligned(offset | size, ASH_PAGE_SIZE)) {
        return ASH_EALIGN;
    }
    if (offset > share->size || size > share->size - offset || size > ASH_PMEM_SHARE_STEP) {
        return ASH_ERANGE;
    }
    return 0;
}

int ash_pmem_grant(struct ash_pmem_share *share, uint64_t offset, uint64_t size)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }

    int error = share_check(share, offset, size);
    unsigned long saved;

    if (error != 0) {
        return error;
    }
    saved = spinlock_acquire(&share->space->lock);
    if (share->leaving) {
        error = ASH_ENOENT;
    } else if (share_look_at(share, offset, size).granted != 0) {
        error = ASH_EEXIST;
    } else {
        error = ash_mmu_repoint(&share->space->map, share_va(share, offset), size,
                                ash_pa(share->block.pa.value + offset), ASH_PAGE_SIZE,
                                share->access | share_type(&share->block));
    }
    spinlock_release(&share->space->lock, saved);
    return error;
}

int ash_pmem_revoke(struct ash_pmem_share *share, uint64_t offset, uint64_t size)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }

    int error = share_check(share, offset, size);
    unsigned long saved;

    if (error != 0) {
        return error;
    }
    saved = spinlock_acquire(&share->space->lock);
    if (share_look_at(share, offset, size).sunk != 0) {
        error = ASH_ENOENT;
    } else {
        error = share_sink(share, offset, size);
    }
    spinlock_release(&share->space->lock, saved);
    return error;
}

/* The first client that has the block, from `share` on. List's lock held. */
static struct ash_pmem_share *share_of(struct ash_pmem_share *share,
                                       const struct ash_pmem_block *block)
{
    while (share != NULL &&
           (share->block.region != block->region || share->block.pa.value != block->pa.value)) {
        share = share->next;
    }
    return share;
}

/* The client loses the next part of the block; true if that was the last. List's lock held. */
static bool share_lose(struct ash_pmem_share *share)
{
    unsigned long saved = spinlock_acquire(&share->space->lock);
    uint64_t step = share_step(share->size - share->sunk);

    share->leaving = true;
    /* The window is mapped by pages of a map that is never frozen: this cannot fail. */
    (void)share_sink(share, share->sunk, step);
    share->sunk += step;
    if (share->sunk == share->size) {
        share->block.region = NULL;
    }
    spinlock_release(&share->space->lock, saved);
    return share->block.region == NULL;
}

unsigned ash_pmem_withdraw(const struct ash_pmem_block *block)
{
    struct ash_pmem_share *share;
    unsigned count = 0;

    if (!outside_locks(__func__)) {
        return 0;
    }
    do {
        unsigned long saved = spinlock_acquire(&spaces_state.shares_lock);
        bool lost = false;

        share = share_of(spaces_state.shares, block);
        if (share != NULL) {
            lost = share_lose(share);
        }
        spinlock_release(&spaces_state.shares_lock, saved);
        if (lost) { /* giving back may change the firmware's map, so no lock is held */
            (void)ash_pmem_put(block);
            count++;
        }
    } while (share != NULL);
    return count;
}

void ash_pmem_disconnect(struct ash_pmem_share *share)
{
    struct ash_pmem_block block;

    if (!outside_locks(__func__)) {
        return;
    }
    share_unlist(share);
    block = share->block; /* who withdraws does not find it any more */
    share_unmap(share, share->size);
    ash_frames_free(share->sink, 0);
    if (block.region != NULL) {
        (void)ash_pmem_put(&block);
    }
}

uint64_t ash_pmem_granted(struct ash_pmem_share *share)
{
    uint64_t granted = 0;

    if (!outside_locks(__func__)) {
        return 0;
    }
    for (uint64_t done = 0; done < share->size;) {
        uint64_t step = share_step(share->size - done);
        unsigned long saved = spinlock_acquire(&share->space->lock);

        granted += share_look_at(share, done, step).granted;
        spinlock_release(&share->space->lock, saved);
        done += step;
    }
    return granted;
}
