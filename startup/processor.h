/* SPDX-License-Identifier: MIT */
/*
 * What boot needs to know of, and do to, the processor once; each architecture's folder has it.
 */
#ifndef ASHLAR_STARTUP_PROCESSOR_H
#define ASHLAR_STARTUP_PROCESSOR_H

#include <stdbool.h>

#include "ashlar/config.h"
#include "ashlar/trap.h"
#include "ashlar/types.h"

/** log2 of the addresses that the firmware's identity map covers, and whether spaces take their
 * part of these; the stack that programs run on. */
#if UINTPTR_MAX > UINT32_MAX
#define PROCESSOR_IDENTITY_BITS ASH_VA_BITS
#define PROCESSOR_SPACES_INSIDE false
#define PROCESSOR_PROGRAM_STACK ASH_STACK_PROGRAM
#else
#define PROCESSOR_IDENTITY_BITS 32
#define PROCESSOR_SPACES_INSIDE true
#define PROCESSOR_PROGRAM_STACK ASH_STACK_SVC
#endif

/** True if table walks look into the data cache (ID_MMFR3.CohWalk). */
bool processor_walks_coherent(void);

/** True if the processor can walk long descriptors of 4 KiB pages. */
bool processor_has_long_descriptors(void);

/** True if indirect branches in guarded pages are checked for their targets (FEAT_BTI). */
bool processor_guards_branches(void);

/**
 * Turns on the MMU and the caches with the firmware's tables at `root` (identity), WXN on; with
 * space_bits > 0 the top 2^space_bits addresses belong to TTBR1, whose walks stay off (EPD1).
 * Running code, stack and data must be mapped at VA = PA. One call, all barriers inside
 * (arm-rules 23). Where return addresses are signed, the caller does not return either: its own was
 * signed for translation as it was before.
 */
void processor_mmu_on(ash_pa_t root, unsigned space_bits);

/**
 * The same on a secondary CPU, and on to then() on an empty stack below `top`. What the CPU wrote
 * to its stack with caches off may be different in another CPU's cache: none of it is read again.
 * Does not add the CPU's errata, which needs the caches: then() does.
 */
_Noreturn void processor_mmu_enter(ash_pa_t root, unsigned space_bits, uintptr_t top,
                                   void (*then)(void));

/** Exception vectors: from here on a fault ends in a report. */
void processor_vectors_on(void);

/** Lets asynchronous external aborts come; until now they were held back. */
void processor_aborts_on(void);

#endif
