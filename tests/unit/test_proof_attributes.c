/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that must not exist, on the hostile machine: each stored into a table that walks can
 * reach, linked with a table, and found when a root is installed; and what memory may have two
 * mappings (arm-rules 9, 24 to 29, 41).
 */
#include "tests/unit/proof_tables.h"

struct wrong {
    unsigned level; /* of the table: 1 to 3 (0 in AArch64 with 48 bits) */
    uint64_t descriptor;
    unsigned lpae, a64; /* the rule in the lower half, in each format; 0: allowed */
    unsigned upper_lpae, upper_a64;
};

#define BOTH(rule)       rule, rule, rule, rule
#define LOWER(lpae, a64) lpae, a64, lpae, a64
#define NX               (XN | PXN)

static const struct wrong wrongs[] = {
    {3, FAR | DATA_BITS | NG | LEAF, BOTH(0)},
    {3, FAR | DATA_BITS | NG | BLOCK_TYPE, BOTH(9)}, /* 0b01 at level 3 */
    {2, FAR | DATA_BITS | NG | BLOCK_TYPE, BOTH(0)},
    {1, (UINT64_C(3) << 30) | DATA_BITS | NG | BLOCK_TYPE, BOTH(0)},
    {2, (FAR + PAGE) | DATA_BITS | NG | BLOCK_TYPE, BOTH(29)},      /* no multiple of 2 MiB */
    {1, (FAR + BLOCK) | DATA_BITS | NG | BLOCK_TYPE, BOTH(29)},     /* no multiple of 1 GiB */
    {3, (UINT64_C(1) << 40) | DATA_BITS | NG | LEAF, 29, 0, 29, 0}, /* beyond 40 bits */
    {2, (UINT64_C(1) << 45) | LINK, 29, 0, 29, 0},
    {3, FAR | AF | INNER | NG | DEVICE | LEAF, BOTH(25)}, /* device, executable */
    {3, FAR | AF | INNER | NG | DEVICE | XN | LEAF, BOTH(25)},
    {3, FAR | AF | INNER | NG | DEVICE | PXN | AP_READ | LEAF, BOTH(25)},
    {3, FAR | AF | INNER | NG | DEVICE | NX | LEAF, BOTH(0)},
    {3, FAR | AF | INNER | NG | LEAF, BOTH(27)}, /* writable and executable */
    {3, FAR | AF | INNER | NG | PXN | LEAF, BOTH(27)},
    {3, FAR | AF | INNER | NG | XN | LEAF, 0, 27, 0, 27}, /* XN: for both levels in AArch32 */
    {3, FAR | AF | INNER | NG | XN | AP_USER | LEAF, BOTH(0)},
    {3, FAR | AF | INNER | NG | AP_USER | PXN | LEAF, BOTH(27)},
    {3, FAR | AF | INNER | NG | AP_READ | LEAF, 0, 26, 0, 26}, /* firmware code without UXN */
    {3, FAR | AF | INNER | NG | AP_READ | XN | LEAF, BOTH(0)},
    {3, FAR | AF | INNER | NG | AP_READ | AP_USER | LEAF, BOTH(26)}, /* user code without PXN */
    {3, FAR | AF | INNER | NG | AP_READ | AP_USER | PXN | LEAF, BOTH(0)},
    {3, FAR | AF | NG | NX | LEAF, BOTH(28)}, /* cacheable, not shareable */
    {3, FAR | AF | NG | NX | (UINT64_C(2) << 8) | LEAF, BOTH(28)},
    {3, FAR | AF | NG | NX | UNCACHED | LEAF, BOTH(0)},
    {3, FAR | DATA_BITS | LEAF, 0, 0, 41, 41}, /* a global entry of a space */
    {2, FAR | DATA_BITS | BLOCK_TYPE, 0, 0, 41, 41},
    {2, TABLE(3) | LINK | UINT64_C(1) << 59, BOTH(27)}, /* PXNTable */
    {2, TABLE(3) | LINK | UINT64_C(1) << 60, BOTH(27)}, /* XNTable */
    {2, TABLE(3) | LINK | UINT64_C(1) << 61, BOTH(27)}, /* APTable */
    {2, TABLE(3) | LINK | UINT64_C(1) << 62, BOTH(27)},
    {2, TABLE(3) | LINK | UINT64_C(1) << 63, BOTH(27)},
    {2, TABLE(3) | LINK, BOTH(0)},
};

static const struct wrong *the_wrong;

/* Where it goes: an entry that is empty. */
static uint64_t *place(void)
{
    return entry_of(the_wrong->level - 1, the_wrong->level == 3 ? 50 : 1);
}

static void stored(void *arg)
{
    (void)arg;
    port_entry_write(place(), the_wrong->descriptor);
}

/* In a table that is linked afterwards (a level 3 table, a copy of the level 2 one). */
static void linked(void *arg)
{
    (void)arg;
    unsigned above = the_wrong->level - 1;

    sim_table_taken(ash_pa(TABLE(4)));
    port_entry_write(entry_of(4, 7), the_wrong->descriptor);
    port_entry_store(entry_of(above - 1, above == 1 ? 1 : 100), TABLE(4) | LINK);
}

