/* SPDX-License-Identifier: MIT */
/*
 * Sharing a block of contiguous memory with spaces: its owner connects a client, grants parts of
 * the block and takes them back whenever it likes; the client never faults for it.
 *
 * A client is a window of addresses in a space, as large as the block. Each page of it leads to the
 * block where that was granted, and else to the client's sink: a frame of its own that nobody else
 * ever sees. It is zero when a page comes to lead there, and what the client writes there is lost.
 * (One frame serves the whole window: until then the client may read again, at any of these pages,
 * what it wrote itself.)
 *
 * Pages change by break-before-make: an access in that moment, from another CPU, faults although
 * both before and afterwards it passes. Whoever gets faults of a space asks ash_space_retry()
 * first; processes do.
 *
 * The block is held (ash_pmem_get) from connect to disconnect or withdraw, so it may be freed
 * meanwhile and is given back last of all.
 *
 * Context of all functions: not in interrupts, no lock held. Of one share, grant, revoke
 * and disconnect are called one at a time, and disconnect before the space ends. Firmware that uses
 * none of this links none of it.
 */
#ifndef ASHLAR_PMEM_SHARE_H
#define ASHLAR_PMEM_SHARE_H

#include "pmem.h"
#include "space.h"

/** Most bytes of one grant or revoke: what changes at once changes under a lock. */
#define ASH_PMEM_SHARE_STEP (512 * ASH_PAGE_SIZE)

/** A client. Its fields are the module's own; ash_pmem_connect() sets them all. */
struct ash_pmem_share {
    struct ash_space *space;
    ash_va_t va;
    uint64_t size;
    ash_mmu_attr_t access;
    struct ash_pmem_block block; /* region NULL: withdrawn; else a reference is held */
    uint64_t sunk;               /* bytes of the window that a withdrawal has reached */
    bool leaving;                /* it has begun */
    ash_frame_t sink;
    struct ash_pmem_share *next, **link; /* in the list of clients */
};

/**
 * Makes a client of the block at [va, va + block->size) of the space, by 4 KiB pages; all of it
 * leads to the sink. access: ASH_MMU_USER and ASH_MMU_WRITE, or either, or 0.
 * Errors: ASH_EINVAL (another access), a bad block as ash_pmem_get(); ASH_EEXIST (something is
 * mapped there), ASH_EALIGN, ASH_ERANGE (outside of the space), ASH_ENOMEM (the sink, or tables).
 * Cost: linear in size.
 */
int ash_pmem_connect(struct ash_pmem_share *share, struct ash_space *space, ash_va_t va,
                     const struct ash_pmem_block *block, ash_mmu_attr_t access);

/**
 * The client sees [offset, offset + size) of the block from now on, in the block's view.
 * All at once or not at all. Errors: ASH_EINVAL (size 0), ASH_EALIGN, ASH_ERANGE (outside of the
 * block, or more than ASH_PMEM_SHARE_STEP: then in several calls), ASH_EEXIST (a page of it is
 * granted already), ASH_ENOENT (the block was withdrawn). Cost: linear in size, with the space's
 * lock held. Barriers: those of break-before-make.
 */
int ash_pmem_grant(struct ash_pmem_share *share, uint64_t offset, uint64_t size);

/**
 * The client sees its sink there, zero, from now on. All at once: when this returns, no CPU can
 * reach these pages of the block through the client. Errors: as ash_pmem_grant(), but ASH_ENOENT
 * also where a page of it is not granted. Cost, barriers: ash_pmem_grant().
 */
int ash_pmem_revoke(struct ash_pmem_share *share, uint64_t offset, uint64_t size);

/**
 * Takes the block away from all its clients, for good: each sees nothing but its sink until it is
 * disconnected, and holds no reference any more. What an owner does before it frees the block, if
 * nobody is to see what becomes of it. Returns how many clients lost it. Cost: linear in the sizes
 * of their windows and in the number of clients; ASH_PMEM_SHARE_STEP at a time under locks, so a
 * client may see a part gone before the rest.
 */
unsigned ash_pmem_withdraw(const struct ash_pmem_block *block);

/** Ends a client: nothing is mapped there any more. Cannot fail. Cost: linear in size. */
void ash_pmem_disconnect(struct ash_pmem_share *share);

/** Bytes that are granted to the client now. Cost: linear in size. */
uint64_t ash_pmem_granted(struct ash_pmem_share *share);

#endif
