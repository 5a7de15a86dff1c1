/* SPDX-License-Identifier: MIT */
/*
 * Comparing a map with its shadow: by query, walk and verify, and by the machine's own walk.
 */
#include "tests/fuzz/soak_parts.h"

/* The descriptor's fields, from the manual (DDI 0406C B3.6.2, DDI 0487 D8.3.2). */
uint64_t soak_attributes(const struct soak *soak, ash_mmu_attr_t attr)
{
    uint64_t user = 1ull << 6, read_only = 1ull << 7, inner = 3ull << 8, accessed = 1ull << 10;
    uint64_t dirty = 1ull << 51, software = 1ull << 55;
    uint64_t not_global = 1ull << 11, guarded = 1ull << 50, pxn = 1ull << 53, xn = 1ull << 54;
    uint64_t bits = inner | accessed | (attr >> 8 & 3) << 2;

    bits |= attr & ASH_MMU_USER ? user : 0;
    bits |= attr & ASH_MMU_WRITE ? 0 : read_only;
    bits |= soak->config.global ? 0 : not_global;
    bits |= attr & ASH_MMU_GUARDED ? guarded : 0;
    bits |= attr & ASH_MMU_CLEAN ? read_only : 0;
    bits &= attr & ASH_MMU_OLD ? ~accessed : UINT64_MAX;
    bits |= attr & SHADOW_NOTED ? (soak->format->sim == SIM_A64 ? dirty : software) : 0;
    bits |= attr & SHADOW_WRITTEN ? software << 1 : 0;
    if ((attr & ASH_MMU_EXEC) == 0) {
        return bits | pxn | xn;
    }
    if (attr & ASH_MMU_USER) {
        return bits | pxn;
    }
    return bits | (soak->format->sim == SIM_A64 ? xn : 0);
}

uint64_t soak_descriptor(const struct soak *soak, const struct shadow_run *entry)
{
    uint64_t contiguous = shadow_hinted(soak->shadow, entry->page) ? 1ull << 52 : 0;

    return entry->frame << ASH_PAGE_SHIFT | soak_attributes(soak, entry->attr) | contiguous |
           (entry->level == 3 ? 3 : 1);
}

static void same_mapping(const struct soak *soak, const struct ash_mmu_mapping *mapping,
                         const struct shadow_run *entry)
{
    SOAK_SAME(mapping->va.value, soak_va(soak, entry->page).value);
    SOAK_SAME(mapping->pa.value, entry->frame << ASH_PAGE_SHIFT);
    SOAK_SAME(mapping->size, entry->pages << ASH_PAGE_SHIFT);
    SOAK_SAME(mapping->level, entry->level);
    SOAK_SAME(mapping->attr, entry->attr & ~SHADOW_HIDDEN);
    SOAK_SAME(mapping->descriptor, soak_descriptor(soak, entry));
    if (soak->config.track) {
        SOAK_SAME(ash_mmu_written(mapping), shadow_written(entry->attr));
    }
}

static bool allowed(ash_va_t va, unsigned access)
{
    return sim_translate(va.value, access).fault == SIM_OK;
}

static void compare_with_machine(const struct soak *soak, ash_va_t va,
                                 const struct shadow_run *entry)
{
    static const uint8_t memory[] = {0xff, 0x44, 0x04, 0x00};
    struct sim_answer answer = sim_access(va.value, SIM_READ);
    bool user, write, exec;

    if (entry == NULL) {
        SOAK_SAME(answer.fault, SIM_FAULT_TRANSLATION);
        return;
    }
    user = entry->attr & ASH_MMU_USER;
    write = (entry->attr & (ASH_MMU_WRITE | ASH_MMU_CLEAN)) == ASH_MMU_WRITE;
    exec = entry->attr & ASH_MMU_EXEC;
    if (entry->attr & ASH_MMU_OLD) {
        SOAK_SAME(answer.fault, SIM_FAULT_ACCESS_FLAG);
        return;
    }
    SOAK_SAME(answer.fault, SIM_OK);
    SOAK_SAME(answer.pa.value,
              (entry->frame << ASH_PAGE_SHIFT) + (va.value - soak_va(soak, entry->page).value));
    SOAK_SAME(answer.size, entry->pages << ASH_PAGE_SHIFT);
    SOAK_SAME(answer.memory, memory[entry->attr >> 8 & 3]);
    SOAK_SAME(answer.shareable, 3);
    SOAK_SAME(answer.global, soak->config.global);
    SOAK_SAME(allowed(va, SIM_WRITE), write);
    SOAK_SAME(allowed(va, SIM_READ | SIM_UNPRIVILEGED), user);
    SOAK_SAME(allowed(va, SIM_WRITE | SIM_UNPRIVILEGED), user && write);
    SOAK_SAME(allowed(va, SIM_FETCH), exec && !user);
    SOAK_SAME(allowed(va, SIM_FETCH | SIM_UNPRIVILEGED), exec && user);
}

/* As the tables are: no access that is made to check is noted. */
static void machine_page(const struct soak *soak, ash_va_t va, const struct shadow_run *entry)
{
    soak_updates(soak, false);
    compare_with_machine(soak, va, entry);
    soak_updates(soak, true);
}

