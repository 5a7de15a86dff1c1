/* SPDX-License-Identifier: MIT */
/*
 * A bank of NOR flash for host tests: two devices of 16 bits side by side that take Intel's
 * commands, and the driver's register part compiled upon it. Stricter than a real one: it stops the
 * test if the driver leaves it in another mode than READ ARRAY with interrupts on, forgets a cache
 * line, or sends commands to one device only. And it fails, hangs or loses its power at the n-th
 * operation; what was programmed or erased by then is neither old nor new.
 */
#ifndef ASHLAR_UNIT_NOR_MACHINE_H
#define ASHLAR_UNIT_NOR_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ashlar/types.h"
#include "tests/unit/support.h"

#define NOR_BYTES  0x20000u
#define NOR_SECTOR 0x1000u
#define NOR_BUFFER 0x40u
#define NOR_LINE   64u

enum nor_mode { NOR_ARRAY, NOR_STATUS, NOR_QUERY };
enum nor_trouble {
    NOR_NONE,
    NOR_FAILS,  /* the status says so */
    NOR_UNSURE, /* done, but one bit is not what it should be, and the status is fine */
    NOR_HANGS,  /* never ready until it is suspended */
    NOR_POWER,  /* lost: the test goes on where nor_power was set */
};

static struct {
    uint32_t array[NOR_BYTES / 4] __attribute__((aligned(NOR_BYTES)));
    bool locked[NOR_BYTES / NOR_SECTOR];
    enum nor_mode mode;
    uint32_t command; /* waits for its second cycle; 0: none */
    unsigned asked;   /* for a buffer */
    uint32_t left;    /* words of a buffer that have not come; or 1 + words that it will have */
    uint32_t words[NOR_BUFFER / 4], buffered, buffer_at;
    uint32_t status, busy; /* looks until it is ready */
    uint32_t delay;        /* looks that an operation takes */
    bool hung;
    unsigned operations; /* begun, program and erase */
    unsigned trouble_at;
    enum nor_trouble trouble;
    uint32_t trouble_status;
    bool masked;
    bool lines[NOR_BYTES / NOR_LINE]; /* may hold what is no memory */
    bool instructions;
    const void *memory;
    size_t memory_bytes;
    uint64_t time;
} nor;

static jmp_buf nor_power;
static uint32_t nor_frequency = 1000000; /* of the timer */

static void nor_start(void)
{
    memset(&nor, 0, sizeof(nor));
    memset(nor.array, 0xff, sizeof(nor.array));
    memset(nor.locked, 1, sizeof(nor.locked));
    nor.delay = 3;
}

/* Power comes back: the array is what it was, all else as after a reset. */
static inline void nor_power_on(void)
{
    memset(nor.locked, 1, sizeof(nor.locked));
    nor.mode = NOR_ARRAY;
    nor.command = nor.asked = nor.busy = nor.status = nor.operations = nor.trouble_at = nor.left =
        0;
    nor.masked = nor.hung = nor.instructions = false;
    memset(nor.lines, 0, sizeof(nor.lines));
}

static uint32_t nor_offset(uintptr_t address)
{
    uintptr_t offset = address - (uintptr_t)nor.array;

    assert_true(offset < NOR_BYTES && offset % 4 == 0);
    return (uint32_t)offset;
}

/* As QEMU's virt answers, with sizes of this model. */
static uint32_t nor_query_word(uint32_t word)
{
    static const uint8_t table[0x40] = {
        [0x10] = 'Q', [0x11] = 'R', [0x12] = 'Y', [0x13] = 1,    [0x1f] = 7,  [0x20] = 7,
        [0x21] = 10,  [0x23] = 4,   [0x24] = 4,   [0x25] = 4,    [0x27] = 16, [0x28] = 1,
        [0x2a] = 5,   [0x2c] = 1,   [0x2d] = 31,  [0x2f] = 0x08,
    };

    return word < 0x40 ? table[word] | (uint32_t)table[word] << 16 : 0;
}

