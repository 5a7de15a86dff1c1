/* SPDX-License-Identifier: MIT */
/*
 * Doing a step: what must come of it is known before, by the shadow; then the map is asked, and
 * compared.
 */
#include "tests/fuzz/soak_parts.h"

#define EVERY_SOUND 64u   /* steps from one verify to the next */
#define EVERY_WALK  128u  /* ... of a comparison of all mappings */
#define EVERY_ALL   1024u /* ... of a walk of the machine over the whole map */

/* What must come of a step. */
struct expected {
    int error;
    unsigned tables; /* that it takes */
    unsigned merged; /* tables that it merges */
    bool failing;    /* a table cannot be had */
    bool next;       /* `next` is what the map becomes */
    bool changed;
};

/* Bad arguments: spoils one, and tells what that must give; 0: this verb does not care. */
static int spoil(struct soak *soak, struct soak_step *step)
{
    uint64_t bytes = soak->shadow->pages << ASH_PAGE_SHIFT;
    uint64_t frames = 1ull << (soak->format->output_bits - ASH_PAGE_SHIFT);
    bool maps = step->verb == SOAK_MAP || step->verb == SOAK_NEEDED;
    bool attributes = maps || step->verb == SOAK_PROTECT;
    ash_mmu_attr_t state = ASH_MMU_OLD | ASH_MMU_CLEAN;

    switch (step->bad) {
    case 1:
        step->size = 0;
        return ASH_EINVAL;
    case 2:
        step->va.value += 1 + step->page % (ASH_PAGE_SIZE - 1);
        return ASH_EALIGN;
    case 3:
        step->size += 8;
        return ASH_EALIGN;
    case 4:
        step->va.value = soak->config.base.value + bytes; /* 0 if that is the end of all */
        return ASH_ERANGE;
    case 5:
        step->size = bytes - (step->page << ASH_PAGE_SHIFT) + ASH_PAGE_SIZE;
        return ASH_ERANGE;
    case 6:
        step->size = 0 - (uint64_t)ASH_PAGE_SIZE;
        return ASH_ERANGE;
    case 7:
        step->va.value = soak->config.base.value - ASH_PAGE_SIZE;
        return ASH_ERANGE;
    case 8:
        step->va.value += 1ull << 50; /* another address with the same lower bits */
        return ASH_ERANGE;
    case 9:
        step->pa.value += 1;
        return maps ? ASH_EALIGN : 0;
    case 10:
        step->pa.value = frames << ASH_PAGE_SHIFT;
        return maps ? ASH_ERANGE : 0;
    case 11:
        step->pa.value = (frames - step->pages + 1) << ASH_PAGE_SHIFT;
        return maps ? ASH_ERANGE : 0;
    case 12:
        step->pa.value = 0 - (uint64_t)ASH_PAGE_SIZE;
        return maps ? ASH_ERANGE : 0;
    case 13:
        step->attr |= step->page % 2 ? 0x400u : 8u;
        return attributes || step->verb == SOAK_HARVEST ? ASH_EINVAL : 0;
    case 14:
        step->attr |= ASH_MMU_WRITE | ASH_MMU_EXEC;
        return attributes ? ASH_EPERM : 0;
    case 15:
        step->attr = (step->attr & ~ASH_MMU_EXEC) | ASH_MMU_GUARDED;
        return attributes ? ASH_EPERM : 0;
    case 16:
        step->attr |= soak->config.track ? ASH_MMU_CLEAN : state;
        step->attr &= soak->config.track ? ~ASH_MMU_WRITE : ~0u; /* nothing would note it */
        return attributes ? ASH_EINVAL : 0;
    default:
        step->attr =
            (step->attr & ~(ASH_MMU_WRITE | ASH_MMU_CLEAN)) | ASH_MMU_EXEC | ASH_MMU_DEVICE;
        return attributes ? ASH_EPERM : 0;
    }
}

static bool takes_range(enum soak_verb verb)
{
    return verb <= SOAK_HARVEST || (verb >= SOAK_WALK && verb <= SOAK_OPEN_ZONE);
}

static struct soak_step *complete(struct soak *soak, const struct soak_step *chosen)
{
    struct soak_step *step = &soak->history[soak->number++ % SOAK_HISTORY];

