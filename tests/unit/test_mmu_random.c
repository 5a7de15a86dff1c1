/* SPDX-License-Identifier: MIT */
/*
 * Random operations against a flat list of pages, checked by the simulated machine's own walk;
 * and the same with every table that an operation takes failing once.
 */
#include "tests/unit/mmu_rig.h"

#define PAGES  (6u * 512u) /* that the list covers: six tables of pages */
#define MAPPED (1ull << 63)

static struct rig rig;
static uint64_t model[PAGES]; /* MAPPED | PA | attributes */
static uint64_t window;       /* offset in the map of the first page of the list */

enum operation { MAP, UNMAP, PROTECT, MERGE };

struct step {
    enum operation operation;
    unsigned page, pages;
    uint64_t pa;
    ash_mmu_attr_t attr;
};

static ash_va_t page_va(unsigned page)
{
    return rig_va(&rig, window + (uint64_t)page * ASH_PAGE_SIZE);
}

static ash_mmu_attr_t random_attr(void)
{
    static const ash_mmu_attr_t attrs[] = {
        0,
        ASH_MMU_WRITE,
        ASH_MMU_EXEC,
        ASH_MMU_WRITE | ASH_MMU_USER,
        ASH_MMU_EXEC | ASH_MMU_USER,
        ASH_MMU_UNCACHED | ASH_MMU_WRITE,
        ASH_MMU_DEVICE | ASH_MMU_WRITE,
        ASH_MMU_STRICT,
    };

    return attrs[support_random_below(sizeof attrs / sizeof attrs[0])];
}

/* Pages from `page` on that are all mapped, or all not. */
static unsigned alike(unsigned page)
{
    unsigned pages = 1;

    while (page + pages < PAGES && !model[page + pages] == !model[page]) {
        pages++;
    }
    return pages;
}

static struct step random_step(void)
{
    struct step step = {.attr = random_attr(), .page = support_random_below(PAGES)};
    unsigned dice = support_random_below(100);

    if (support_random_below(3) == 0) { /* whole blocks */
        step.page -= step.page % 512;
        step.pages = (1 + support_random_below(3)) * 512;
    } else {
        step.pages = 1 + support_random_below(support_random_below(2) ? 24 : 900);
    }
    if (step.pages > PAGES - step.page) {
        step.pages = PAGES - step.page;
    }
    step.operation = dice < 45 ? MAP : dice < 70 ? UNMAP : dice < 95 ? PROTECT : MERGE;
    /* Mostly what can be done there. */
    if (support_random_below(8) != 0) {
        unsigned pages = alike(step.page);

        step.pages = step.pages < pages ? step.pages : pages;
        if (model[step.page] == 0) {
            step.operation = MAP;
        } else if (step.operation == MAP) {
            step.operation = PROTECT;
        }
    }
    /* Mostly congruent modulo a block, so that blocks can form. */
    step.pa = GIB(4) + MIB(2) * support_random_below(64) +
              (window + (uint64_t)step.page * ASH_PAGE_SIZE) % MIB(2);
    if (support_random_below(3) == 0) {
        step.pa += KIB(4) * support_random_below(16);
    }
    return step;
}

static int run(const struct step *step)
{
    ash_va_t va = page_va(step->page);
    uint64_t size = (uint64_t)step->pages * ASH_PAGE_SIZE;

    switch (step->operation) {
    case MAP:
        return ash_mmu_map(&rig.map, va, ash_pa(step->pa), size, step->attr);
    case UNMAP:
        return ash_mmu_unmap(&rig.map, va, size);
    case PROTECT:
        return ash_mmu_protect(&rig.map, va, size, step->attr);
    case MERGE:
        break;
    }
    return ash_mmu_merge(&rig.map, va, size, NULL);
}

/* What the operation must return when there are tables enough; and its effect on the list. */
static int run_model(const struct step *step)
{
    unsigned mapped = 0;

    for (unsigned i = 0; i < step->pages; i++) {
        mapped += model[step->page + i] != 0;
    }
    if (step->operation == MAP && mapped > 0) {
        return ASH_EEXIST;
    }
    if ((step->operation == UNMAP || step->operation == PROTECT) && mapped < step->pages) {
        return ASH_ENOENT;
    }
    for (unsigned i = 0; i < step->pages; i++) {
        uint64_t *page = &model[step->page + i];

        if (step->operation == MAP) {
            *page = MAPPED | (step->pa + (uint64_t)i * ASH_PAGE_SIZE) | step->attr;
        } else if (step->operation == UNMAP) {
            *page = 0;
        } else if (step->operation == PROTECT) {
            *page = ash_align_down(*page, ASH_PAGE_SIZE) | step->attr;
        }
    }
    return 0;
}