static enum nor_trouble nor_begin(void)
{
    nor.operations++;
    nor.busy = nor.delay;
    return nor.operations == nor.trouble_at ? nor.trouble : NOR_NONE;
}

static void nor_end(enum nor_trouble trouble, uint32_t failed)
{
    nor.status = trouble == NOR_FAILS ? (nor.trouble_status != 0 ? nor.trouble_status : failed) : 0;
    nor.hung = trouble == NOR_HANGS;
    if (trouble == NOR_POWER) {
        longjmp(nor_power, 1);
    }
}

static void nor_erase(uint32_t offset)
{
    uint32_t first = offset / NOR_SECTOR * NOR_SECTOR / 4;
    enum nor_trouble trouble = nor_begin();

    if (nor.locked[offset / NOR_SECTOR]) {
        nor.status = 0x00220022;
        return;
    }
    for (uint32_t i = first; i < first + NOR_SECTOR / 4; i++) {
        /* Half-erased: some ones come back, in any place. Failed: nothing happened. */
        nor.array[i] |= trouble == NOR_NONE || trouble == NOR_UNSURE ? UINT32_MAX
                        : trouble == NOR_FAILS                       ? 0
                                                                     : support_random();
    }
    if (trouble == NOR_UNSURE) {
        nor.array[first + 5] &= ~4u;
    }
    nor_end(trouble, 0x00200020);
}

static void nor_program(uint32_t offset, const uint32_t *words, uint32_t count)
{
    enum nor_trouble trouble = nor_begin();
    uint32_t whole = trouble == NOR_NONE || trouble == NOR_UNSURE ? count
                     : trouble == NOR_FAILS                       ? 0
                                                                  : support_random_below(count);

    if (nor.locked[offset / NOR_SECTOR]) {
        nor.status = 0x00120012;
        return;
    }
    for (uint32_t i = 0; i < whole; i++) {
        nor.array[offset / 4 + i] &= words[i];
    }
    if (trouble == NOR_UNSURE) {
        nor.array[offset / 4 + count - 1] ^= 0x10000;
    } else if (whole < count && trouble != NOR_FAILS) {
        nor.array[offset / 4 + whole] &= words[whole] | support_random();
    }
    nor_end(trouble, 0x00100010);
}

static void nor_second_cycle(uint32_t offset, uint32_t value)
{
    uint32_t command = nor.command;

    nor.command = 0;
    nor.mode = NOR_STATUS;
    if (command == 0x40) {
        nor_program(offset, &value, 1);
        return;
    }
    assert_int_equal(value & 0xffff, value >> 16);
    value &= 0xffff;
    if (command == 0xe8) {
        assert_true(value < NOR_BUFFER / 4);
        nor.left = value + 2; /* the words and the confirmation */
        nor.buffered = 0;
        return;
    }
    assert_int_equal(value, 0xd0);
    if (command == 0x20) {
        nor_erase(offset);
    } else {
        nor.locked[offset / NOR_SECTOR] = false;
    }
}

static void nor_buffer_cycle(uint32_t offset, uint32_t value)
{
    nor.left--;
    if (nor.left == 0) {
        assert_int_equal(value, 0x00d000d0);
        nor_program(nor.buffer_at, nor.words, nor.buffered);
        return;
    }
    if (nor.buffered == 0) {
        nor.buffer_at = offset;
    }
    assert_int_equal(offset, nor.buffer_at + 4 * nor.buffered);
    assert_int_equal(offset / NOR_BUFFER, nor.buffer_at / NOR_BUFFER);
    nor.words[nor.buffered++] = value;
}

static void nor_leave_array(void)
{
    assert_true(nor.masked);
    memset(nor.lines, 1, sizeof(nor.lines));
    nor.instructions = true;
}

