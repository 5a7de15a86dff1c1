/* SPDX-License-Identifier: MIT */
/*
 * Requests of block devices when things go wrong: each is finished once, whatever the device does
 * and whether or not it comes back from a reset. Under board/block.c and board/dev/virtio_blk.c
 * stands a virtio transport that does what the test says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/irq.h"
#include "board/block.h"
#include "board/dev/virtio.h"
#include "board/dev/virtio_blk.h"
#include "port/sim/sim.h"

#define IRQ      48u
#define REQUESTS 3u

const struct ash_board ash_board = {.bus_offset = 0};

/* The transport: a ring of used heads in the buffer of the driver, so that the driver zeroes it. */

struct ring {
    uint32_t used;
    uint32_t head[64];
};

static uint64_t buffer[2048];
static struct ring *const ring = (struct ring *)buffer;
static struct virtio_desc descriptors[64];
static uint32_t given[64];
static unsigned given_count, resets, looks;
static int reset_error, negotiate_error;
static unsigned used_at_look; /* the device uses all that it was given at this look; 0: never */

static void device_uses(unsigned n)
{
    ring->head[ring->used++ % 64] = given[n];
}

bool virtio_find(ash_va_t base, uint32_t id, struct virtio_device *device)
{
    device->base = base;
    return id == VIRTIO_ID_BLOCK;
}

int virtio_reset(struct virtio_device *device)
{
    (void)device;
    resets++;
    return reset_error;
}

int virtio_negotiate(struct virtio_device *device, uint32_t wanted, uint32_t *features)
{
    (void)device;
    (void)wanted;
    *features = 0;
    return negotiate_error;
}

uint16_t virtio_queue_limit(struct virtio_device *device, uint16_t number)
{
    (void)device;
    (void)number;
    return 16;
}

size_t virtio_queue_bytes(uint16_t size)
{
    (void)size;
    return sizeof(struct ring) + 12;
}

int virtio_queue_start(struct virtio_queue *queue, struct virtio_device *device, uint16_t number,
                       uint16_t size, void *memory, ash_bus_t bus)
{
    (void)bus;
    assert_ptr_equal(memory, ring);
    queue->device = device;
    queue->number = number;
    queue->size = size;
    queue->seen = 0;
    queue->desc = descriptors;
    given_count = 0;
    return 0;
}

void virtio_ready(struct virtio_device *device)
{
    (void)device;
}

void virtio_queue_give(struct virtio_queue *queue, uint16_t head)
{
    (void)queue;
    given[given_count++] = head;
}

bool virtio_queue_take(struct virtio_queue *queue, uint32_t *head)
{
    looks++;
    if (used_at_look != 0 && looks == used_at_look) {
        for (unsigned n = 0; n < given_count; n++) {
            device_uses(n);
        }
    }
    if (queue->seen == (uint16_t)ring->used) {
        return false;
    }
    *head = ring->head[queue->seen++ % 64];
    return true;
}

void virtio_queue_interrupts(struct virtio_queue *queue, bool on)
{
    (void)queue;
    (void)on;
}

uint32_t virtio_interrupt(struct virtio_device *device)
{
    (void)device;
    return 1;
}

uint32_t virtio_config32(struct virtio_device *device, uint32_t offset)
{
    (void)device;
    (void)offset;
    return 0;
}

uint64_t virtio_config64(struct virtio_device *device, uint32_t offset)
{
    (void)device;
    (void)offset;
    return 1000;
}

/* The rest of the firmware: memory, interrupts, time. */

static unsigned mapped;
static void (*handler)(void *arg);
static void *handler_arg;
static uint64_t now, step;

int ash_map_device(ash_pa_t pa, uint64_t size, ash_va_t *va)
{
    (void)size;
    *va = ash_va((uintptr_t)pa.value);
    return 0;
}

int ash_dma_init(struct ash_dma_device *device)
{
    (void)device;
    return 0;
}

int ash_dma_exit(struct ash_dma_device *device)
{
    (void)device;
    return 0;
}