    *step = *chosen;
    step->va = soak_va(soak, step->page);
    step->size = step->pages << ASH_PAGE_SHIFT;
    step->pa = ash_pa(step->frame << ASH_PAGE_SHIFT);
    if (step->bad != 0) {
        step->bad = takes_range(step->verb) ? spoil(soak, step) : 0;
        if (step->bad == 0) {
            step->va = soak_va(soak, step->page);
            step->pa = ash_pa(step->frame << ASH_PAGE_SHIFT);
            step->attr = chosen->attr;
        }
    }
    return step;
}

static struct expected expect(struct soak *soak, const struct soak_step *step)
{
    const struct shadow_run wanted = {
        .page = step->page,
        .pages = step->pages,
        .frame = step->frame,
        .attr = soak_kept(soak, step->attr),
    };
    struct expected expected = {.error = step->bad, .next = true};
    const struct shadow *old = soak->shadow;
    unsigned free = SOAK_FRAMES - soak->in_use;

    if (step->bad != 0) {
        return expected;
    }
    switch (step->verb) {
    case SOAK_MAP:
    case SOAK_NEEDED:
        expected.error = shadow_map(old, soak->next, &wanted, step->attr & ASH_MMU_PAGES,
                                    &expected.tables, &expected.merged);
        expected.changed = step->verb == SOAK_MAP;
        break;
    case SOAK_UNMAP:
        expected.error = shadow_unmap(old, soak->next, step->page, step->pages, &expected.tables);
        expected.changed = true;
        break;
    case SOAK_PROTECT:
        expected.error =
            shadow_protect(old, soak->next, step->page, step->pages, wanted.attr, &expected.tables);
        expected.changed = expected.error == 0 && !shadow_equal(old, soak->next);
        break;
    case SOAK_MERGE:
        expected.error = shadow_merge(old, soak->next, step->page, step->pages, &expected.merged);
        expected.changed = expected.merged > 0;
        break;
    case SOAK_HARVEST:
        if (soak->config.track) {
            expected.error = step->attr == 0 ? 0 : shadow_may_break(old, step->page, step->pages);
            shadow_harvest(old, soak->next, step->page, step->page + step->pages, step->attr);
        } else {
            expected.error = ASH_EINVAL;
        }
        break;
    case SOAK_TOUCH:
        expected.error = soak->config.track
                             ? shadow_touch(old, soak->next, step->page, step->detail % 2)
                             : ASH_EINVAL;
        break;
    case SOAK_REMAP_ZONE:
    case SOAK_OPEN_ZONE:
        expected.error = shadow_zone(old, soak->next, step->page, step->pages,
                                     step->verb == SOAK_REMAP_ZONE, &expected.tables);
        expected.changed = true;
        break;
    default:
        expected.next = false;
        break;
    }
    if (step->verb == SOAK_NEEDED) {
        expected.next = false;
    } else if (expected.error == 0 && (expected.tables > free ||
                                       (step->fail_at > 0 && step->fail_at <= expected.tables))) {
        expected.error = ASH_ENOMEM;
        expected.failing = true;
    }
    return expected;
}

/* Gives the map another ASID, as its owner would: not installed, the old one's entries gone. */
static void change_asid(struct soak *soak, unsigned asid)
{
    bool live = soak->live;

    soak->live = false;
    soak_install(soak);
    if (live) {
        port_tlbi_asid(soak->map.asid);
        port_dsb_ish();
        port_isb();
    }
    ash_mmu_set_asid(&soak->map, asid);
    SOAK_SAME(soak->map.asid, asid);
    soak->live = live;
    soak_install(soak);
}