static void nor_write(uint32_t offset, uint32_t value)
{
    nor_leave_array();
    if (nor.left != 0) {
        nor_buffer_cycle(offset, value);
        return;
    }
    if (nor.command != 0) {
        nor_second_cycle(offset, value);
        return;
    }
    assert_int_equal(value & 0xffff, value >> 16);
    value &= 0xffff;
    if (nor.busy != 0 || nor.hung) {
        assert_true(value == 0x70 || value == 0xb0); /* all that it listens to */
        nor.mode = NOR_STATUS;
        nor.hung = nor.hung && value != 0xb0;
        return;
    }
    switch (value) {
    case 0xff:
        nor.mode = NOR_ARRAY;
        return;
    case 0x98:
        nor.mode = NOR_QUERY;
        return;
    case 0x50:
        nor.status = 0;
        return;
    case 0x70:
        nor.mode = NOR_STATUS;
        return;
    case 0xe8:
        nor.mode = NOR_STATUS;
        nor.asked = (nor.asked + 1) % 3; /* no buffer is free before the third time */
        nor.busy = nor.asked != 0;
        nor.command = nor.asked == 0 ? value : 0;
        return;
    case 0x20:
    case 0x40:
    case 0x60:
        nor.mode = NOR_STATUS;
        nor.command = value;
        return;
    default:
        fail_msg("unknown command 0x%x", value);
    }
}

static uint32_t nor_read(uint32_t offset)
{
    switch (nor.mode) {
    case NOR_ARRAY:
        return nor.array[offset / 4];
    case NOR_QUERY:
        return nor_query_word(offset / 4);
    default:
        if (nor.hung) {
            return 0;
        }
        if (nor.busy != 0) {
            nor.busy--;
            return nor.busy % 2 == 0 ? 0 : 0x80; /* one device may be ready first */
        }
        return 0x00800080 | nor.status;
    }
}

/* What the driver is compiled upon: headers of the same names are not seen. */
#define ASHLAR_PORT_H
#define ASHLAR_PORT_TIMER_REGS_H
#define BOARD_DEV_MMIO_H

static inline uint32_t mmio_read32(ash_va_t base, uint32_t offset)
{
    return nor_read(nor_offset(base.value + offset));
}

static inline void mmio_write32(ash_va_t base, uint32_t offset, uint32_t value)
{
    nor_write(nor_offset(base.value + offset), value);
}

static inline uint32_t port_timer_frequency(void)
{
    return nor_frequency;
}

static inline uint64_t port_timer_count(void)
{
    return nor.time += 1000;
}

static inline unsigned long port_all_save(void)
{
    assert_false(nor.masked);
    nor.masked = true;
    return 17;
}

static inline void port_all_restore(unsigned long saved)
{
    assert_int_equal(saved, 17);
    assert_true(nor.masked);
    assert_int_equal(nor.mode, NOR_ARRAY);
    assert_int_equal(nor.status, 0);
    assert_false(nor.instructions);
    for (size_t at = 0; at < nor.memory_bytes; at++) {
        assert_false(nor.lines[((uintptr_t)nor.memory + at - (uintptr_t)nor.array) / NOR_LINE]);
    }
    nor.masked = false;
}

static inline size_t port_cache_line(void)
{
    return NOR_LINE;
}

static inline void port_line_clean_invalidate(uintptr_t line)
{
    assert_int_equal(nor.mode, NOR_ARRAY);
    nor.lines[nor_offset(line) / NOR_LINE] = false;
}

static inline void port_code_invalidate(void)
{
    assert_int_equal(nor.mode, NOR_ARRAY);
    nor.instructions = false;
}

static inline void port_dsb_sy(void)
{
}

static inline void port_isb(void)
{
}

static inline void port_copy(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
}

#include "board/dev/cfi.c"
#include "board/dev/cfi_regs.c"

/* A flash whose second half is written, while code of the first runs. */
static struct cfi_flash nor_flash(void)
{
    struct cfi_flash flash = {.bank = ash_va((uintptr_t)nor.array),
                              .base = ash_va((uintptr_t)nor.array + NOR_BYTES / 2),
                              .bytes = NOR_BYTES / 2,
                              .memory = (const char *)nor.array + 100,
                              .memory_bytes = 5000};

    nor.memory = flash.memory;
    nor.memory_bytes = flash.memory_bytes;
    return flash;
}

#endif
