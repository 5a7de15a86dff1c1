/* SPDX-License-Identifier: MIT */
/*
 * Detected corruption: a double free, a foreign pointer, a broken link. It is never an
 * error code that a caller could ignore: it goes to one hook.
 */
#ifndef ASHLAR_FAULT_H
#define ASHLAR_FAULT_H

#include <stdint.h>

enum ash_fault_kind {
    ASH_FAULT_DOUBLE_FREE, /**< freed, or free already */
    ASH_FAULT_FOREIGN,     /**< never came from this allocator */
    ASH_FAULT_MISALIGNED,  /**< inside a block, not at its start */
    ASH_FAULT_CORRUPT,     /**< metadata that contradicts itself */
    ASH_FAULT_OVERRUN,     /**< a red zone or poison was overwritten */
    ASH_FAULT_DMA,         /**< memory that a device owns is misused */
    ASH_FAULT_LOCK,        /**< a lock taken out of order or twice, or released unheld */
    ASH_FAULT_CONTEXT, /**< a call in an interrupt, or with a lock held, that is not for those */
};

struct ash_fault {
    enum ash_fault_kind kind;
    const char *module; /**< "frames", "pool", "heap", ...; ASH_FAULT_CONTEXT: the function */
    const char *what;   /**< one sentence */
    uint64_t address;   /**< the address, or frame number * 4096, concerned */
    const void *caller; /**< return address of the public function called; NULL if not known */
};

typedef void (*ash_fault_fn)(const struct ash_fault *fault);

/**
 * Called on detected corruption, in the context that found it, with no lock of the module held (but
 * with those that the CPU holds where locks themselves are misused, or a call is not for who holds
 * one: ASH_FAULT_LOCK, ASH_FAULT_CONTEXT).
 * The default prints a report and stops the board. A hook that returns makes the operation
 * return without any change. Set it before other CPUs run.
 */
extern ash_fault_fn ash_fault_hook;

/** "double free" and so on. */
const char *ash_fault_kind_name(enum ash_fault_kind kind);

#endif