/* What is neither an error nor known to the shadow. True if it changed the state. */
static bool other(struct soak *soak, const struct soak_step *step)
{
    struct ash_mmu_tables tables;
    unsigned asid;
    bool changed;

    switch (step->verb) {
    case SOAK_QUERY:
        soak_check_page(soak, step->page);
        soak_check_outside(soak);
        return false;
    case SOAK_FREEZE:
        changed = !soak->shadow->frozen;
        soak->shadow->frozen = true;
        ash_mmu_freeze(&soak->map);
        return changed;
    case SOAK_ASID:
        if (soak->config.global) {
            return false;
        }
        asid = 1 + (unsigned)(step->detail % 255); /* 0 is current while no space is */
        changed = soak->map.asid != asid;
        change_asid(soak, asid);
        return changed;
    case SOAK_SET_TABLES:
        soak->pool ^= 1;
        tables = soak_tables(soak);
        ash_mmu_set_tables(&soak->map, &tables);
        return true;
    case SOAK_PUBLISH:
        changed = !soak->live;
        if (changed) {
            ash_mmu_publish(&soak->map);
            soak_go_live(soak);
        }
        return changed;
    case SOAK_REPORT:
        soak_check_dump(soak, step->page);
        return false;
    case SOAK_DAMAGE:
        soak_check_damage(soak, step->page, step->detail);
        return false;
    default:
        return false;
    }
}

static int see_nothing(void *arg, const struct ash_mmu_mapping *mapping)
{
    (void)mapping;
    ++*(unsigned *)arg;
    return 0;
}

static int run(struct soak *soak, const struct soak_step *step, const struct expected *expected)
{
    struct ash_mmu *map = &soak->map;
    unsigned number = 12345;
    int result = 0;

    switch (step->verb) {
    case SOAK_MAP:
        return ash_mmu_map(map, step->va, step->pa, step->size, step->attr);
    case SOAK_UNMAP:
        return ash_mmu_unmap(map, step->va, step->size);
    case SOAK_PROTECT:
        return ash_mmu_protect(map, step->va, step->size, step->attr);
    case SOAK_MERGE:
        result = ash_mmu_merge(map, step->va, step->size, step->detail % 2 ? NULL : &number);
        SOAK_CHECK(result != 0 || step->detail % 2 || number == expected->merged);
        return result;
    case SOAK_HARVEST:
        if (expected->error == 0) {
            return soak_harvest(soak, step);
        }
        result = ash_mmu_harvest(map, step->va, step->size, step->attr, see_nothing, &number);
        SOAK_SAME(number, 12345);
        return result;
    case SOAK_TOUCH:
        return soak_touch(soak, step, expected->error == 0);
    case SOAK_WALK:
        if (step->bad != 0) {
            result = ash_mmu_walk(map, step->va, step->size, see_nothing, &number);
            SOAK_SAME(number, 12345);
            return result;
        }
        soak_check_walk(soak, step->page, step->pages, step->detail);
        return 0;
    case SOAK_NEEDED:
        result = ash_mmu_tables_needed(map, step->va, step->pa, step->size, step->attr, &number);
        SOAK_CHECK(result != 0 || number == expected->tables);
        return result;
    case SOAK_REMAP_ZONE:
        return ash_mmu_remap_zone(map, step->va, step->size);
    case SOAK_OPEN_ZONE:
        return ash_mmu_open_zone(map, step->va, step->size);
    default:
        return 0;
    }
}

/* A step on its way. */
struct work {
    struct soak *soak;
    const struct soak_step *step;
    const struct expected *expected;
    int result;
};

static void work(void *arg)
{
    struct work *work = arg;

    work->result = run(work->soak, work->step, work->expected);
    sim_rest();
}

/* On one of the CPUs; the others look on, or use the map. */
static int run_somewhere(struct soak *soak, const struct soak_step *step,
                         const struct expected *expected)
{
    struct work one = {soak, step, expected, 0};

    sim_on_cpu((unsigned)(soak->number % soak->cpus));
    if (step->crowd != 0 && soak->cpus > 1 && soak->live && expected->next &&
        expected->error == 0) {
        soak_in_crowd(soak, step, soak->next, work, &one);
    } else {
        work(&one);
    }
    return one.result;
}

/* Near the edges of the range, where it is most likely to differ, and somewhere inside. */
static void check_around(struct soak *soak, const struct soak_step *step)
{
    uint64_t end = step->page + step->pages;

    soak_check_page(soak, step->page - (step->page > 0));
    soak_check_page(soak, step->page);
    soak_check_page(soak, step->page + step->pages / 2);
    soak_check_page(soak, end - 1);
    soak_check_page(soak, end);
    soak_check_page(soak, ash_align_down(step->page, 512));
    soak_check_page(soak, (end - 1) | 511);
}

