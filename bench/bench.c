/* SPDX-License-Identifier: MIT */
/*
 * Samples, rows, random numbers.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "ashlar/boot.h"

uint32_t bench_seed;
static uint32_t overhead;

#define ROWS 3u /* at a time */
static uint32_t samples[ROWS][BENCH_SAMPLES] __attribute__((section(".noinit")));
static const struct bench *owner[ROWS];

void bench_calibrate(void)
{
    uint32_t start = port_cycles();

    overhead = port_cycles() - start;
}

void bench_start(struct bench *bench, const char *name)
{
    unsigned n = 0;

    while (n < ROWS && owner[n] != NULL) {
        n++;
    }
    BENCH_CHECK(n < ROWS);
    owner[n] = bench;
    bench->name = name;
    bench->count = 0;
    bench->sample = samples[n];
}

void bench_drop(struct bench *bench)
{
    for (unsigned n = 0; n < ROWS; n++) {
        if (owner[n] == bench) {
            owner[n] = NULL;
        }
    }
}

void bench_add_count(struct bench *bench, uint32_t count)
{
    BENCH_CHECK(bench->count < BENCH_SAMPLES);
    bench->sample[bench->count++] = count;
}

void bench_add(struct bench *bench, uint32_t cost)
{
    bench_add_count(bench, cost - overhead);
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

/* total / divisor with two decimals */
static void print_quotient(uint64_t total, uint64_t divisor)
{
    uint64_t hundredths = (total * 100 + divisor / 2) / divisor;

    printf(" %lu.%02u", (unsigned long)(hundredths / 100), (unsigned)(hundredths % 100));
}

void bench_print(struct bench *bench, unsigned parts)
{
    uint64_t sum = 0;

    BENCH_CHECK(bench->count > 0);
    for (unsigned i = 0; i < bench->count; i++) {
        sum += bench->sample[i];
    }
    qsort(bench->sample, bench->count, sizeof bench->sample[0], compare);
    printf("# bench %s instructions", bench->name);
    print_quotient(sum, (uint64_t)bench->count * parts);
    print_quotient(bench->sample[(bench->count * 99 + 99) / 100 - 1], parts);
    print_quotient(bench->sample[bench->count - 1], parts);
    printf("\n");
    bench_drop(bench);
}

void bench_print_ratio(const char *name, const char *unit, uint64_t total, uint64_t divisor)
{
    unsigned thousandths = (unsigned)((total * 1000 + divisor / 2) / divisor);
    unsigned whole = thousandths / 1000, part = thousandths % 1000;

    printf("# bench %s %s %u.%03u %u.%03u %u.%03u\n", name, unit, whole, part, whole, part, whole,
           part);
}

struct bench bench_takes, bench_gives;

void bench_begin(const char *take_name, const char *give_name)
{
    bench_start(&bench_takes, take_name);
    bench_start(&bench_gives, give_name);
}

void bench_end(void)
{
    bench_print(&bench_takes, 1);
    bench_print(&bench_gives, 1);
}

void bench_print_number(const char *name, const char *unit, unsigned number)
{
    printf("# bench %s %s %u %u %u\n", name, unit, number, number, number);
}

void bench_stop(const char *file, int line, const char *what)
{
    printf("# bench failed: %s:%d: %s\n", file, line, what);
    ash_power_off();
}

uint32_t bench_random(void)
{
    bench_seed ^= bench_seed << 13;
    bench_seed ^= bench_seed >> 17;
    bench_seed ^= bench_seed << 5;
    return bench_seed;
}

uint32_t bench_random_below(uint32_t n)
{
    return (uint32_t)((uint64_t)bench_random() * n >> 32);
}

void bench_shuffle(uint16_t *numbers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        numbers[i] = (uint16_t)i;
    }
    for (unsigned i = count - 1; i > 0; i--) {
        unsigned other = bench_random_below(i + 1);
        uint16_t number = numbers[i];

        numbers[i] = numbers[other];
        numbers[other] = number;
    }
}
