/* SPDX-License-Identifier: MIT */
/*
 * The prompt's `soak`: on all CPUs spaces are made, mapped, run, left by faults and destroyed, for
 * as long as one likes; and then nothing may be left of it.
 */
#include <stdio.h>
#include <string.h>

#include "ashlar/boot.h"
#include "ashlar/cpu.h"
#include "ashlar/exec.h"
#include "ashlar/frames.h"
#include "ashlar/heap.h"
#include "examples/sched/sched.h"
#include "firmware/programs.h"
#include "firmware/prompt.h"

#define WORKERS_EACH 3u /* for a CPU */
#define WORKERS      (WORKERS_EACH * ASH_CPUS)
#define PAGES        40u /* of a space without a program */

/* What runs, and its code; or -1: it is stopped by a fault. */
static const struct {
    const char *words[4];
    int code;
} lines[] = {
    {{"hello", "there"}, 1},       {{"memory", "9"}, 0},      {{"calls"}, 0},
    {{"floats", "7", "3"}, 0},     {{"chain", "3"}, 3},       {{"spin", "20"}, 0},
    {{"bad", "read"}, -1},         {{"bad", "stack"}, -1},    {{"bad", "undefined"}, -1},
    {{"bad", "jump", "1000"}, -1}, {{"bad", "constant"}, -1},
};

#define LINES (sizeof lines / sizeof lines[0])

static struct worker {
    struct ash_process process;
    struct ash_space space;
    struct sched_task *task;
    uint32_t random;
    uint32_t programs, spaces;
    const char *wrong;
} workers[WORKERS];

static struct ash_archive archive;
static uint64_t deadline;

/* What must be the same afterwards. */
struct state {
    uint32_t owned[ASH_OWNERS];
    uint32_t spaces;
    struct ash_heap_stats heap;
};

static void take_state(struct state *state)
{
    struct ash_spaces_stats spaces;

    for (unsigned owner = 0; owner < ASH_OWNERS; owner++) {
        state->owned[owner] = ash_frames_owned(owner);
    }
    ash_spaces_stats(&spaces);
    state->spaces = spaces.count;
    ash_heap_stats(&ash_heap_default, &state->heap);
}

static bool same_state(const struct state *before, const struct state *after)
{
    bool same =
        before->spaces == after->spaces && before->heap.used_bytes == after->heap.used_bytes;

    for (unsigned owner = 0; owner < ASH_OWNERS; owner++) {
        if (before->owned[owner] != after->owned[owner]) {
            printf("soak: %s had %lu frames and has %lu\n", ash_frames_owner_name(owner),
                   (unsigned long)before->owned[owner], (unsigned long)after->owned[owner]);
            same = false;
        }
    }
    if (!same) {
        printf("soak: %lu spaces before, %lu now; heap %lu bytes before, %lu now\n",
               (unsigned long)before->spaces, (unsigned long)after->spaces,
               (unsigned long)before->heap.used_bytes, (unsigned long)after->heap.used_bytes);
    }
    return same && ash_frames_verify() == 0 && ash_mmu_verify(&ash_boot_map, NULL) == 0;
}

/* xorshift32 */
static uint32_t random_below(struct worker *worker, uint32_t n)
{
    uint32_t x = worker->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    worker->random = x;
    return (uint32_t)((uint64_t)x * n >> 32);
}

/* What programs write is not shown. */
static size_t drop(const char *bytes, size_t size)
{
    (void)bytes;
    return size;
}

static const char *run_program(struct worker *worker, size_t n)
{
    struct ash_arguments arguments = {0};
    enum ash_process_event event;

    for (unsigned i = 0; i < 4 && lines[n].words[i] != NULL; i++) {
        (void)ash_arguments_add(&arguments, lines[n].words[i]);
    }
    if (ash_process_create(&worker->process, &archive, drop, &arguments) != 0) {
        return "a program does not start";
    }
    event = sched_run(&worker->process);
    ash_process_destroy(&worker->process);
    worker->programs++;
    return lines[n].code < 0 ? event == ASH_PROCESS_FAULT ? NULL : "a program is not stopped"
           : event == ASH_PROCESS_EXIT && worker->process.code == lines[n].code
               ? NULL
               : "a program ends wrongly";
}