static void installed(void *arg)
{
    (void)arg;
    *place() = the_wrong->descriptor;
    sim_regime.half[tables_half].walks = false;
    sim_regime.half[tables_half].root = ash_pa(TABLE(0));
    sim_regime.half[tables_half].walks = true;
    sim_rest();
}

static unsigned expected(enum sim_format format, unsigned half)
{
    if (half == 0) {
        return format == SIM_LPAE ? the_wrong->lpae : the_wrong->a64;
    }
    return format == SIM_LPAE ? the_wrong->upper_lpae : the_wrong->upper_a64;
}

static void descriptors(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 4; n++) {
        enum sim_format format = n & 2 ? SIM_A64 : SIM_LPAE;

        for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
            the_wrong = &wrongs[i];
            tables_start(format, n & 1, 1);
            proof_broken(expected(format, n & 1), 1, stored, NULL);
            if (the_wrong->level > 1) {
                tables_start(format, n & 1, 1);
                proof_broken(expected(format, n & 1), 1, linked, NULL);
            }
        }
    }
}

/* The same when walks begin: nothing may have been prepared that is wrong. */
static void descriptors_of_a_root(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        the_wrong = &wrongs[i];
        tables_start(SIM_A64, 1, 1);
        sim_regime.half[1].walks = false;
        sim_rest();
        port_tlbi_all();
        port_dsb_ish();
        port_isb();
        /* Not walked any more: the root begins anew when it is installed. */
        sim_table_given(ash_pa(TABLE(0)));
        sim_table_given(ash_pa(TABLE(1)));
        sim_table_given(ash_pa(TABLE(2)));
        proof_broken(the_wrong->upper_a64, 1, installed, NULL);
    }
}

/* No blocks at level 0 with 4 KiB pages. */
static void block_at_level_0(void *arg)
{
    (void)arg;
    port_entry_write(entry_of(0, 1), (UINT64_C(1) << 39) | DATA_BITS | NG | BLOCK_TYPE);
}

static void output_beyond_the_processor(void *arg)
{
    (void)arg;
    port_entry_write(entry_of(2, 1), (UINT64_C(1) << 36) | DATA_BITS | NG | LEAF);
}

static void start_48(void)
{
    sim_start();
    sim_add_ram(ash_pa(RAM), FRAMES * PAGE);
    memset(port_ptr(ash_pa(RAM)), 0, FRAMES * PAGE);
    sim_regime.format = SIM_A64;
    sim_regime.mair = MAIR;
    sim_regime.half[1] = (struct sim_half){true, ash_pa(TABLE(0)), 48};
    sim_rest();
}

static void limits(void **state)
{
    (void)state;
    start_48();
    proof_broken(29, 1, block_at_level_0, NULL);
    tables_start(SIM_A64, 1, 1);
    sim_regime.output_bits = 36;
    *entry_of(2, 1) = 0;
    proof_broken(29, 1, output_beyond_the_processor, NULL);
}

/* Rule 24 */

static void alias_uncached(void *arg)
{
    (void)arg;
    port_entry_write(entry_of(2, 40), page_leaf(DATA, DATA_BITS | UNCACHED));
}

static void alias_device(void *arg)
{
    (void)arg;
    port_entry_write(entry_of(2, 40), page_leaf(DATA, DATA_BITS | DEVICE));
}

static void alias_block(void *arg)
{
    (void)arg;
    port_entry_write(entry_of(1, 8), RAM | DATA_BITS | UNCACHED | half_bits() | BLOCK_TYPE);
}

static void alias_alike(void *arg)
{
    (void)arg;
    port_entry_write(entry_of(2, 40), page_leaf(DATA, DATA_BITS | AP_READ));
    port_dsb_ishst();
    port_isb();
    sim_rest();
}

static void retype(void)
{
    port_entry_write(entry_of(2, 0), 0);
    settle_page(0);
    port_entry_write(entry_of(2, 0), page_leaf(DATA, DATA_BITS | UNCACHED));
    port_dsb_ishst();
    port_isb();
    sim_rest();
}

static void lines_left(void *arg)
{
    uint32_t word = 0;

    (void)arg;
    retype();
    (void)sim_write(va_of(0), &word, sizeof word);
}

/* Cleaned before the cacheable mapping went: it may have fetched them again. */
static void lines_dropped_early(void *arg)
{
    uint32_t word = 0;

    (void)arg;
    port_cache_clean_invalidate(port_ptr(ash_pa(DATA)), PAGE);
    retype();
    (void)sim_read(va_of(0), &word, sizeof word);
}

static void lines_dropped(void *arg)
{
    uint32_t word = 7;

    (void)arg;
    retype();
    port_cache_clean_invalidate(port_ptr(ash_pa(DATA)), PAGE);
    if (!sim_write(va_of(0), &word, sizeof word) || !sim_read(va_of(0), &word, sizeof word)) {
        abort();
    }
}

static void rule_24(void **state)
{
    static const struct trial trials[] = {
        TRIAL(24, alias_uncached), TRIAL(24, alias_device), TRIAL(24, alias_block),
        TRIAL(0, alias_alike),     TRIAL(24, lines_left),   TRIAL(24, lines_dropped_early),
        TRIAL(0, lines_dropped),
    };

    (void)state;
    RUN_ALL(trials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors),
        cmocka_unit_test(descriptors_of_a_root),
        cmocka_unit_test(limits),
        cmocka_unit_test(rule_24),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
