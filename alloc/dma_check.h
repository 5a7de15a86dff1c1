/* SPDX-License-Identifier: MIT */
/*
 * The checker of dma: a record of every mapping and buffer, and where misuse is told. Without
 * checks (ASH_CHECK 0) nothing is left of it.
 */
#ifndef ALLOC_DMA_CHECK_H
#define ALLOC_DMA_CHECK_H

#include "ashlar/dma.h"

/** In the place of a direction: a coherent buffer. */
#define DMA_BUFFER ((enum ash_dma_direction)0)

/** What a record says. */
struct dma_record {
    const struct ash_dma_device *device; /* NULL: free */
    const void *owner;                   /* the mapping or buffer itself */
    uint64_t pa, size;
    enum ash_dma_direction direction;
    const void *caller; /* who made it */
};

#if ASH_CHECK >= 1

/** Forgets everything; stacks lie in that range. */
void dma_check_start(struct ash_range stacks);

/** The device starts anew: what it had is forgotten. */
void dma_check_forget(const struct ash_dma_device *device);

/** Tells of misuse and returns the error. */
int dma_misuse(const char *what, uint64_t address, const void *caller, int error);

/** A mapping or buffer begins: 0 and its record (0 where there is no room), or the error of
 *  ash_dma_map after telling. */
int dma_check_begin(const struct dma_record *wanted, uint32_t *record);

/** What the device had there ends, or has not come to be; false if the record does not say so. */
bool dma_check_end(const struct ash_dma_device *device, ash_pa_t pa, uint32_t record);

/** Is it what the record says? ASH_ECORRUPT after telling. */
int dma_check_same(const struct dma_record *wanted, uint32_t record);

/** Tells of everything that a device leaves. */
void dma_check_left(const struct ash_dma_device *device, const void *caller);

/** The next record in use, from *cursor on (0 at first). */
bool dma_check_next(uint32_t *cursor, struct dma_record *record);

void dma_check_stats(struct ash_dma_stats *stats);

#else

static inline void dma_check_start(struct ash_range stacks)
{
    (void)stacks;
}

static inline void dma_check_forget(const struct ash_dma_device *device)
{
    (void)device;
}

static inline int dma_misuse(const char *what, uint64_t address, const void *caller, int error)
{
    (void)what;
    (void)address;
    (void)caller;
    return error;
}

static inline int dma_check_begin(const struct dma_record *wanted, uint32_t *record)
{
    (void)wanted;
    *record = 0;
    return 0;
}

static inline bool dma_check_end(const struct ash_dma_device *device, ash_pa_t pa, uint32_t record)
{
    (void)device;
    (void)pa;
    (void)record;
    return false;
}

static inline int dma_check_same(const struct dma_record *wanted, uint32_t record)
{
    (void)wanted;
    (void)record;
    return 0;
}

static inline void dma_check_left(const struct ash_dma_device *device, const void *caller)
{
    (void)device;
    (void)caller;
}

static inline bool dma_check_next(uint32_t *cursor, struct dma_record *record)
{
    (void)cursor;
    (void)record;
    return false;
}

static inline void dma_check_stats(struct ash_dma_stats *stats)
{
    stats->recorded = stats->unrecorded = stats->misused = 0;
}

#endif
#endif
