/* SPDX-License-Identifier: MIT */
/*
 * Cutting and joining the runs of a region. Knows quanta only: no addresses, no locks, no map.
 */
#include "alloc/pmem_runs.h"

#include "port/port.h"

static const struct pmem_tag inside = {0};

static void runs_write(struct pmem_runs *runs, uint32_t at, uint32_t quanta, enum pmem_state state)
{
    if (quanta > 1) {
        runs->tags[at + quanta - 1] = (struct pmem_tag){.quanta = quanta};
    }
    runs->tags[at] = (struct pmem_tag){.quanta = quanta, .state = (uint8_t)state};
}

void pmem_runs_init(struct pmem_runs *runs, struct pmem_tag *tags, uint32_t quanta)
{
    port_zero(tags, quanta * sizeof(*tags));
    runs->tags = tags;
    runs->quanta = quanta;
    runs->free = quanta;
    runs_write(runs, 0, quanta, PMEM_FREE);
}

void pmem_runs_take(struct pmem_runs *runs, uint32_t run, uint32_t at, uint32_t quanta)
{
    uint32_t before = at - run;
    uint32_t after = runs->tags[run].quanta - before - quanta;

    if (after > 0) {
        runs_write(runs, at + quanta, after, PMEM_FREE);
    }
    if (before > 0) {
        runs_write(runs, run, before, PMEM_FREE);
    }
    runs_write(runs, at, quanta, PMEM_CHANGING);
    runs->free -= quanta;
}

void pmem_runs_give(struct pmem_runs *runs, uint32_t at)
{
    uint32_t start = at;
    uint32_t quanta = runs->tags[at].quanta;
    uint32_t next = at + quanta;

    runs->free += quanta;
    if (next < runs->quanta && runs->tags[next].state == PMEM_FREE) {
        quanta += runs->tags[next].quanta;
        runs->tags[next - 1] = inside;
        runs->tags[next] = inside;
    }
    if (at > 0) {
        uint32_t previous = at - runs->tags[at - 1].quanta;

        if (runs->tags[previous].state == PMEM_FREE) {
            quanta += at - previous;
            start = previous;
            runs->tags[at - 1] = inside;
            runs->tags[at] = inside;
        }
    }
    runs_write(runs, start, quanta, PMEM_FREE);
}

uint32_t pmem_runs_holding(const struct pmem_runs *runs, uint32_t index)
{
    uint32_t run = 0;

    while (runs->tags[run].quanta <= index - run) {
        run += runs->tags[run].quanta;
    }
    return run;
}

uint32_t pmem_runs_from(const struct pmem_runs *runs, uint32_t index)
{
    while (index < runs->quanta && runs->tags[index].state == PMEM_INSIDE) {
        index++;
    }
    return index;
}

uint32_t pmem_runs_longest(const struct pmem_runs *runs)
{
    uint32_t longest = 0;

    for (uint32_t run = 0; run < runs->quanta; run += runs->tags[run].quanta) {
        if (runs->tags[run].state == PMEM_FREE && runs->tags[run].quanta > longest) {
            longest = runs->tags[run].quanta;
        }
    }
    return longest;
}

static bool runs_is_inside(const struct pmem_tag *tag, uint32_t quanta)
{
    return tag->state == PMEM_INSIDE && tag->quanta == quanta && tag->refs == 0 && tag->flags == 0;
}

/* The run that starts at `run`: its first tag, the zeros, its last tag. */
static bool runs_one_is_sound(const struct pmem_runs *runs, uint32_t run)
{
    const struct pmem_tag *first = &runs->tags[run];
    uint32_t last = first->quanta - 1;

    if (first->state == PMEM_INSIDE || first->state > PMEM_CHANGING || first->quanta == 0 ||
        first->quanta > runs->quanta - run) {
        return false;
    }
    /* What is being given back has its flags still. */
    if ((first->state != PMEM_USED && first->refs != 0) ||
        (first->state == PMEM_FREE && first->flags != 0)) {
        return false;
    }
    for (uint32_t i = 1; i < last; i++) {
        if (!runs_is_inside(&first[i], 0)) {
            return false;
        }
    }
    return last == 0 || runs_is_inside(&first[last], first->quanta);
}

bool pmem_runs_sound(const struct pmem_runs *runs)
{
    uint32_t free = 0;
    bool after_free = false;

    for (uint32_t run = 0; run < runs->quanta; run += runs->tags[run].quanta) {
        bool is_free = runs->tags[run].state == PMEM_FREE;

        if (!runs_one_is_sound(runs, run) || (is_free && after_free)) {
            return false;
        }
        free += is_free ? runs->tags[run].quanta : 0;
        after_free = is_free;
    }
    return free == runs->free;
}
