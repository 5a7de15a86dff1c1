/* SPDX-License-Identifier: MIT */
/*
 * How many table operations a minute the simulated machine does with all its checks on, by the CPU
 * time of one core: fuzzing means something from a million on.
 */
#include "tests/unit/mmu_rig.h"

#include <time.h>

#define PAGES      (8u * 512u) /* in which operations fall */
#define RANGE_MAX  64u
#define OPERATIONS 40000u
#define PER_MINUTE 1000000.0

static struct rig rig;
static bool mapped[PAGES];

static ash_va_t page_va(unsigned page)
{
    return rig_va(&rig, MIB(2) + (uint64_t)page * ASH_PAGE_SIZE);
}

/* How many pages from `page` on are all mapped, or all not; at most `most`. */
static unsigned alike(unsigned page, unsigned most)
{
    unsigned n = 1;

    while (n < most && page + n < PAGES && mapped[page + n] == mapped[page]) {
        n++;
    }
    return n;
}

static void operation(void)
{
    static const ash_mmu_attr_t attrs[] = {0, ASH_MMU_WRITE, ASH_MMU_EXEC,
                                           ASH_MMU_UNCACHED | ASH_MMU_WRITE};
    unsigned page = support_random_below(PAGES);
    unsigned pages = alike(page, 1 + support_random_below(RANGE_MAX));
    ash_mmu_attr_t attr = attrs[support_random_below(4)];
    uint64_t size = (uint64_t)pages * ASH_PAGE_SIZE;
    int result;

    if (!mapped[page]) {
        result =
            ash_mmu_map(&rig.map, page_va(page), ash_pa(GIB(3) + page * ASH_PAGE_SIZE), size, attr);
        memset(&mapped[page], true, pages);
    } else if (support_random_below(2)) {
        result = ash_mmu_protect(&rig.map, page_va(page), size, attr);
    } else {
        result = ash_mmu_unmap(&rig.map, page_va(page), size);
        memset(&mapped[page], false, pages);
    }
    assert_int_equal(result, 0);
    sim_rest();
}

static void a_million_a_minute(void **state)
{
    (void)state;
    support_seed(20250102);
    FOR_EACH_KIND(kind)
    {
        clock_t start;
        double seconds, rate;

        rig_start(&rig, kind);
        memset(mapped, 0, sizeof mapped);
        start = clock();
        for (unsigned i = 0; i < OPERATIONS; i++) {
            operation();
        }
        seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        rate = OPERATIONS / seconds * 60;
        printf("# %s: %.1f million operations a minute\n", kind->name, rate / 1e6);
        assert_true(rate >= PER_MINUTE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
