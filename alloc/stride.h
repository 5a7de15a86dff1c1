/* SPDX-License-Identifier: MIT */
/*
 * How the index of a block in a row of equal blocks is found, and at the same time that an address
 * is the start of one.
 */
#ifndef ALLOC_STRIDE_H
#define ALLOC_STRIDE_H

#include <stddef.h>

/**
 * The index of the block that starts at an offset. For any other offset it is at least the number
 * of blocks: stride = odd * 2^shift, so the product with the inverse of `odd` is quotient * 2^shift
 * exactly if the stride divides the offset, and rotating it right brings a remainder to the top.
 */
static inline size_t stride_index(size_t offset, size_t inverse, unsigned shift)
{
    size_t product = offset * inverse;
    unsigned bits = 8 * (unsigned)sizeof(size_t);

    return product >> shift | product << ((bits - shift) & (bits - 1));
}

#endif
