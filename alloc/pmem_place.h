/* SPDX-License-Identifier: MIT */
/*
 * Where in a free run a block may lie: a pure function of the constraints.
 */
#ifndef ALLOC_PMEM_PLACE_H
#define ALLOC_PMEM_PLACE_H

#include "ashlar/types.h"

/** Constraints as they are checked: nothing open any more. */
struct pmem_limits {
    uint64_t size;     /**< bytes; a multiple of the quantum, not 0 */
    uint64_t align;    /**< a power of two */
    uint64_t boundary; /**< a power of two, at least size; 0: none */
    uint64_t begin;    /**< the block lies in [begin, end) */
    uint64_t end;
};

/** The lowest address in [begin, end) where a block that meets the limits starts, into *at. */
bool pmem_place(const struct pmem_limits *limits, uint64_t begin, uint64_t end, uint64_t *at);

#endif
