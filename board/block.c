/* SPDX-License-Identifier: MIT */
/*
 * Block devices in general: enumeration, checks, waiting. Owns the table of devices and the life of
 * requests; what a device's registers look like is its driver's business.
 */
#include "board/block.h"

#include "ashlar/irq.h"
#include "port/outside.h"
#include "port/spinlock.h"

#define BLOCK_TIMEOUT_NS 10000000000u
#define BLOCK_PATIENCE   200000000u

/* ash_block_request.finished: its owner looks at it without the lock. */
enum {
    BLOCK_GIVEN, /* to the device */
    BLOCK_DONE,  /* its owner's again */
    BLOCK_TAKEN, /* back from the device */
};

static struct ash_block *block_devices[BLOCK_DEVICES];
static unsigned block_count;
static bool block_looked;

int block_register(struct ash_block *block)
{
    static const char *const names[BLOCK_DEVICES] = {"block 0", "block 1", "block 2", "block 3"};

    if (block_count == BLOCK_DEVICES) {
        return ASH_ENOMEM;
    }
    spinlock_retire(&block->lock);
    spinlock_init(&block->lock, ASH_LOCK_BLOCK, names[block_count]);
    block_devices[block_count++] = block;
    return 0;
}

unsigned ash_block_count(void)
{
    if (!outside_interrupts(__func__)) {
        return 0;
    }
    if (!block_looked) {
        block_looked = true;
        board_find_block_devices();
    }
    return block_count;
}

/* Lets go of the lock, takes the memory of what was finished under it back from the device, and
 * calls back. No lock is held where dma's checker may tell of misuse. */
static void block_release(struct ash_block *block, unsigned long saved)
{
    struct ash_block_request *request = block->finished;
    uint32_t count = 0;

    block->finished = NULL;
    spinlock_release(&block->lock, saved);
    for (struct ash_block_request *at = request; at != NULL; at = at->next) {
        int error = at->op == ASH_BLOCK_FLUSH ? 0 : ash_dma_unmap(&at->mapping);

        at->result = at->result == 0 ? error : at->result;
        count++;
    }
    if (count != 0) {
        saved = spinlock_acquire(&block->lock);
        block->in_flight -= count;
        spinlock_release(&block->lock, saved);
    }
    while (request != NULL) {
        struct ash_block_request *next = request->next;
        void (*done)(struct ash_block_request *) = request->done;

        /* From here on the request is its owner's again. */
        port_store_release(&request->finished, BLOCK_DONE);
        if (done != NULL) {
            done(request);
        }
        request = next;
    }
}

void block_finish(struct ash_block *block, struct ash_block_request *request, int result)
{
    request->result = result;
    port_store_release(&request->finished, BLOCK_TAKEN);
    request->next = block->finished;
    block->finished = request;
}

int ash_block_open(unsigned n, struct ash_pmem *region, struct ash_block **opened)
{
    struct ash_block *block;
    unsigned long saved;
    bool taken;
    int error;

    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    if (n >= ash_block_count()) {
        return ASH_ENODEV;
    }
    if (region == NULL) {
        return ASH_EINVAL;
    }
    block = block_devices[n];
    saved = spinlock_acquire(&block->lock);
    taken = block->open;
    block->open = true;
    spinlock_release(&block->lock, saved);
    if (taken) {
        return ASH_EBUSY;
    }
    block->mode = ASH_BLOCK_POLLED;
    block->timeout_ns = BLOCK_TIMEOUT_NS;
    block->patience = BLOCK_PATIENCE;
    block->in_flight = 0;
    block->finished = NULL;
    block->dead = false;
    error = block->driver->start(block, region);
    if (error != 0) {
        block->open = false;
        return error;
    }
    *opened = block;
    return 0;
}

int ash_block_close(struct ash_block *block)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }

    unsigned long saved = spinlock_acquire(&block->lock);
    bool busy = block->in_flight != 0;
    int error;

    spinlock_release(&block->lock, saved);
    if (busy) {
        return ASH_EBUSY;
    }
    error = ash_block_set_mode(block, ASH_BLOCK_POLLED);
    if (error == 0) {
        error = block->driver->stop(block);
    }
    if (error == 0) {
        block->open = false;
    }
    return error;
}

void ash_block_get_info(const struct ash_block *block, struct ash_block_info *info)
{
    *info = block->info;
}

/* Under the lock. What a dead device says is believed no more. */
static void block_collect(struct ash_block *block)
{
    if (!block->dead) {
        block->driver->collect(block);
    }
}

static void block_interrupt(void *arg)
{
    struct ash_block *block = arg;
    unsigned long saved = spinlock_acquire(&block->lock);

    if (block->driver->acknowledge(block)) {
        block_collect(block);
    }
    block_release(block, saved);
}