/* Invalidations by address are for the map's own ASID, or for all if it is global. */
static void check_operands(const struct soak *soak)
{
    unsigned asid = soak->config.global ? PORT_ASID_GLOBAL : soak->map.asid;

    for (enum sim_op op = SIM_TLBI_PAGE; op <= SIM_TLBI_ASID; op++) {
        int found = sim_find(op, 0);

        SOAK_CHECK(found < 0 || sim_trace[found].asid == asid);
    }
}

/* A processor that invalidates ranges: it does so with more than one page, and pages of one table
 * are one range. */
static void check_ranges(const struct soak *soak, const struct soak_step *step,
                         const struct expected *expected)
{
    int found = sim_find(SIM_TLBI_RANGE, 0);

    SOAK_CHECK(found < 0 || sim_trace[found].value > 1);
    SOAK_CHECK(found < 0 || soak->ranges);
    if (soak->ranges && step->verb == SOAK_UNMAP && expected->tables == 0 &&
        step->page / 512 == (step->page + step->pages - 1) / 512) {
        SOAK_SAME(sim_count[SIM_TLBI_ASID] + sim_count[SIM_TLBI_ALL], 0);
    }
}

/* What the interface says of invalidations and tables, given the counters before. */
static void check_costs(const struct soak *soak, const struct soak_step *step,
                        const struct ash_mmu_counters *before, const struct expected *expected)
{
    const struct ash_mmu_counters *now = &soak->map.counters;
    unsigned pages = now->pages - before->pages;
    unsigned barriers = now->barriers - before->barriers;

    SOAK_SAME(now->tables, soak->in_use);
    SOAK_SAME(soak->in_use, shadow_tables(soak->shadow));
    SOAK_SAME(soak->takes, expected->tables);
    SOAK_SAME(now->taken - before->taken, expected->tables);
    SOAK_SAME(now->merges - before->merges, expected->merged);
    if (step->verb == SOAK_UNMAP || step->verb == SOAK_PROTECT) {
        SOAK_SAME(now->splits - before->splits, expected->tables);
    }
    if (soak->live) {
        SOAK_SAME(pages, sim_count[SIM_TLBI_PAGE] + sim_count[SIM_TLBI_PAGE_WALK]);
        SOAK_SAME(now->ranges - before->ranges, sim_count[SIM_TLBI_RANGE]);
        SOAK_SAME(now->asids - before->asids, sim_count[SIM_TLBI_ASID]);
        SOAK_SAME(now->alls - before->alls, sim_count[SIM_TLBI_ALL]);
        SOAK_CHECK(now->asids == before->asids || !soak->config.global);
        SOAK_CHECK(now->alls == before->alls || soak->config.global);
        SOAK_CHECK(pages + now->ranges - before->ranges <= 15 * barriers);
        check_operands(soak);
    } else {
        SOAK_SAME(sim_tlbi_count(), 0);
        SOAK_SAME(sim_count[SIM_BRANCH_SYNC] + sim_count[SIM_DSB_ISH], 0);
    }
    SOAK_SAME(barriers, sim_count[SIM_DSB_ISHST]);
    check_ranges(soak, step, expected);
    if (step->verb >= SOAK_PROTECT && step->verb <= SOAK_TOUCH && !expected->changed) {
        SOAK_SAME(sim_count[SIM_ENTRY_STORE] + sim_tlbi_count(), 0);
    }
    if (step->verb == SOAK_MAP && expected->merged == 0) {
        SOAK_SAME(sim_tlbi_count(), 0); /* entries that fault are not cached */
        SOAK_SAME(barriers, 1);
    }
    if (step->verb == SOAK_UNMAP && expected->tables == 0 && !soak->config.contiguous) {
        SOAK_SAME(barriers, 1);
    }
}

/* What has to hold at all times, but takes a while to see. */
static void check_now_and_then(struct soak *soak)
{
    if (soak->number % EVERY_SOUND == 0) {
        soak_check_sound(soak);
    }
    if (soak->number % EVERY_ALL == 0) {
        soak_check_all(soak);
    } else if (soak->number % EVERY_WALK == 0) {
        soak_check_walk(soak, 0, soak->shadow->pages, 0);
    }
}

