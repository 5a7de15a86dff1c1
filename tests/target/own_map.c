/* SPDX-License-Identifier: MIT */
/*
 * A map of a test's own: see own_map.h.
 */
#include "tests/target/own_map.h"

#include "tests/target/suite.h"

#define TABLES 6
static struct {
    uint64_t entry[512];
} table[TABLES] __attribute__((aligned(ASH_PAGE_SIZE)));
static uint32_t tables_used; /* bit n: table n */
struct ash_mmu own_map;

static int table_take(void *context, ash_pa_t *pa)
{
    (void)context;
    for (unsigned i = 0; i < TABLES; i++) {
        if ((tables_used & 1u << i) == 0) {
            tables_used |= 1u << i;
            *pa = ash_pa((uintptr_t)&table[i]);
            return 0;
        }
    }
    return ASH_ENOMEM;
}

static void table_give(void *context, ash_pa_t pa)
{
    (void)context;
    tables_used &= ~(1u << ((pa.value - (uintptr_t)table) / sizeof table[0]));
}

void own_map_with(const char *(*body)(void), struct ash_mmu_config config)
{
    const char *wrong;
    unsigned long saved;

    config.base = ash_va(UPPER_HALF_BASE);
    config.va_bits = UPPER_HALF_BITS;
    config.asid = 5;
    config.tables = (struct ash_mmu_tables){table_take, table_give, NULL};
    tables_used = 0;
    port_zero(table, sizeof table);
    CHECK_EQ(ash_mmu_init(&own_map, &config), 0);
    saved = port_irq_save();
    upper_half_on(ash_mmu_root(&own_map), config.asid);
    wrong = body();
    upper_half_off();
    port_irq_restore(saved);
    if (wrong != NULL) {
        target_fail(__FILE__, __LINE__, "%s", wrong);
    }
    CHECK_EQ(ash_mmu_verify(&own_map, NULL), 0);
    CHECK_EQ(own_map.counters.tables, 1);
    ash_mmu_destroy(&own_map);
    CHECK_EQ(tables_used, 0);
}