int ash_dma_alloc(struct ash_dma_device *device, struct ash_pmem *region, uint64_t size,
                  struct ash_dma_buffer *made)
{
    (void)device;
    (void)region;
    assert_true(size <= sizeof(buffer));
    memset(buffer, 0, sizeof(buffer));
    made->block.ptr = buffer;
    made->block.size = sizeof(buffer);
    return 0;
}

int ash_dma_free(struct ash_dma_buffer *freed)
{
    freed->block.ptr = NULL;
    return 0;
}

int ash_dma_map(struct ash_dma_device *device, ash_pa_t pa, size_t size,
                enum ash_dma_direction direction, struct ash_dma_mapping *mapping)
{
    (void)pa;
    (void)size;
    (void)direction;
    mapping->device = device;
    mapped++;
    return 0;
}

int ash_dma_unmap(struct ash_dma_mapping *mapping)
{
    assert_non_null(mapping->device);
    assert_false(sim_irq_masked); /* no lock is held */
    mapping->device = NULL;
    mapped--;
    return 0;
}

int ash_irq_attach(uint32_t irq, void (*function)(void *arg), void *arg)
{
    assert_int_equal(irq, IRQ);
    handler = function;
    handler_arg = arg;
    return 0;
}

int ash_irq_detach(uint32_t irq)
{
    assert_int_equal(irq, IRQ);
    handler = NULL;
    return 0;
}

uint64_t ash_now_ns(void)
{
    now += step;
    return now;
}

void board_find_block_devices(void)
{
    static const struct ash_device device = {.range = {{0x1000}, 0x200}, .irq = IRQ};

    assert_int_equal(virtio_blk_probe(&device), 0);
}

/* The cases. */

static struct ash_block *disk;
static struct ash_block_request request[REQUESTS];
static unsigned called[REQUESTS];

static void call_back(struct ash_block_request *done)
{
    called[done - request]++;
}

static void open_disk(enum ash_block_mode mode, uint64_t clock_step)
{
    reset_error = negotiate_error = 0;
    used_at_look = 0;
    now = 0;
    step = clock_step;
    assert_int_equal(ash_block_count(), 1);
    assert_int_equal(ash_block_open(0, (struct ash_pmem *)&disk, &disk), 0);
    assert_int_equal(ash_block_set_mode(disk, mode), 0);
    ash_block_set_timeout(disk, 1000);
    for (unsigned i = 0; i < REQUESTS; i++) {
        request[i] = (struct ash_block_request){
            .op = ASH_BLOCK_READ, .count = 1, .sector = i, .done = call_back};
        called[i] = 0;
        assert_int_equal(ash_block_submit(disk, &request[i]), 0);
    }
    assert_int_equal(mapped, REQUESTS);
    resets = looks = 0;
}

static void all_finished_once(int result)
{
    for (unsigned i = 0; i < REQUESTS; i++) {
        assert_true(ash_block_done(&request[i]));
        assert_int_equal(request[i].result, result);
        assert_int_equal(called[i], 1);
    }
    assert_int_equal(mapped, 0);
    assert_int_equal(disk->in_flight, 0);
}

/* The device goes on after it was given up, and everybody who may look at it does. */
static void nothing_comes_after(void)
{
    unsigned before = looks;

    for (unsigned n = 0; n < REQUESTS; n++) {
        device_uses(n);
    }
    handler(handler_arg);
    ash_block_poll(disk);
    all_finished_once(ASH_ETIMEDOUT);
    assert_int_equal(ash_block_submit(disk, &request[0]), ASH_EIO);
    assert_int_equal(mapped, 0);
    assert_int_equal(ash_block_set_mode(disk, ASH_BLOCK_POLLED), 0);
    all_finished_once(ASH_ETIMEDOUT);
    assert_int_equal(looks, before);
}

