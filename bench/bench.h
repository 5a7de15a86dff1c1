/* SPDX-License-Identifier: MIT */
/*
 * Instruction counts: what the benchmarks share.
 *
 * Counted is what lies between two reads of the cycle counter, which counts instructions under
 * QEMU's -icount shift=0: arguments, call, operation and result, less the cost of two reads in a
 * row. What checks results runs outside of that and stops the run on an error.
 */
#ifndef ASHLAR_BENCH_BENCH_H
#define ASHLAR_BENCH_BENCH_H

#include "port/port.h"

/** Counts of one row, from bench_start() to bench_print(); three rows at a time. */
#define BENCH_SAMPLES 65536u
struct bench {
    const char *name;
    unsigned count;
    uint32_t *sample;
};

/** Counts one run of `call`. */
#define BENCH(bench, call)                                                                         \
    do {                                                                                           \
        uint32_t bench_start_ = port_cycles();                                                     \
        call;                                                                                      \
        bench_add((bench), port_cycles() - bench_start_);                                          \
    } while (0)

/** Ends the run with a message if the condition is false. */
#define BENCH_CHECK(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            bench_stop(__FILE__, __LINE__, #condition);                                            \
        }                                                                                          \
    } while (0)

/** Measures what two reads in a row cost. */
void bench_calibrate(void);

void bench_start(struct bench *bench, const char *name);
/** A count, less the cost of two reads in a row; and one that is without that already. */
void bench_add(struct bench *bench, uint32_t cost);
void bench_add_count(struct bench *bench, uint32_t count);
/** Prints the row; each sample covered `parts` operations. */
void bench_print(struct bench *bench, unsigned parts);
/** Ends a row without printing it. */
void bench_drop(struct bench *bench);
/** Prints a row that is total / divisor, to three decimals. */
void bench_print_ratio(const char *name, const char *unit, uint64_t total, uint64_t divisor);
/** Two rows at the same time, of allocating and of freeing. */
extern struct bench bench_takes, bench_gives;
void bench_begin(const char *take_name, const char *give_name);
void bench_end(void);
/** Prints a row that is one number of something else. */
void bench_print_number(const char *name, const char *unit, unsigned number);

_Noreturn void bench_stop(const char *file, int line, const char *what);

/** xorshift32, seeded before each load. */
extern uint32_t bench_seed;
uint32_t bench_random(void);
/** 0 ... n - 1 */
uint32_t bench_random_below(uint32_t n);
/** 0 ... count - 1 in random order. */
void bench_shuffle(uint16_t *numbers, unsigned count);

void bench_lock(void);
void bench_pool(void);
void bench_slab(void);
void bench_frames(void);
void bench_pmem(void);
void bench_dma(void);
void bench_heap(void);
void bench_mmu(void);
void bench_space(void);
void bench_user(void);
void bench_exec(void);

#endif