int ash_block_set_mode(struct ash_block *block, enum ash_block_mode mode)
{
    bool interrupts = mode == ASH_BLOCK_INTERRUPT;
    unsigned long saved;
    int error;

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    if (mode == block->mode) {
        return 0;
    }
    if (block->info.irq == 0) {
        return ASH_ENODEV;
    }
    error = interrupts ? ash_irq_attach(block->info.irq, block_interrupt, block)
                       : ash_irq_detach(block->info.irq);
    if (error != 0) {
        return error;
    }
    saved = spinlock_acquire(&block->lock);
    block->mode = mode;
    block->driver->set_interrupts(block, interrupts);
    /* What was finished before the device was told raises nothing any more. */
    block_collect(block);
    block_release(block, saved);
    return 0;
}

void ash_block_set_timeout(struct ash_block *block, uint64_t timeout_ns)
{
    block->timeout_ns = timeout_ns;
}

static int block_check(const struct ash_block *block, const struct ash_block_request *request)
{
    if (request->op == ASH_BLOCK_FLUSH) {
        return request->count == 0 ? 0 : ASH_EINVAL;
    }
    if ((request->op != ASH_BLOCK_READ && request->op != ASH_BLOCK_WRITE) || request->count == 0) {
        return ASH_EINVAL;
    }
    if (request->sector >= block->info.sectors ||
        request->count > block->info.sectors - request->sector ||
        request->count > block->info.max_sectors) {
        return ASH_ERANGE;
    }
    return request->op == ASH_BLOCK_WRITE && block->info.read_only ? ASH_EPERM : 0;
}

int ash_block_submit(struct ash_block *block, struct ash_block_request *request)
{
    bool data = request->op != ASH_BLOCK_FLUSH;
    int error = block_check(block, request);
    unsigned long saved;

    if (error != 0) {
        return error;
    }
    port_zero(&request->mapping, sizeof(request->mapping));
    if (data) {
        error = ash_dma_map(&block->dma, request->memory, (size_t)request->count * ASH_BLOCK_SECTOR,
                            request->op == ASH_BLOCK_READ ? ASH_DMA_FROM_DEVICE : ASH_DMA_TO_DEVICE,
                            &request->mapping);
        if (error != 0) {
            return error;
        }
    }
    saved = spinlock_acquire(&block->lock);
    error = block->dead ? ASH_EIO : block->driver->submit(block, request);
    if (error == 0) {
        port_store_release(&request->finished, BLOCK_GIVEN);
        block->in_flight++;
    }
    spinlock_release(&block->lock, saved);
    if (error != 0 && data) {
        (void)ash_dma_unmap(&request->mapping);
    }
    return error;
}

void ash_block_poll(struct ash_block *block)
{
    unsigned long saved = spinlock_acquire(&block->lock);

    block_collect(block);
    block_release(block, saved);
}

bool ash_block_done(const struct ash_block_request *request)
{
    return port_load_acquire(&request->finished) == BLOCK_DONE;
}

int ash_block_wait(struct ash_block *block, struct ash_block_request *request)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }

    uint64_t start = ash_now_ns(), now;
    uint32_t looks = 0; /* counted only while no clock runs */
    unsigned long saved;

    while (!ash_block_done(request)) {
        if (block->mode == ASH_BLOCK_POLLED) {
            ash_block_poll(block);
        }
        now = ash_now_ns();
        if (now != start ? now - start <= block->timeout_ns : looks < block->patience) {
            looks++;
            continue;
        }
        /* One more look under the lock: only what the device still has is lost. */
        saved = spinlock_acquire(&block->lock);
        block_collect(block);
        if (port_load_acquire(&request->finished) == BLOCK_GIVEN && !block->dead) {
            block->dead = block->driver->recover(block) != 0;
        }
        block_release(block, saved);
    }
    return request->result;
}

static int block_transfer(struct ash_block *block, enum ash_block_op op, uint64_t sector,
                          uint32_t count, ash_pa_t memory)
{
    struct ash_block_request request;
    int error;

    if (sector >= block->info.sectors || count > block->info.sectors - sector) {
        return ASH_ERANGE;
    }
    request.op = op;
    request.done = NULL;
    do {
        request.sector = sector;
        request.memory = memory;
        request.count = count < block->info.max_sectors ? count : block->info.max_sectors;
        error = ash_block_submit(block, &request);
        if (error == 0) {
            error = ash_block_wait(block, &request);
        }
        sector += request.count;
        memory.value += (uint64_t)request.count * ASH_BLOCK_SECTOR;
        count -= request.count;
    } while (error == 0 && count != 0);
    return error;
}

int ash_block_read(struct ash_block *block, uint64_t sector, uint32_t count, ash_pa_t memory)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    return block_transfer(block, ASH_BLOCK_READ, sector, count, memory);
}

int ash_block_write(struct ash_block *block, uint64_t sector, uint32_t count, ash_pa_t memory)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    return block_transfer(block, ASH_BLOCK_WRITE, sector, count, memory);
}

int ash_block_flush(struct ash_block *block)
{
    struct ash_block_request request;
    int error;

    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    if (!block->info.volatile_cache) {
        return 0;
    }
    request.op = ASH_BLOCK_FLUSH;
    request.count = 0;
    request.done = NULL;
    error = ash_block_submit(block, &request);
    return error == 0 ? ash_block_wait(block, &request) : error;
}