bool soak_entry_at(const struct soak *soak, uint64_t page, struct shadow_run *entry)
{
    const struct shadow_run *run = shadow_after(soak->shadow, page);

    if (run == NULL || run->page > page) {
        return false;
    }
    *entry = shadow_entry(run, page);
    return true;
}

void soak_check_page(struct soak *soak, uint64_t page)
{
    ash_va_t va = soak_va(soak, page);
    struct ash_mmu_mapping mapping;
    struct shadow_run entry;
    bool mapped;

    if (page >= soak->shadow->pages) {
        return;
    }
    va.value += page * 157 % ASH_PAGE_SIZE;
    mapped = soak_entry_at(soak, page, &entry);
    SOAK_SAME(ash_mmu_query(&soak->map, va, &mapping), mapped ? 0 : ASH_ENOENT);
    if (mapped) {
        same_mapping(soak, &mapping, &entry);
    }
    if (soak->live) {
        machine_page(soak, va, mapped ? &entry : NULL);
    }
}

void soak_check_outside(struct soak *soak)
{
    uint64_t base = soak->config.base.value, end = base + (soak->shadow->pages << ASH_PAGE_SHIFT);
    struct ash_mmu_mapping mapping;

    if (base != 0) {
        SOAK_SAME(ash_mmu_query(&soak->map, ash_va(base - 1), &mapping), ASH_ERANGE);
    }
    SOAK_SAME(ash_mmu_query(&soak->map, ash_va(end), &mapping), ASH_ERANGE);
    SOAK_SAME(ash_mmu_touch(&soak->map, ash_va(end), false),
              soak->config.track ? ASH_ERANGE : ASH_EINVAL);
}

void soak_check_sound(struct soak *soak)
{
    struct ash_mmu_report report;
    uint64_t leaves[4] = {0}, bytes = 0;

    for (unsigned i = 0; i < soak->shadow->runs; i++) {
        const struct shadow_run *run = &soak->shadow->run[i];

        leaves[run->level] += run->pages / shadow_reach(run->level);
        bytes += run->pages << ASH_PAGE_SHIFT;
    }
    if (ash_mmu_verify(&soak->map, &report) != 0) {
        soak_fail("verify: %s at %#llx, level %u: %#llx", report.what,
                  (unsigned long long)report.va.value, report.level,
                  (unsigned long long)report.descriptor);
    }
    SOAK_SAME(report.errors, 0);
    SOAK_SAME(report.tables, shadow_tables(soak->shadow));
    SOAK_SAME(report.bytes, bytes);
    for (unsigned level = 0; level < 4; level++) {
        SOAK_SAME(report.leaves[level], leaves[level]);
    }
}

/* A walk in progress. */
struct visit {
    const struct soak *soak;
    uint64_t page; /* before it everything has been seen */
    unsigned left; /* mappings until it stops; 0: never */
};

#define STOPPED 77

static int visit(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct visit *visit = arg;
    const struct shadow_run *run = shadow_after(visit->soak->shadow, visit->page);
    struct shadow_run entry;

    SOAK_CHECK(run != NULL);
    entry = shadow_entry(run, run->page > visit->page ? run->page : visit->page);
    same_mapping(visit->soak, mapping, &entry);
    visit->page = shadow_end(&entry);
    return visit->left > 0 && --visit->left == 0 ? STOPPED : 0;
}

void soak_check_walk(struct soak *soak, uint64_t page, uint64_t pages, unsigned stop_after)
{
    struct visit state = {.soak = soak, .page = page, .left = stop_after};
    const struct shadow_run *run;
    int result =
        ash_mmu_walk(&soak->map, soak_va(soak, page), pages << ASH_PAGE_SHIFT, visit, &state);

    if (result == STOPPED) {
        SOAK_CHECK(stop_after > 0 && state.left == 0);
        return;
    }
    SOAK_SAME(result, 0);
    SOAK_CHECK(stop_after == 0 || state.left > 0);
    run = shadow_after(soak->shadow, state.page);
    SOAK_CHECK(run == NULL || state.page >= page + pages || run->page >= page + pages);
}

static struct sim_answer as_is(const struct soak *soak, uint64_t page)
{
    struct sim_answer answer;

    soak_updates(soak, false);
    answer = sim_translate(soak_va(soak, page).value, SIM_READ);
    soak_updates(soak, true);
    return answer;
}

void soak_check_all(struct soak *soak)
{
    uint64_t page = 0;

    soak_check_walk(soak, 0, soak->shadow->pages, 0);
    if (!soak->live) {
        return;
    }
    while (page < soak->shadow->pages) {
        struct sim_answer answer = as_is(soak, page);
        const struct shadow_run *run = shadow_after(soak->shadow, page);
        uint64_t skip = shadow_reach(answer.level);
        struct shadow_run entry;

        if (answer.fault == SIM_OK || answer.fault == SIM_FAULT_ACCESS_FLAG) {
            SOAK_CHECK(soak_entry_at(soak, page, &entry));
            machine_page(soak, soak_va(soak, page), &entry);
        } else {
            SOAK_SAME(answer.fault, SIM_FAULT_TRANSLATION);
            SOAK_CHECK(run == NULL || run->page >= ash_align_down(page, skip) + skip);
        }
        page = ash_align_down(page, skip) + skip;
    }
}
