/* SPDX-License-Identifier: MIT */
/*
 * A step while the other CPUs use what it does not touch: there every translation must stay what it
 * is, whatever is being split, broken or invalidated next to it.
 */
#include "tests/fuzz/soak_parts.h"

#define PLACES 12u
#define LOOKS  200u /* by each of the others: in long operations they stop then */

static struct {
    struct soak *soak;
    void (*work)(void *arg);
    void *arg;
    unsigned worker;
    bool done;
    unsigned places;
    struct {
        uint64_t page;
        uint64_t frame;
    } place[PLACES];
} crowd;

/* Whether the entry of the page, which lies outside, is one that the step looks at: the processor
 * may note an access in it, and the step undo that. */
static bool shared(const struct soak_step *step, const struct shadow_run *run, uint64_t page)
{
    struct shadow_run entry = shadow_entry(run, page);

    return entry.page < step->page + step->pages && step->page < shadow_end(&entry);
}

/* Adds a page that the step has nothing to do with: mapped by the same entry before and after, and
 * that no access to it faults. */
static void add(const struct shadow *now, const struct shadow *then, const struct soak_step *step,
                uint64_t page)
{
    const struct shadow_run *before = shadow_after(now, page), *after = shadow_after(then, page);

    if (crowd.places < PLACES && page - step->page >= step->pages && before != NULL &&
        before->page <= page && after != NULL && after->page <= page &&
        after->level == before->level && after->attr == before->attr &&
        !shared(step, before, page) && shadow_hinted(now, page) == shadow_hinted(then, page) &&
        (crowd.soak->config.updates || (before->attr & ASH_MMU_OLD) == 0)) {
        crowd.place[crowd.places].page = page;
        crowd.place[crowd.places++].frame = before->frame + (page - before->page);
    }
}

static void body(void *arg)
{
    (void)arg;
    if (sim_cpu == crowd.worker) {
        crowd.work(crowd.arg);
        crowd.done = true;
        return;
    }
    for (unsigned n = sim_cpu; !crowd.done && n < LOOKS; n++) {
        unsigned i = n % crowd.places;
        ash_va_t va = soak_va(crowd.soak, crowd.place[i].page);
        struct sim_answer answer = sim_access(va.value, SIM_READ);

        SOAK_SAME(answer.fault, SIM_OK);
        SOAK_SAME(answer.pa.value >> ASH_PAGE_SHIFT, crowd.place[i].frame);
    }
}

void soak_in_crowd(struct soak *soak, const struct soak_step *step, const struct shadow *then,
                   void (*work)(void *arg), void *arg)
{
    const struct shadow *now = soak->shadow;
    uint64_t end = step->page + step->pages;

    crowd.soak = soak;
    crowd.work = work;
    crowd.arg = arg;
    crowd.worker = sim_cpu;
    crowd.done = false;
    crowd.places = 0;
    add(now, then, step, step->page - 1);
    add(now, then, step, end);
    add(now, then, step, ash_align_down(step->page, 512) - 1);
    add(now, then, step, end | 511);
    add(now, then, step, (end | 511) + 1);
    for (unsigned n = 0; n < PLACES && now->runs > 0; n++) {
        const struct shadow_run *run = &now->run[(step->crowd + n * 7) % now->runs];

        add(now, then, step, run->page + (step->crowd + n) % run->pages);
    }
    if (crowd.places == 0) {
        work(arg);
        return;
    }
    sim_run(soak->cpus, body, NULL, step->crowd, NULL);
    sim_on_cpu(crowd.worker);
}
