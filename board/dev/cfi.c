/* SPDX-License-Identifier: MIT */
/*
 * CFI flash: what its query means, and operations on ranges as operations of the bank. Touches no
 * register: cfi_regs.c does.
 */
#include "board/dev/cfi.h"

#include "ashlar/errors.h"
#include "port/timer_regs.h"

/* Offsets into the query (JESD68.01, tables 1 to 4), in words of the bank. */
#define QUERY_QRY           0x10u
#define QUERY_COMMANDS      0x13u
#define QUERY_PROGRAM_TIME  0x1fu /* log2 of microseconds, typical; of a buffer one further */
#define QUERY_ERASE_TIME    0x21u /* log2 of milliseconds */
#define QUERY_PROGRAM_TIMES 0x23u /* log2 of how often that at most; of a buffer one further */
#define QUERY_ERASE_TIMES   0x25u
#define QUERY_SIZE          0x27u /* log2 of bytes, of one device */
#define QUERY_BUFFER        0x2au /* log2 of bytes, of one device */
#define QUERY_REGIONS       0x2cu /* of sectors of one size */
#define QUERY_SECTOR        0x2fu /* bytes / 256, of one device */

#define COMMANDS_INTEL          0x0001u
#define COMMANDS_INTEL_STANDARD 0x0003u

#define DEVICES     2u
#define MARGIN      2u /* times the longest that the data sheet has */
#define BUFFER_MOST 4096u

/* Microseconds where the query says nothing. */
#define DEFAULT_PROGRAM 1000000u
#define DEFAULT_ERASE   16000000u

/* 0 and false where the devices disagree. */
static bool cfi_byte(const uint32_t query[CFI_QUERY_WORDS], uint32_t at, uint32_t *value)
{
    *value = query[at] & 0xff;
    return query[at] == CFI_BOTH(*value);
}

static bool cfi_half(const uint32_t query[CFI_QUERY_WORDS], uint32_t at, uint32_t *value)
{
    uint32_t high;
    bool same = cfi_byte(query, at, value) && cfi_byte(query, at + 1, &high);

    *value |= same ? high << 8 : 0;
    return same;
}

/* Counts of the timer for the longest time of an operation. */
static uint64_t cfi_patience(const uint32_t query[CFI_QUERY_WORDS], uint32_t typical,
                             uint32_t times, uint32_t unit_us, uint32_t otherwise_us,
                             uint32_t frequency)
{
    uint32_t time, factor;
    uint64_t us = otherwise_us;

    if (cfi_byte(query, typical, &time) && cfi_byte(query, times, &factor) && time != 0 &&
        time + factor <= 24) {
        us = (uint64_t)unit_us << (time + factor);
    }
    return us * MARGIN * (frequency / 1000u + 1u) / 1000u;
}

int cfi_take_query(struct cfi_flash *flash, const uint32_t query[CFI_QUERY_WORDS],
                   uint32_t frequency)
{
    static const uint32_t mark[] = {'Q', 'R', 'Y'};
    uint32_t value, commands, size, buffer, sector;

    for (uint32_t i = 0; i < 3; i++) {
        if (!cfi_byte(query, QUERY_QRY + i, &value) || value != mark[i]) {
            return ASH_ENODEV;
        }
    }
    if (!cfi_half(query, QUERY_COMMANDS, &commands) ||
        (commands != COMMANDS_INTEL && commands != COMMANDS_INTEL_STANDARD) ||
        !cfi_byte(query, QUERY_SIZE, &size) || size < 16 || size > 30 ||
        !cfi_half(query, QUERY_BUFFER, &buffer) || buffer > 16 ||
        !cfi_byte(query, QUERY_REGIONS, &value) || value != 1 ||
        !cfi_half(query, QUERY_SECTOR, &sector) || !ash_is_power_of_two(sector)) {
        return ASH_ENODEV;
    }
    flash->sector = DEVICES * 256u * sector;
    flash->buffer = buffer < 2 ? 4 : DEVICES << buffer;
    if (flash->buffer > BUFFER_MOST) {
        flash->buffer = BUFFER_MOST;
    }
    if (flash->bytes == 0 || flash->bytes > DEVICES << size || flash->bytes % flash->sector != 0 ||
        flash->base.value % flash->sector != 0) {
        return ASH_ERANGE;
    }
    value = buffer < 2 ? 0 : 1;
    flash->program_count = cfi_patience(query, QUERY_PROGRAM_TIME + value,
                                        QUERY_PROGRAM_TIMES + value, 1, DEFAULT_PROGRAM, frequency);
    flash->erase_count =
        cfi_patience(query, QUERY_ERASE_TIME, QUERY_ERASE_TIMES, 1000, DEFAULT_ERASE, frequency);
    flash->status = 0;
    return 0;
}

