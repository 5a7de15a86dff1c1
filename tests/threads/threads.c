/* SPDX-License-Identifier: MIT */
/*
 * Threads as CPUs, and the memory that they share.
 */
#include "tests/threads/threads.h"

#include <pthread.h>
#include <time.h>

#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/irq.h"
#include "ashlar/trap.h"

static struct {
    void (*body)(void *arg);
    void *arg;
    pthread_barrier_t together;
} run;

static _Thread_local uint32_t state;
static uint32_t seed;

static void fault(const struct ash_fault *found)
{
    fprintf(stderr, "%s: %s: %s\n", found->module, ash_fault_kind_name(found->kind), found->what);
    exit(1);
}

ash_fault_fn ash_fault_hook = fault;
bool (*ash_stack_find_hook)(uintptr_t address, struct ash_stack_place *place);

/* A program may have a clock of its own. */
__attribute__((weak)) uint64_t ash_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void threads_boot(void)
{
    const struct ash_frames_config config = {.direct_limit = ash_pa(RAM_AT + RAM_IN)};
    struct ash_regions regions;

    host_ram(ash_pa(RAM_AT), RAM_IN);
    ash_regions_init(&regions);
    MUST(ash_regions_add(&regions, (struct ash_range){{RAM_AT}, RAM_IN}) == 0);
    MUST(ash_frames_init(&regions, &config) == 0);
}

static void *start(void *number)
{
    host_cpu = (unsigned)(uintptr_t)number;
    state = seed * THREADS_MOST + host_cpu + 1;
    pthread_barrier_wait(&run.together);
    run.body(run.arg);
    MUST(host_masked == 0);
    return NULL;
}

void threads_run(unsigned count, void (*body)(void *arg), void *arg)
{
    pthread_t thread[THREADS_MOST];
    const char *replay = getenv("ASH_SEED");

    MUST(count <= THREADS_MOST && count <= ASH_CPUS);
    seed = replay != NULL ? (uint32_t)strtoul(replay, NULL, 0) : seed + 1;
    printf("# ASH_SEED=%u, %u threads\n", (unsigned)seed, count);
    run.body = body;
    run.arg = arg;
    pthread_barrier_init(&run.together, NULL, count);
    for (unsigned i = 0; i < count; i++) {
        MUST(pthread_create(&thread[i], NULL, start, (void *)(uintptr_t)i) == 0);
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(thread[i], NULL);
    }
    pthread_barrier_destroy(&run.together);
}

uint32_t threads_random_below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (uint32_t)((uint64_t)state * n >> 32);
}

void threads_mark(void *block, size_t bytes, uint32_t mark)
{
    for (size_t i = 0; i < bytes / sizeof mark; i++) {
        ((uint32_t *)block)[i] = mark;
    }
}

void threads_check(const void *block, size_t bytes, uint32_t mark)
{
    for (size_t i = 0; i < bytes / sizeof mark; i++) {
        MUST(((const uint32_t *)block)[i] == mark);
    }
}