/* After everything that can be merged was: there are as few tables as the mappings need. */
static void check_least(struct soak *soak, const struct soak_step *step)
{
    if (step->verb == SOAK_MERGE && step->page == 0 && step->pages == soak->shadow->pages) {
        SOAK_SAME(soak->in_use, shadow_least(soak->shadow, soak->scratch));
    }
}

/* Widens the span to whole entries. */
static void widen(const struct shadow *shadow, struct soak_span *span)
{
    const struct shadow_run *first = shadow_after(shadow, span->page);
    const struct shadow_run *last = shadow_after(shadow, span->end - 1);

    if (first != NULL && first->page <= span->page) {
        span->page = shadow_entry(first, span->page).page;
    }
    if (last != NULL && last->page < span->end) {
        struct shadow_run entry = shadow_entry(last, span->end - 1);

        span->end = shadow_end(&entry);
    }
}

/* What the processor has noted: in entries that the step has changed, or others have used. */
static void learn(struct soak *soak, const struct soak_step *step, const struct shadow *before)
{
    struct soak_span span = {step->page, step->page + step->pages};

    if (!soak->config.updates) {
        return;
    }
    if (step->crowd != 0) {
        span = (struct soak_span){0, soak->shadow->pages};
    }
    widen(before, &span);
    widen(soak->shadow, &span);
    soak_learn(soak, &span);
}

void soak_perform(struct soak *soak, const struct soak_step *chosen)
{
    struct soak_step *step = complete(soak, chosen);
    struct expected expected = expect(soak, step);
    struct ash_mmu_counters before;
    struct shadow *shadow = soak->shadow;

    soak->counts->steps++;
    soak->counts->verb[step->verb]++;
    soak_remember(soak, expected.failing);
    before = soak->map.counters;
    soak->takes = 0;
    soak->fail_at = step->verb <= SOAK_TOUCH || step->verb == SOAK_REMAP_ZONE ? step->fail_at : 0;
    sim_forget();
    SOAK_SAME(run_somewhere(soak, step, &expected), expected.error);
    soak->fail_at = 0;
    sim_on_cpu((unsigned)(soak->number / 2 % soak->cpus));
    if (expected.error != 0) {
        soak_check_unchanged(soak, expected.failing);
        SOAK_SAME(soak->map.counters.taken - before.taken, expected.failing ? soak->takes - 1 : 0);
        soak->counts->errors++;
        soak->counts->failures += expected.failing;
        expected.changed = false;
    } else if (expected.next) {
        if (step->verb == SOAK_HARVEST || step->verb == SOAK_TOUCH) {
            expected.changed = !shadow_equal(shadow, soak->next);
        }
        soak->shadow = soak->next;
        soak->next = shadow;
        learn(soak, step, shadow);
        check_costs(soak, step, &before, &expected);
        check_around(soak, step);
        check_least(soak, step);
    } else if (other(soak, step)) {
        expected.changed = true;
    }
    soak->counts->changed += expected.changed;
    check_now_and_then(soak);
}

void soak_perform_failing(struct soak *soak, const struct soak_step *step)
{
    struct soak_step again = *step;
    uint64_t failures;

    do {
        again.fail_at++;
        failures = soak->counts->failures;
        soak_perform(soak, &again);
    } while (soak->counts->failures > failures && soak->takes == again.fail_at);
}

void soak_run(struct soak *soak, uint64_t seed, uint64_t steps, unsigned formats,
              struct soak_counts *counts)
{
    struct soak_step step;
    uint64_t done = 0;
    unsigned format = 0;

    while (done < steps) {
        for (format %= SOAK_FORMATS; (formats >> format & 1) == 0;) {
            format = (format + 1) % SOAK_FORMATS;
        }
        soak->seed = seed;
        soak_seed(&soak->source, seed);
        soak_start(soak, &soak_formats[format], &counts[format]);
        for (; done < steps; done++) {
            soak_choose(soak, &step);
            if (step.verb == SOAK_RENEW) {
                break;
            }
            soak_perform(soak, &step);
        }
        soak_end(soak);
        seed++;
        format++;
    }
}
