/* SPDX-License-Identifier: MIT */
/*
 * Eager anonymous memory of a space: each page has a frame of its own from the start, zero or
 * filled from bytes that lie somewhere. The translation tables are the only record of it.
 *
 * Of all functions. Addresses and sizes are multiples of 4 KiB; ranges lie in the space. One at a
 * time for a space. Context: not in interrupts, no lock held. The space's lock is let go at least
 * every 64 pages.
 */
#ifndef ASHLAR_VM_ANONYMOUS_H
#define ASHLAR_VM_ANONYMOUS_H

#include "ashlar/program.h"
#include "ashlar/space.h"

/**
 * Frames for [va, va + size), of owner ASH_OWNER_USER, mapped for user mode with attr
 * (ASH_MMU_WRITE, ASH_MMU_EXEC); what they have of `content` (may be NULL) is copied, the rest is
 * zero. All or nothing. Errors: ASH_ENOMEM, those of ash_mmu_map() (ASH_EEXIST ...).
 * Cost: linear. Barriers: those of ash_mmu_map(); with EXEC the instruction caches see the content.
 */
int anonymous_map(struct ash_space *space, ash_va_t va, uint64_t size, ash_mmu_attr_t attr,
                  const struct ash_elf_segment *content);

/** Unmaps what is mapped in [va, va + size), if anything, and gives the frames back. Cannot fail.
 */
void anonymous_unmap(struct ash_space *space, ash_va_t va, uint64_t size);

/** Other rights for all of [va, va + size), all or nothing. Errors: ASH_ENOENT (not all of it is
 *  mapped), those of ash_mmu_protect(). */
int anonymous_protect(struct ash_space *space, ash_va_t va, uint64_t size, ash_mmu_attr_t attr);

/** The lowest *va from `low` on with [*va, *va + size) below `high` and nothing mapped there; no
 *  page before or behind it is asked for. Errors: ASH_ENOMEM (there is none). Cost: linear in what
 * is mapped. */
int anonymous_find(struct ash_space *space, ash_va_t low, ash_va_t high, uint64_t size,
                   ash_va_t *va);

#endif
