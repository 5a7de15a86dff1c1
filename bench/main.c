/* SPDX-License-Identifier: MIT */
/*
 * The firmware that measures: a program of its own over the library, started as any other.
 */
#include <stdio.h>

#include "ashlar/boot.h"
#include "bench/bench.h"

int main(void)
{
    bench_print_number("boot", "instructions", ash_boot_info.cycles);
    bench_calibrate();
    bench_lock();
    bench_pool();
    bench_slab();
    bench_frames();
    bench_pmem();
    bench_dma();
    bench_heap();
    bench_mmu();
    bench_space();
    bench_user();
    bench_exec();
    printf("# bench end\n");
    ash_power_off();
}