int cfi_open(struct cfi_flash *flash)
{
    uint32_t query[CFI_QUERY_WORDS];
    uint32_t frequency = port_timer_frequency();

    if (frequency == 0) {
        return ASH_ENODEV; /* how long an operation takes could not be told */
    }
    cfi_read_query(flash, query);
    return cfi_take_query(flash, query, frequency);
}

static int cfi_run(struct cfi_flash *flash, const struct cfi_operation *operation)
{
    uint32_t status = cfi_operate(flash, operation);

    flash->status = status;
    if ((status & CFI_READY) != CFI_READY) {
        return ASH_ETIMEDOUT;
    }
    if ((status & (CFI_NO_VOLTAGE | CFI_LOCKED)) != 0) {
        return ASH_EPERM;
    }
    return (status & CFI_FAILED) != 0 ? ASH_EIO : 0;
}

static int cfi_sector(struct cfi_flash *flash, uint32_t offset, uint32_t command)
{
    struct cfi_operation operation = {ash_va(flash->base.value + offset), command, NULL, 0,
                                      flash->erase_count};

    if (offset % flash->sector != 0) {
        return ASH_EALIGN;
    }
    return offset >= flash->bytes ? ASH_ERANGE : cfi_run(flash, &operation);
}

int cfi_unlock(struct cfi_flash *flash, uint32_t offset)
{
    return cfi_sector(flash, offset, CFI_LOCK);
}

int cfi_erase(struct cfi_flash *flash, uint32_t offset)
{
    int error = cfi_unlock(flash, offset);

    return error != 0 ? error : cfi_sector(flash, offset, CFI_ERASE);
}

static bool cfi_meet(uintptr_t one, size_t bytes, uintptr_t other, size_t other_bytes)
{
    return one < other + other_bytes && other < one + bytes;
}

/* Data that cannot be read while it is programmed. */
static bool cfi_in_bank(const struct cfi_flash *flash, const void *data, size_t bytes)
{
    return cfi_meet((uintptr_t)data, bytes, (uintptr_t)flash->memory, flash->memory_bytes) ||
           cfi_meet((uintptr_t)data, bytes, flash->base.value, flash->bytes);
}

int cfi_program(struct cfi_flash *flash, uint32_t offset, const void *data, size_t bytes)
{
    const uint32_t *words = data;
    int error = 0;

    if (offset % 4 != 0 || bytes % 4 != 0 || (uintptr_t)data % 4 != 0) {
        return ASH_EALIGN;
    }
    if (cfi_in_bank(flash, data, bytes)) {
        return ASH_EINVAL;
    }
    if (offset > flash->bytes || bytes > flash->bytes - offset) {
        return ASH_ERANGE;
    }
    while (bytes != 0 && error == 0) {
        uint32_t most = flash->buffer - offset % flash->buffer;
        uint32_t now = bytes < most ? (uint32_t)bytes : most;
        struct cfi_operation operation = {ash_va(flash->base.value + offset),
                                          now == 4 ? CFI_PROGRAM : CFI_BUFFER, words, now / 4,
                                          flash->program_count};

        error = cfi_run(flash, &operation);
        offset += now;
        words += now / 4;
        bytes -= now;
    }
    return error;
}
