/* SPDX-License-Identifier: MIT */
/*
 * Addresses, frames and checked arithmetic: the vocabulary of every other header.
 *
 * Each kind of address is a one-member struct, so that a physical address given
 * where a virtual one is wanted does not compile. Ranges are base and size, the
 * end is exclusive, and every addition of the two goes through a checked helper.
 */
#ifndef ASHLAR_TYPES_H
#define ASHLAR_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASH_PAGE_SHIFT 12u
#define ASH_PAGE_SIZE  ((size_t)1 << ASH_PAGE_SHIFT)

/** A physical address. 64 bits everywhere; LPAE implements 40 of them. */
typedef struct {
    uint64_t value;
} ash_pa_t;

/** A virtual address of the processor that the map is for (a map of another width fits as well). */
typedef struct {
    uintptr_t value;
} ash_va_t;

/** An address as a device on a bus sees it (physical address plus the bus offset). */
typedef struct {
    uint64_t value;
} ash_bus_t;

/**
 * A naturally aligned 4 KiB of physical memory, named by its number (address / 4096).
 * 32 bits reach 16 TiB; a one-member struct of 64 bits would be returned through memory on AArch32.
 */
typedef struct {
    uint32_t number;
} ash_frame_t;

/** No frame. (Number 0 is a real frame on boards with RAM at 0.) */
#define ASH_FRAME_NONE ((ash_frame_t){UINT32_MAX})

static inline ash_pa_t ash_pa(uint64_t value)
{
    return (ash_pa_t){value};
}

static inline ash_va_t ash_va(uintptr_t value)
{
    return (ash_va_t){value};
}

/** The virtual address of an object. */
static inline ash_va_t ash_va_of(const volatile void *object)
{
    return (ash_va_t){(uintptr_t)object};
}

static inline ash_pa_t ash_frame_pa(ash_frame_t frame)
{
    return (ash_pa_t){(uint64_t)frame.number << ASH_PAGE_SHIFT};
}

/** The frame that holds pa. pa is below 2^44. */
static inline ash_frame_t ash_pa_frame(ash_pa_t pa)
{
    return (ash_frame_t){(uint32_t)(pa.value >> ASH_PAGE_SHIFT)};
}

static inline bool ash_frame_is_none(ash_frame_t frame)
{
    return frame.number == UINT32_MAX;
}

/** A range of physical memory; [base, base + size). */
struct ash_range {
    ash_pa_t base;
    uint64_t size;
};

static inline bool ash_is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/** value rounded down to a multiple of align, a power of two. */
static inline uint64_t ash_align_down(uint64_t value, uint64_t align)
{
    return value & ~(align - 1);
}

/** Rounds value up to a multiple of align (a power of two) into *out; false if that wraps. */
static inline bool ash_align_up(uint64_t value, uint64_t align, uint64_t *out)
{
    uint64_t padded;

    if (__builtin_add_overflow(value, align - 1, &padded)) {
        return false;
    }
    *out = padded & ~(align - 1);
    return true;
}

static inline bool ash_is_aligned(uint64_t value, uint64_t align)
{
    return (value & (align - 1)) == 0;
}

/** *end = base + size, exclusive; false if that wraps. */
static inline bool ash_range_end(uint64_t base, uint64_t size, uint64_t *end)
{
    return !__builtin_add_overflow(base, size, end);
}

/** *product = count * size; false if that wraps. */
static inline bool ash_size_product(size_t count, size_t size, size_t *product)
{
    return !__builtin_mul_overflow(count, size, product);
}

#endif
