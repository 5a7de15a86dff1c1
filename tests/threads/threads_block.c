/* SPDX-License-Identifier: MIT */
/*
 * A block device that several threads use, each its own sectors: whoever looks finishes what others
 * gave to it, and who runs out of patience resets it for all.
 */
#include "board/block.h"

#include <stdatomic.h>
#include <string.h>

#include "ashlar/block.h"
#include "ashlar/frames.h"
#include "ashlar/irq.h"
#include "tests/threads/threads.h"

#define STEPS 300u
#define DEPTH 3u
#define OWN   8u /* sectors of a thread */
#define MOST  2u /* of a request */

/* The device. All but `sectors` under its lock. */
static struct {
    struct ash_block block;
    struct ash_block_request *queue[DEPTH];
    unsigned char sectors[THREADS_MOST * OWN][ASH_BLOCK_SECTOR];
    uint32_t resets;
} disk;

static int start(struct ash_block *block, struct ash_pmem *region)
{
    (void)region;
    block->dma = (struct ash_dma_device){.name = "disk", .mask = UINT32_MAX, .coherent = true};
    block->info = (struct ash_block_info){
        .sectors = THREADS_MOST * OWN, .max_sectors = MOST, .depth = DEPTH, .irq = 40};
    return ash_dma_init(&block->dma);
}

static int stop(struct ash_block *block)
{
    return ash_dma_exit(&block->dma);
}

static int submit(struct ash_block *block, struct ash_block_request *request)
{
    (void)block;
    for (unsigned i = 0; i < DEPTH; i++) {
        if (disk.queue[i] == NULL) {
            disk.queue[i] = request;
            return 0;
        }
    }
    return ASH_EBUSY;
}

static void transfer(const struct ash_block_request *request)
{
    void *memory = port_ptr(ash_pa(request->mapping.bus.value));
    void *there = disk.sectors[request->sector];
    size_t bytes = (size_t)request->count * ASH_BLOCK_SECTOR;

    if (request->op == ASH_BLOCK_WRITE) {
        memcpy(there, memory, bytes);
    } else {
        memcpy(memory, there, bytes);
    }
}

static void finish(struct ash_block *block, unsigned i, int result)
{
    struct ash_block_request *request = disk.queue[i];

    disk.queue[i] = NULL;
    block_finish(block, request, result);
}

static void collect(struct ash_block *block)
{
    for (unsigned i = 0; i < DEPTH; i++) {
        if (disk.queue[i] != NULL && threads_random_below(2)) {
            transfer(disk.queue[i]);
            finish(block, i, 0);
        }
    }
}

static void set_interrupts(struct ash_block *block, bool on)
{
    (void)block;
    (void)on;
}

static bool acknowledge(struct ash_block *block)
{
    (void)block;
    return true;
}

static int recover(struct ash_block *block)
{
    disk.resets++;
    for (unsigned i = 0; i < DEPTH; i++) {
        if (disk.queue[i] != NULL) {
            finish(block, i, ASH_ETIMEDOUT);
        }
    }
    return 0;
}

static const struct block_driver driver = {
    .start = start,
    .stop = stop,
    .submit = submit,
    .collect = collect,
    .set_interrupts = set_interrupts,
    .acknowledge = acknowledge,
    .recover = recover,
};

void board_find_block_devices(void)
{
    disk.block.driver = &driver;
    MUST(block_register(&disk.block) == 0);
}

int ash_irq_attach(uint32_t irq, void (*function)(void *arg), void *arg)
{
    (void)irq;
    (void)function;
    (void)arg;
    return 0;
}

int ash_irq_detach(uint32_t irq)
{
    (void)irq;
    return 0;
}

/* Each look at the clock is a nanosecond. */
uint64_t ash_now_ns(void)
{
    static _Atomic uint64_t now;

    return atomic_fetch_add_explicit(&now, 1, memory_order_relaxed);
}

/* The same until it comes through. */
static void insist(struct ash_block *block, enum ash_block_op op, uint64_t sector, uint32_t count,
                   ash_pa_t memory)
{
    int error;

    do {
        error = op == ASH_BLOCK_WRITE ? ash_block_write(block, sector, count, memory)
                                      : ash_block_read(block, sector, count, memory);
        MUST(error == 0 || error == ASH_EBUSY || error == ASH_ETIMEDOUT);
        if (error != 0) {
            port_wait_event();
        }
    } while (error != 0);
}

static void work(void *arg)
{
    struct ash_block *block = arg;
    uint64_t first = port_cpu() * OWN;
    uint32_t marks[OWN] = {0};
    ash_frame_t frame;
    unsigned char *page;

    MUST(ash_frames_alloc(0, ASH_FRAMES_NORMAL, &frame) == 0);
    page = port_ptr(ash_frame_pa(frame));
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned at = threads_random_below(OWN - MOST + 1);
        uint32_t count = 1 + threads_random_below(MOST);

        if (threads_random_below(2)) {
            threads_mark(page, count * ASH_BLOCK_SECTOR, step + 1);
            insist(block, ASH_BLOCK_WRITE, first + at, count, ash_frame_pa(frame));
            for (unsigned i = 0; i < count; i++) {
                marks[at + i] = step + 1;
            }
        } else {
            insist(block, ASH_BLOCK_READ, first + at, count, ash_frame_pa(frame));
            for (unsigned i = 0; i < count; i++) {
                threads_check(page + (size_t)i * ASH_BLOCK_SECTOR, ASH_BLOCK_SECTOR, marks[at + i]);
            }
        }
    }
    ash_frames_free(frame, 0);
}

int main(void)
{
    for (unsigned threads = 2; threads <= THREADS_MOST; threads++) {
        /* With much patience, and with so little that others' requests are lost as well. */
        for (uint64_t patience = 1000000; patience > 0; patience /= 1000) {
            struct ash_block *block;

            threads_boot();
            memset(disk.sectors, 0, sizeof disk.sectors);
            disk.resets = 0;
            MUST(ash_block_open(0, (struct ash_pmem *)&disk, &block) == 0);
            ash_block_set_timeout(block, patience);
            threads_run(threads, work, block);
            MUST(disk.resets > 0 || patience > 1);
            MUST(ash_block_close(block) == 0);
            MUST(ash_frames_verify() == 0);
        }
    }
    return 0;
}