/* Each page holds its own number and the worker's, as long as it is mapped. */
static const char *use_pages(struct worker *worker, const ash_frame_t *frames)
{
    volatile uintptr_t *first = (volatile uintptr_t *)ash_space_base().value;
    size_t words = ASH_PAGE_SIZE / sizeof *first;

    for (unsigned i = 0; i < PAGES; i++) {
        if (ash_space_map(&worker->space, ash_va_of((const void *)(uintptr_t)&first[i * words]),
                          ash_frame_pa(frames[i]), ASH_PAGE_SIZE, ASH_MMU_WRITE) != 0) {
            return "a page cannot be mapped";
        }
        ash_space_switch(&worker->space);
        first[i * words] = (uintptr_t)worker + i;
        ash_space_leave();
        if (i % 8 == 0) {
            sched_yield();
        }
    }
    for (unsigned i = 0; i < PAGES; i++) {
        uintptr_t value;

        ash_space_switch(&worker->space);
        value = first[i * words];
        ash_space_leave();
        if (value != (uintptr_t)worker + i) {
            return "a page is another one's";
        }
        if (i % 8 == 0) {
            sched_yield();
        }
    }
    return ash_space_unmap(&worker->space, ash_space_base(), PAGES * ASH_PAGE_SIZE) == 0
               ? NULL
               : "pages cannot be unmapped";
}

static const char *use_space(struct worker *worker)
{
    ash_frame_t frames[PAGES];
    const char *wrong = NULL;
    unsigned count = 0;

    while (count < PAGES &&
           ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frames[count]) == 0) {
        count++;
    }
    if (count < PAGES || ash_space_create(&worker->space, "soak") != 0) {
        wrong = "no memory for a space";
    } else {
        wrong = use_pages(worker, frames);
        if (ash_space_destroy(&worker->space) != 0) {
            wrong = "a space does not go";
        }
    }
    while (count > 0) {
        ash_frames_free(frames[--count], 0);
    }
    worker->spaces++;
    return wrong;
}

/* Everything once, and then as the numbers have it until the time is over. */
static void work(void *arg)
{
    struct worker *worker = arg;

    for (unsigned step = 0; worker->wrong == NULL && (step <= LINES || ash_exec_now() < deadline);
         step++) {
        size_t n = step <= LINES ? step : random_below(worker, LINES + LINES / 3);

        worker->wrong = n < LINES ? run_program(worker, n) : use_space(worker);
        sched_yield();
    }
}

static bool run_workers(unsigned count)
{
    uint32_t programs_ended = 0, spaces = 0;
    bool right = true;

    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct worker){.random = 2463534242u * (2 * i + 1)};
        workers[i].task = sched_spawn("worker", work, &workers[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        if (workers[i].task == NULL) {
            printf("soak: no memory for worker %u\n", i);
            right = false;
            continue;
        }
        sched_join(workers[i].task);
        if (workers[i].wrong != NULL) {
            printf("soak: worker %u: %s\n", i, workers[i].wrong);
            right = false;
        }
        programs_ended += workers[i].programs;
        spaces += workers[i].spaces;
    }
    printf("soak: %lu programs, %lu spaces without one\n", (unsigned long)programs_ended,
           (unsigned long)spaces);
    return right;
}

bool soak_run(unsigned seconds)
{
    unsigned online = 0;
    struct state before, after;
    struct ash_spaces_stats spaces;
    bool right;

    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        online += ash_cpu_online(cpu);
    }
    archive = programs();
    take_state(&before);
    if (ash_space_size() == 0 || sched_start() != 0) {
        printf("soak: no spaces, or no timer\n");
        return false;
    }
    deadline = ash_exec_now() + (uint64_t)seconds * 1000000000u;
    right = run_workers(WORKERS_EACH * online);
    (void)sched_stop();
    take_state(&after);
    ash_spaces_stats(&spaces);
    right = same_state(&before, &after) && right;
    printf("soak: %u seconds on %u CPUs, ASIDs ran out %lu times: %s\n", seconds, online,
           (unsigned long)spaces.generations, right ? "all is as it was" : "FAILED");
    return right;
}
