/* SPDX-License-Identifier: MIT */
/*
 * NOR flash that answers the Common Flash Interface (JESD68) and takes Intel's commands: two
 * devices of 16 bits side by side, as one bank of 32 bits. Written while code of the same bank
 * runs: during an operation nothing of the bank can be read, so what touches it runs from RAM, with
 * interrupts off.
 *
 * The part that is written, and the first page, are mapped as devices, all by themselves. What is
 * mapped as memory of the same bank, by this map alone and never written, is named at the start:
 * caches forget it after each operation, since the processor may have read ahead while the bank
 * showed its status.
 */
#ifndef BOARD_DEV_CFI_H
#define BOARD_DEV_CFI_H

#include "ashlar/types.h"

#define CFI_QUERY_WORDS 0x40u

struct cfi_flash {
    ash_va_t bank;        /* its first page, where it answers the query */
    ash_va_t base;        /* of the part that may be written; at a sector's start */
    uint32_t bytes;       /* of that part, whole sectors */
    const void *memory;   /* what of the bank is mapped as memory */
    size_t memory_bytes;  /* 0: nothing */
    uint32_t sector;      /* bytes that are erased at once */
    uint32_t buffer;      /* bytes that are programmed at once, 4 or more */
    uint32_t status;      /* of the operation that failed last: SR of each device, in its half */
    uint64_t erase_count; /* counts of the timer that an operation may take */
    uint64_t program_count;
};

/** One program or erase operation, or the unlocking of a sector. */
struct cfi_operation {
    ash_va_t at;
    uint32_t command;
    const uint32_t *data; /* in RAM; for programming */
    uint32_t words;
    uint64_t patience; /* counts of the timer */
};

/** What the bank says of itself, word by word; for who knows the answer otherwise. Errors:
 *  ASH_ENODEV (no such bank, or one of another kind), ASH_ERANGE (the part is not of whole
 * sectors). */
int cfi_take_query(struct cfi_flash *flash, const uint32_t query[CFI_QUERY_WORDS],
                   uint32_t frequency);

/** Asks the bank; bank, base, bytes, memory and memory_bytes are given. Errors: those of
 *  cfi_take_query; ASH_ENODEV as well if nobody has written the timer's frequency. */
int cfi_open(struct cfi_flash *flash);

/**
 * Erases the sector at `offset`, which is unlocked first. Programs words: all ones before, or only
 * ones to become zeros. offset is within the part; of a sector's start, or of a word.
 * Errors: ASH_EALIGN, ASH_ERANGE, ASH_EINVAL (data that lies in the bank), ASH_EIO (the bank
 * failed: flash->status), ASH_EPERM (it is locked or has no voltage to program), ASH_ETIMEDOUT. On
 * those three the content is undefined. Context: one CPU alone; no other executes or reads anything
 * of the bank. Interrupts are off for one operation (a sector, a buffer) at a time. What was
 * written is not compared.
 */
int cfi_erase(struct cfi_flash *flash, uint32_t offset);
int cfi_unlock(struct cfi_flash *flash, uint32_t offset);
int cfi_program(struct cfi_flash *flash, uint32_t offset, const void *data, size_t bytes);

/* cfi_regs.c: all that touches registers, in .ramtext. */

#define CFI_READ_ARRAY   0xffu
#define CFI_READ_STATUS  0x70u
#define CFI_CLEAR_STATUS 0x50u
#define CFI_QUERY        0x98u
#define CFI_PROGRAM      0x40u
#define CFI_BUFFER       0xe8u
#define CFI_ERASE        0x20u
#define CFI_LOCK         0x60u
#define CFI_CONFIRM      0xd0u
#define CFI_SUSPEND      0xb0u

#define CFI_BOTH(value)    ((value) | (uint32_t)(value) << 16)
#define CFI_READY          CFI_BOTH(0x80u)
#define CFI_ERASE_FAILED   CFI_BOTH(0x20u)
#define CFI_PROGRAM_FAILED CFI_BOTH(0x10u)
#define CFI_NO_VOLTAGE     CFI_BOTH(0x08u)
#define CFI_LOCKED         CFI_BOTH(0x02u)
#define CFI_FAILED         (CFI_ERASE_FAILED | CFI_PROGRAM_FAILED | CFI_NO_VOLTAGE | CFI_LOCKED)

/** Runs one operation and returns the status, without CFI_READY if it took too long. */
uint32_t cfi_operate(const struct cfi_flash *flash, const struct cfi_operation *operation);
void cfi_read_query(const struct cfi_flash *flash, uint32_t query[CFI_QUERY_WORDS]);

#endif
