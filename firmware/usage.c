/* SPDX-License-Identifier: MIT */
/*
 * The prompt's figures of all allocators in one form, and two of them in the columns of Linux's
 * /proc/buddyinfo and /proc/slabinfo, for eyes and scripts that know those.
 */
#include <stdio.h>

#include "ashlar/dma.h"
#include "ashlar/frames.h"
#include "ashlar/heap.h"
#include "ashlar/pmem.h"
#include "ashlar/pool.h"
#include "ashlar/slab.h"
#include "ashlar/usage.h"
#include "firmware/prompt.h"

static const ash_usage_walk walks[] = {ash_frames_usage, ash_pools_usage, ash_slabs_usage,
                                       ash_heaps_usage,  ash_pmem_usage,  ash_dma_usage};

static unsigned long kib(uint64_t bytes)
{
    return (unsigned long)((bytes + 1023) / 1024);
}

static void print_usage(const struct ash_usage *usage, void *arg)
{
    (void)arg;
    printf("  %-6s %-12.12s %8lu %8lu %8lu %8lu %3u%% %8lu %7lu %5lu\n", usage->module, usage->name,
           kib(usage->total), kib(usage->used), kib(usage->free), kib(usage->largest),
           ash_usage_fragmentation(usage), kib(usage->high_water), (unsigned long)usage->blocks,
           (unsigned long)usage->failures);
}

void usage_print(const char *argument)
{
    (void)argument;
    printf("  sizes in KiB             total     used     free  largest frag     most  blocks "
           "fails\n");
    for (size_t i = 0; i < sizeof walks / sizeof walks[0]; i++) {
        walks[i](print_usage, NULL);
    }
}

void buddyinfo_print(const char *argument)
{
    static const char *const names[ASH_ZONE_COUNT] = {"DMA", "Normal", "HighMem"};
    struct ash_frames_stats stats;

    (void)argument;
    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        if (ash_frames_stats(zone, &stats) != 0 || stats.total == 0) {
            continue;
        }
        printf("Node 0, zone %8s ", names[zone]);
        for (unsigned order = 0; order <= ASH_MAX_ORDER; order++) {
            printf("%6lu ", (unsigned long)stats.blocks[order]);
        }
        printf("\n");
    }
}

void slabinfo_print(const char *argument)
{
    (void)argument;
    ash_slabs_report(printf);
}
