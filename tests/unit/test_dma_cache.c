/* SPDX-License-Identifier: MIT */
/*
 * Streaming mappings on a cache that is not coherent with the device: lines come into the cache and
 * leave it at random, as speculation and eviction make them; the cache operations that the calls
 * issue are all that keeps CPU and device together. Whoever owns a byte must read what was last
 * written to it.
 */
#include "ashlar/dma.h"
#include "tests/unit/pmem_machine.h"

#define LINE      64u
#define BYTES     2048u /* 32 lines, mapped in the middle; neighbours stay the CPU's */
#define BUFFER_AT (ZONE_AT + 0x10000)

enum line_state { ABSENT, CLEAN, DIRTY };

static uint8_t memory[BYTES]; /* what the device sees */
static uint8_t lines[BYTES];  /* what the CPU sees of lines that are present */
static enum line_state state_of[BYTES / LINE];
static uint8_t expected[BYTES]; /* what was last written, by whoever owned the byte */
static bool device_owns[BYTES];

static struct ash_dma_device device;
static struct ash_dma_mapping map;
static size_t map_offset, map_size;
static unsigned cpu_reads, device_reads;

static void line_fill(size_t line)
{
    if (state_of[line] == ABSENT) {
        memcpy(&lines[line * LINE], &memory[line * LINE], LINE);
        state_of[line] = CLEAN;
    }
}

static void line_clean(size_t line)
{
    if (state_of[line] == DIRTY) {
        memcpy(&memory[line * LINE], &lines[line * LINE], LINE);
        state_of[line] = CLEAN;
    }
}

static void line_drop(size_t line)
{
    state_of[line] = ABSENT;
}

/* Does to the cache what the last call asked for, and forgets it. */
static void replay(void)
{
    const uint8_t *start = port_ptr(ash_pa(BUFFER_AT));

    for (unsigned i = 0; i < sim_traced; i++) {
        const struct sim_event *event = &sim_trace[i];
        size_t offset = (size_t)(event->address - (uintptr_t)start);

        if (event->op != SIM_CACHE_CLEAN && event->op != SIM_CACHE_INVALIDATE &&
            event->op != SIM_CACHE_CLEAN_INVALIDATE) {
            continue;
        }
        assert_true(event->value > 0 && offset < BYTES && event->value <= BYTES - offset);
        for (size_t line = offset / LINE; line <= (offset + event->value - 1) / LINE; line++) {
            if (event->op != SIM_CACHE_INVALIDATE) {
                line_clean(line);
            }
            if (event->op != SIM_CACHE_CLEAN) {
                line_drop(line);
            }
        }
    }
    sim_forget();
}

static void weather(void)
{
    for (unsigned i = 0; i < 4; i++) {
        size_t line = support_random_below(BYTES / LINE);

        if (support_random_below(2)) {
            line_fill(line);
        } else {
            line_clean(line);
            line_drop(line);
        }
    }
}

static void cpu_touches(size_t at)
{
    if (device_owns[at]) {
        return;
    }
    line_fill(at / LINE);
    assert_int_equal(lines[at], expected[at]);
    cpu_reads++;
    if (support_random_below(2)) {
        lines[at] = expected[at] = (uint8_t)support_random();
        state_of[at / LINE] = DIRTY;
    }
}

static void device_touches(size_t at)
{
    if (!device_owns[at]) {
        return;
    }
    if (map.direction != ASH_DMA_FROM_DEVICE) {
        assert_int_equal(memory[at], expected[at]);
        device_reads++;
    }
    if (map.direction != ASH_DMA_TO_DEVICE) {
        memory[at] = expected[at] = (uint8_t)support_random();
    }
}

static void touch(void)
{
    for (unsigned i = 0; i < 40; i++) {
        size_t at = support_random_below(BYTES);

        weather();
        if (support_random_below(2)) {
            cpu_touches(at);
        } else {
            device_touches(at);
        }
    }
}

/* A random part of [0, size), whole lines if the device writes. */
static void part(size_t size, size_t *offset, size_t *length)
{
    size_t unit = map.direction == ASH_DMA_TO_DEVICE ? 1 : LINE;

    *offset = support_random_below((uint32_t)(size / unit)) * unit;
    *length = (1 + support_random_below((uint32_t)((size - *offset) / unit))) * unit;
}

static void hand_over(size_t offset, size_t size, bool to_device)
{
    memset(&device_owns[map_offset + offset], to_device, size);
    replay();
}

static void transfer(void)
{
    enum ash_dma_direction direction = 1 + support_random_below(3);
    size_t unit = direction == ASH_DMA_TO_DEVICE ? 1 : LINE;

    map_offset = LINE / unit * unit + support_random_below((uint32_t)(512 / unit)) * unit;
    map_size = (1 + support_random_below((uint32_t)(1024 / unit))) * unit;
    touch();
    assert_int_equal(
        ash_dma_map(&device, ash_pa(BUFFER_AT + map_offset), map_size, direction, &map), 0);
    hand_over(0, map_size, true);
    touch();
    for (unsigned syncs = support_random_below(6); syncs > 0; syncs--) {
        size_t offset, size;
        int error;

        part(map_size, &offset, &size);
        if (support_random_below(2)) {
            assert_int_equal(ash_dma_sync_for_cpu(&map, offset, size, direction), 0);
            hand_over(offset, size, false);
        } else {
            error = ash_dma_sync_for_device(&map, offset, size, direction);
            assert_true(error == 0 || error == ASH_ENOTOWNER);
            if (error == 0) {
                hand_over(offset, size, true);
            }
        }
        touch();
    }
    assert_int_equal(ash_dma_unmap(&map), 0);
    hand_over(0, map_size, false);
    for (size_t at = 0; at < BYTES; at++) {
        cpu_touches(at);
    }
}

static void owners_read_what_was_written(void **state)
{
    (void)state;
    machine_start();
    support_seed(99);
    device = (struct ash_dma_device){.mask = UINT32_MAX};
    assert_int_equal(ash_dma_init(&device), 0);
    sim_forget();
    for (unsigned i = 0; i < 4000; i++) {
        transfer();
    }
    assert_true(cpu_reads > 100000 && device_reads > 10000);
    assert_int_equal(ash_dma_exit(&device), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_read_what_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
