/* SPDX-License-Identifier: MIT */
/*
 * The list of devices that are ready, and what is told of them. Changes none of them.
 */
#include "alloc/dma_check.h"
#include "alloc/dma_limits.h"
#include "port/outside.h"
#include "port/port.h"
#include "port/spinlock.h"

static struct {
    struct ash_spinlock lock;
    const struct ash_dma_device *device[ASH_DMA_DEVICES];
} listed = {.lock = ASH_SPINLOCK(ASH_LOCK_DMA, "dma devices")};

void dma_list_start(void)
{
    spinlock_retire(&listed.lock);
    spinlock_init(&listed.lock, ASH_LOCK_DMA, "dma devices");
    port_zero(listed.device, sizeof(listed.device));
}

static void list_exchange(const struct ash_dma_device *old, const struct ash_dma_device *new)
{
    unsigned long saved = spinlock_acquire(&listed.lock);
    unsigned at = 0;

    while (at < ASH_DMA_DEVICES && listed.device[at] != old) {
        at++;
    }
    if (at < ASH_DMA_DEVICES) {
        listed.device[at] = new;
    }
    spinlock_release(&listed.lock, saved);
}

void dma_list_add(const struct ash_dma_device *device)
{
    list_exchange(device, NULL); /* it may be there still, if its memory was used anew */
    list_exchange(NULL, device);
}

void dma_list_remove(const struct ash_dma_device *device)
{
    list_exchange(device, NULL);
}

void ash_dma_stats(const struct ash_dma_device *device, struct ash_dma_stats *stats)
{
    dma_check_stats(stats);
    stats->live = port_load_acquire(&device->live);
    stats->most = port_load_acquire(&device->most);
}

static const char *dma_name(const struct ash_dma_device *device)
{
    return device->name != NULL ? device->name : "?";
}

static unsigned long dma_kib(uint64_t bytes)
{
    return (unsigned long)((bytes + 1023) / 1024);
}

static void report_device(const struct ash_dma_device *device, ash_print_fn print)
{
    struct ash_dma_stats stats;

    ash_dma_stats(device, &stats);
    print("%-12s reaches 0x%llx%s, %lu in use, most %lu\n", dma_name(device),
          (unsigned long long)device->mask, device->coherent ? ", coherent" : "",
          (unsigned long)stats.live, (unsigned long)stats.most);
    if (device->bounce != NULL) {
        struct ash_dma_bounce_stats bounce;

        ash_dma_bounce_stats(device->bounce, &bounce);
        print("  copies in %s at 0x%llx: %lu KiB, used %lu, most %lu; %llu mappings, %llu bytes "
              "copied, %lu found no room\n",
              device->bounce->name != NULL ? device->bounce->name : "?",
              (unsigned long long)device->bounce->block.pa.value, dma_kib(bounce.size),
              dma_kib(bounce.used), dma_kib(bounce.most), (unsigned long long)bounce.mapped,
              (unsigned long long)bounce.copied, (unsigned long)bounce.failures);
    }
}

void ash_dma_report(ash_print_fn print)
{
    if (!outside_locks(__func__)) {
        return;
    }

    static const char *const directions[] = {"buffer", "to device", "from device", "both ways"};
    struct ash_dma_stats stats;
    struct dma_record record;
    uint32_t cursor = 0;

    for (unsigned i = 0; i < ASH_DMA_DEVICES; i++) {
        unsigned long saved = spinlock_acquire(&listed.lock);
        const struct ash_dma_device *device = listed.device[i];

        spinlock_release(&listed.lock, saved);
        if (device != NULL) {
            report_device(device, print);
        }
    }
    while (dma_check_next(&cursor, &record)) {
        print("  0x%010llx %8llu bytes  %-11s  %s, by %p\n", (unsigned long long)record.pa,
              (unsigned long long)record.size, directions[record.direction & 3],
              dma_name(record.device), record.caller);
    }
    dma_check_stats(&stats);
    print("%lu mappings and buffers noted, %lu not for lack of room; %lu misuses\n",
          (unsigned long)stats.recorded, (unsigned long)stats.unrecorded,
          (unsigned long)stats.misused);
}