static void compare(unsigned page, unsigned pages)
{
    for (unsigned i = page; i < page + pages && i < PAGES; i++) {
        if (model[i] == 0) {
            rig_expect_hole(&rig, page_va(i));
        } else {
            rig_expect(&rig, page_va(i), ash_pa(model[i] & 0x7ffffffffffff000),
                       (ash_mmu_attr_t)(model[i] & 0xfff));
        }
    }
}

/* Unmaps what the list says is mapped, run by run, in random pieces. */
static void unmap_all(void)
{
    unsigned page = 0;

    while (page < PAGES) {
        unsigned pages = 0, limit = 1 + support_random_below(1500);

        while (page + pages < PAGES && model[page + pages] != 0 && pages < limit) {
            pages++;
        }
        if (pages == 0) {
            page++;
            continue;
        }
        struct step step = {.operation = UNMAP, .page = page, .pages = pages};

        assert_int_equal(run(&step), 0);
        assert_int_equal(run_model(&step), 0);
        page += pages;
    }
}

static void start(const struct rig_kind *kind)
{
    rig_start(&rig, kind);
    memset(model, 0, sizeof model);
    /* Across the edge between two entries of level 1, where there is one. */
    window = kind->va_bits > 30 ? GIB(1) - 3 * MIB(2) : GIB(1) - 6 * MIB(2);
}

static void against_the_list(void **state)
{
    unsigned changed = 0;

    (void)state;
    support_seed(20240611);
    FOR_EACH_KIND(kind)
    {
        start(kind);
        for (unsigned n = 0; n < 1500; n++) {
            struct step step = random_step();
            unsigned before = rig.in_use, needed = 0, takes = rig.takes;
            int announced = 0;

            if (step.operation == MAP) {
                announced =
                    ash_mmu_tables_needed(&rig.map, page_va(step.page), ash_pa(step.pa),
                                          (uint64_t)step.pages * ASH_PAGE_SIZE, step.attr, &needed);
            }
            int expected = run_model(&step);

            assert_int_equal(run(&step), expected);
            changed += expected == 0 && step.operation != MERGE;
            if (step.operation == MAP) {
                assert_int_equal(announced, expected);
                if (expected == 0) {
                    assert_int_equal(rig.in_use - before, needed);
                }
            }
            if (step.operation == MERGE || expected != 0) {
                assert_int_equal(rig.takes, takes);
            }
            rig_verify(&rig);
            compare(step.page > 0 ? step.page - 1 : 0, 2);
            compare(step.page + step.pages - 1, 2);
            compare(step.page + support_random_below(step.pages), 1);
            if (n % 64 == 0) {
                compare(0, PAGES);
            }
        }
        compare(0, PAGES);
        unmap_all();
        rig_end(&rig);
    }
    printf("# %u operations changed something\n", changed);
    assert_true(changed > 1500u * RIG_KINDS * 6 / 10);
}

/* The n-th table cannot be had, for every n: nothing changed, nothing is kept. */
static void failing_tables(void **state)
{
    unsigned failures = 0;

    (void)state;
    support_seed(7);
    FOR_EACH_KIND(kind)
    {
        start(kind);
        for (unsigned n = 0; n < 120; n++) {
            struct step step = random_step();
            int result;

            for (unsigned fail_at = 1;; fail_at++) {
                struct rig_image *before = rig_copy(&rig);
                unsigned in_use = rig.in_use;

                rig.fail_at = fail_at;
                sim_forget();
                result = run(&step);
                if (result != ASH_ENOMEM) {
                    free(before);
                    break;
                }
                assert_int_equal(rig.in_use, in_use);
                assert_int_equal(sim_count[SIM_ENTRY_STORE], 0);
                assert_int_equal(sim_tlbi_count(), 0);
                rig_unchanged(&rig, before);
                failures++;
            }
            rig.fail_at = 0;
            assert_int_equal(result, run_model(&step));
            rig_verify(&rig);
            if (n % 4 == 3) {
                unmap_all(); /* an empty map needs tables */
            }
        }
        unmap_all();
        rig_end(&rig);
    }
    printf("# %u failures injected\n", failures);
    assert_true(failures >= 200);
}

/* The same for a remap zone. */
static void failing_zone(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        unsigned fail_at = 1;
        int result;

        start(kind);
        for (;; fail_at++) {
            struct rig_image *before = rig_copy(&rig);

            rig.fail_at = fail_at;
            result = ash_mmu_remap_zone(&rig.map, page_va(100), MIB(6));
            if (result == 0) {
                free(before);
                break;
            }
            assert_int_equal(result, ASH_ENOMEM);
            assert_int_equal(rig.in_use, 1);
            rig_unchanged(&rig, before);
        }
        assert_int_equal(fail_at, rig.in_use); /* one more than it takes; the root makes it even */
        rig_verify(&rig);
        rig_destroy(&rig);
        assert_int_equal(rig.in_use, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_the_list),
        cmocka_unit_test(failing_tables),
        cmocka_unit_test(failing_zone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
