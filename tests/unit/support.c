/* SPDX-License-Identifier: MIT */
/*
 * The shared parts of the unit tests: the fault recorder, the random numbers, and word of freed
 * frames for the simulated machine.
 */
#include "tests/unit/support.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ashlar/frames.h"
#include "port/sim/hostile.h"

struct support_faults support_faults;

static uint32_t state = 1;

static void record(const struct ash_fault *fault)
{
    support_faults.count++;
    support_faults.last = *fault;
}

ash_fault_fn ash_fault_hook = record;

void support_faults_reset(void)
{
    support_faults = (struct support_faults){0};
    ash_fault_hook = record;
}

char support_printed[4096];

int support_print(const char *format, ...)
{
    size_t length = strlen(support_printed);
    va_list arguments;
    int written;

    va_start(arguments, format);
    written =
        vsnprintf(support_printed + length, sizeof support_printed - length, format, arguments);
    va_end(arguments);
    return written;
}

void support_seed(uint32_t seed)
{
    const char *replay = getenv("ASH_SEED");

    if (replay != NULL) {
        seed = (uint32_t)strtoul(replay, NULL, 0);
    }
    state = seed != 0 ? seed : 1;
    printf("# ASH_SEED=%u\n", (unsigned)state);
}

uint32_t support_random(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

uint32_t support_random_below(uint32_t n)
{
    return (uint32_t)((uint64_t)support_random() * n >> 32);
}

/* In place of ash_frames_alloc() and ash_frames_free() (ld --wrap, mk/host.mk). Tables of maps that
 * a test makes itself are told by its own take and give. */
int __real_ash_frames_alloc(unsigned order, unsigned flags, ash_frame_t *out);
int __wrap_ash_frames_alloc(unsigned order, unsigned flags, ash_frame_t *out);
void __real_ash_frames_free(ash_frame_t frame, unsigned order);
void __wrap_ash_frames_free(ash_frame_t frame, unsigned order);

unsigned support_fail_at;
void (*support_behind_frames)(void);
bool support_space_tables;

int __wrap_ash_frames_alloc(unsigned order, unsigned flags, ash_frame_t *out)
{
    int error;

    if (support_fail_at != 0 && --support_fail_at == 0) {
        return ASH_ENOMEM;
    }
    error = __real_ash_frames_alloc(order, flags, out);
    if (error == 0 && support_space_tables && (flags & (ASH_OWNERS - 1)) == ASH_OWNER_SPACE) {
        sim_table_taken(ash_frame_pa(*out));
    }
    if (support_behind_frames != NULL) {
        void (*interrupt)(void) = support_behind_frames;

        support_behind_frames = NULL;
        interrupt();
    }
    return error;
}

void __wrap_ash_frames_free(ash_frame_t frame, unsigned order)
{
    struct ash_frame_info info = {0};

    if (order <= ASH_MAX_ORDER) { /* else the fault of the test's own */
        if (support_space_tables) {
            ash_frames_query(frame, &info);
        }
        if (info.state == ASH_FRAME_USED && info.owner == ASH_OWNER_SPACE) {
            sim_table_given(ash_frame_pa(frame));
        }
        sim_frames_freed(ash_frame_pa(frame), (uint64_t)ASH_PAGE_SIZE << order);
    }
    __real_ash_frames_free(frame, order);
}