static void a_device_that_does_not_reset_is_dead(void **state)
{
    (void)state;
    open_disk(ASH_BLOCK_INTERRUPT, 100);
    reset_error = ASH_EIO;
    assert_int_equal(ash_block_wait(disk, &request[1]), ASH_ETIMEDOUT);
    all_finished_once(ASH_ETIMEDOUT);
    nothing_comes_after();
    /* As long as the device may still write to its memory, it is not given back. */
    assert_int_equal(ash_block_close(disk), ASH_EIO);
    reset_error = 0;
    assert_int_equal(ash_block_close(disk), 0);
}

static void a_device_that_does_not_start_again_is_dead(void **state)
{
    (void)state;
    open_disk(ASH_BLOCK_INTERRUPT, 100);
    negotiate_error = ASH_ENODEV;
    assert_int_equal(ash_block_wait(disk, &request[2]), ASH_ETIMEDOUT);
    all_finished_once(ASH_ETIMEDOUT);
    nothing_comes_after();
    assert_int_equal(ash_block_close(disk), 0);
}

static void a_device_that_comes_back_works(void **state)
{
    (void)state;
    open_disk(ASH_BLOCK_POLLED, 100);
    assert_int_equal(ash_block_wait(disk, &request[0]), ASH_ETIMEDOUT);
    assert_int_not_equal(resets, 0);
    all_finished_once(ASH_ETIMEDOUT);
    assert_int_equal(ash_block_submit(disk, &request[0]), 0);
    assert_int_equal(ash_block_wait(disk, &request[0]), ASH_ETIMEDOUT);
    assert_int_equal(called[0], 2);
    called[0] = 1;
    all_finished_once(ASH_ETIMEDOUT);
    called[0] = 0;
    assert_int_equal(ash_block_submit(disk, &request[0]), 0);
    used_at_look = looks + 3;
    assert_int_equal(ash_block_wait(disk, &request[0]), ASH_EIO); /* the status it never wrote */
    assert_int_equal(called[0], 1);
    assert_int_equal(ash_block_close(disk), 0);
}

/* What the last look finds is not lost, and neither is what else is in flight. */
static void the_last_look_counts(void **state)
{
    (void)state;
    open_disk(ASH_BLOCK_INTERRUPT, 100);
    device_uses(0); /* and its interrupt does not come */
    assert_int_equal(ash_block_wait(disk, &request[0]), ASH_EIO);
    assert_int_equal(resets, 0);
    assert_int_equal(called[0], 1);
    assert_int_equal(disk->in_flight, 2);
    device_uses(1);
    device_uses(2);
    handler(handler_arg);
    all_finished_once(ASH_EIO);
    assert_int_equal(ash_block_close(disk), 0);
}

static void with_a_clock_only_time_counts(void **state)
{
    (void)state;
    open_disk(ASH_BLOCK_POLLED, 1);
    disk->patience = 10;
    used_at_look = 500;
    assert_int_equal(ash_block_wait(disk, &request[0]), ASH_EIO);
    assert_int_equal(resets, 0);
    all_finished_once(ASH_EIO);
    assert_int_equal(ash_block_close(disk), 0);
}

static void without_a_clock_looks_count(void **state)
{
    (void)state;
    open_disk(ASH_BLOCK_POLLED, 0);
    disk->patience = 10;
    assert_int_equal(ash_block_wait(disk, &request[0]), ASH_ETIMEDOUT);
    assert_int_not_equal(resets, 0);
    assert_in_range(looks, 9, 12);
    all_finished_once(ASH_ETIMEDOUT);
    assert_int_equal(ash_block_close(disk), 0);
}

static int start(void **state)
{
    (void)state;
    sim_start();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_device_that_does_not_reset_is_dead, start),
        cmocka_unit_test_setup(a_device_that_does_not_start_again_is_dead, start),
        cmocka_unit_test_setup(a_device_that_comes_back_works, start),
        cmocka_unit_test_setup(the_last_look_counts, start),
        cmocka_unit_test_setup(with_a_clock_only_time_counts, start),
        cmocka_unit_test_setup(without_a_clock_looks_count, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
