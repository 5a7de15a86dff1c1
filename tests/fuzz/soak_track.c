/* SPDX-License-Identifier: MIT */
/*
 * Accessed and written: what harvest must report, and, where the processor notes them by itself,
 * what it may have noted meanwhile. It may have noted more than the shadow knows, never less.
 */
#include "tests/fuzz/soak_parts.h"

#define STOPPED 78

void soak_updates(const struct soak *soak, bool on)
{
    sim_regime.sets_access = sim_regime.sets_dirty = on && soak->config.updates;
}

static uint64_t page_of(const struct soak *soak, const struct ash_mmu_mapping *mapping)
{
    return (mapping->va.value - soak->config.base.value) >> ASH_PAGE_SHIFT;
}

/* The entry as it is found; exactly the shadow's, but for what the processor has noted, and for the
 * bits in `unknown`. */
static struct shadow_run found(const struct soak *soak, const struct ash_mmu_mapping *mapping,
                               uint64_t unknown)
{
    struct shadow_run entry;

    SOAK_CHECK(soak_entry_at(soak, page_of(soak, mapping), &entry));
    if (soak->config.updates) {
        if ((mapping->attr & ASH_MMU_OLD) == 0) {
            entry.attr &= ~ASH_MMU_OLD;
        }
        if ((mapping->attr & ASH_MMU_CLEAN) == 0 && (entry.attr & SHADOW_NOTED)) {
            entry.attr &= ~ASH_MMU_CLEAN;
        }
        if (ash_mmu_written(mapping) && !shadow_written(entry.attr)) {
            entry.attr |= SHADOW_WRITTEN;
        }
    }
    SOAK_SAME(mapping->descriptor & ~unknown, soak_descriptor(soak, &entry) & ~unknown);
    SOAK_SAME(mapping->attr, entry.attr & ~SHADOW_HIDDEN);
    SOAK_SAME(ash_mmu_written(mapping), shadow_written(entry.attr));
    SOAK_SAME(mapping->level, entry.level);
    SOAK_SAME(page_of(soak, mapping), entry.page);
    return entry;
}

/* A harvest in progress. */
struct harvest {
    const struct soak *soak;
    uint64_t page;    /* before it everything has been seen */
    unsigned left;    /* reports until it stops; 0: never */
    uint64_t unknown; /* bits of descriptors */
};

/* Nothing that must be reported was left out. */
static void check_silent(struct harvest *harvest, uint64_t end)
{
    while (harvest->page < end) {
        const struct shadow_run *run = shadow_after(harvest->soak->shadow, harvest->page);

        if (run == NULL || run->page >= end) {
            break;
        }
        SOAK_CHECK(!shadow_reported(run->attr));
        harvest->page = shadow_end(run);
    }
    harvest->page = end;
}

static int see(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct harvest *harvest = arg;
    struct shadow_run entry = found(harvest->soak, mapping, harvest->unknown);

    SOAK_CHECK(shadow_end(&entry) > harvest->page);
    SOAK_CHECK(shadow_reported(entry.attr));
    if (entry.page > harvest->page) {
        check_silent(harvest, entry.page);
    }
    harvest->page = shadow_end(&entry);
    return harvest->left > 0 && --harvest->left == 0 ? STOPPED : 0;
}

int soak_harvest(struct soak *soak, const struct soak_step *step)
{
    uint64_t end = step->page + step->pages;
    struct harvest harvest = {.soak = soak, .page = step->page};
    int result;

    harvest.unknown = step->attr != 0 ? 1ull << 52 : 0; /* is given up before or after */
    if (step->detail % 4 == 0) {
        harvest.left = 1 + step->detail / 4 % 32;
    }
    result = ash_mmu_harvest(&soak->map, step->va, step->size, step->attr, see, &harvest);
    if (result == STOPPED) {
        SOAK_SAME(harvest.left, 0);
        if (harvest.page < end) {
            end = harvest.page;
            shadow_harvest(soak->shadow, soak->next, step->page, end, step->attr);
        }
        return 0;
    }
    if (result == 0 && harvest.page < end) {
        check_silent(&harvest, end);
    }
    return result;
}

int soak_touch(struct soak *soak, const struct soak_step *step, bool good)
{
    ash_va_t va = ash_va(step->va.value + step->detail / 4 % ASH_PAGE_SIZE);
    bool write = step->detail % 2;

    if (good && soak->config.updates && soak->live && step->detail / 2 % 2) {
        SOAK_SAME(sim_access(va.value, write ? SIM_WRITE : SIM_READ).fault, SIM_OK);
        return 0;
    }
    return ash_mmu_touch(&soak->map, va, write);
}

static int learn(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct soak *soak = arg;
    struct shadow_run entry = found(soak, mapping, 0);

    shadow_push(soak->scratch, entry.page, shadow_end(&entry), &entry, entry.level);
    return 0;
}

/* What the shadow says of that span, as it is. */
static void repeat(const struct soak *soak, uint64_t page, uint64_t end)
{
    const struct shadow_run *run = shadow_after(soak->shadow, page);

    for (; run != NULL && run < soak->shadow->run + soak->shadow->runs && run->page < end; run++) {
        shadow_push(soak->scratch, run->page > page ? run->page : page,
                    soak_least(shadow_end(run), end), run, run->level);
    }
}

void soak_learn(struct soak *soak, const struct soak_span *span)
{
    struct shadow *learned = soak->scratch;

    shadow_begin(soak->shadow, learned);
    repeat(soak, 0, span->page);
    SOAK_SAME(ash_mmu_walk(&soak->map, soak_va(soak, span->page),
                           (span->end - span->page) << ASH_PAGE_SHIFT, learn, soak),
              0);
    repeat(soak, span->end, soak->shadow->pages);
    soak->scratch = soak->shadow;
    soak->shadow = learned;
}
