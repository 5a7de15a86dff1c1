/* SPDX-License-Identifier: MIT */
/*
 * Mappings for a device that reads: of 64 bytes and of 64 KiB. The device sees the caches, so that
 * what is counted are the checks and the bookkeeping, not the lines.
 */
#include "ashlar/dma.h"

#include "ashlar/frames.h"
#include "bench/bench.h"

#define ROUNDS 256u
#define LARGE  (64u << 10)

static void maps(struct ash_dma_device *device, ash_pa_t pa, size_t size, const char *map_name,
                 const char *unmap_name)
{
    struct ash_dma_mapping mapping = {.device = NULL};
    int error;

    bench_begin(map_name, unmap_name);
    for (unsigned i = 0; i < ROUNDS; i++) {
        BENCH(&bench_takes, error = ash_dma_map(device, pa, size, ASH_DMA_TO_DEVICE, &mapping));
        BENCH_CHECK(error == 0);
        BENCH(&bench_gives, error = ash_dma_unmap(&mapping));
        BENCH_CHECK(error == 0);
    }
    bench_end();
}

void bench_dma(void)
{
    struct ash_dma_device device = {.name = "bench", .mask = UINT64_MAX, .coherent = true};
    unsigned order = ash_frames_order(LARGE);
    ash_frame_t frame;

    BENCH_CHECK(ash_frames_alloc(order, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame) == 0);
    BENCH_CHECK(ash_dma_init(&device) == 0);
    maps(&device, ash_frame_pa(frame), 64, "dma-map-64", "dma-unmap-64");
    maps(&device, ash_frame_pa(frame), LARGE, "dma-map-64k", "dma-unmap-64k");
    BENCH_CHECK(ash_dma_exit(&device) == 0);
    ash_frames_free(frame, order);
}
