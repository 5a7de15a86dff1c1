/* SPDX-License-Identifier: MIT */
/*
 * Break-before-make, holes, contiguous sets and operands on the hostile machine, written by hand:
 * each rule broken on purpose, and next to it the same done right (arm-rules 7, 8, 10, 11).
 */
#include "tests/unit/proof_tables.h"

/* Rule 7: old and new descriptor of page 0 or block 2, in one step. */

struct step {
    unsigned frame, index;
    uint64_t new;
    unsigned rule;
};

static const struct step *the_step;

static void one_step(void *arg)
{
    (void)arg;
    port_entry_write(entry_of(the_step->frame, the_step->index), the_step->new | half_bits());
    port_dsb_ishst();
    port_tlbi_page(ash_va(va_of(0)), own_asid());
    port_dsb_ish();
    port_isb();
    sim_rest();
}

static void break_first(void *arg)
{
    uint64_t *entry = entry_of(the_step->frame, the_step->index);

    (void)arg;
    port_entry_write(entry, 0);
    port_dsb_ishst();
    port_tlbi_all();
    port_dsb_ish();
    port_entry_write(entry, the_step->new | half_bits());
    port_dsb_ishst();
    port_isb();
    sim_rest();
}

/* ... without the invalidation in between. */
static void break_for_show(void *arg)
{
    uint64_t *entry = entry_of(the_step->frame, the_step->index);

    (void)arg;
    port_entry_write(entry, 0);
    port_dsb_ish();
    port_entry_write(entry, the_step->new | half_bits());
}

static void rule_7(void **state)
{
    static const struct step steps[] = {
        {2, 0, FAR | DATA_BITS | LEAF, 7},                           /* output address */
        {2, 16, (FAR + 16 * PAGE) | DATA_BITS | UNCACHED | LEAF, 7}, /* memory type */
        {2, 16, (FAR + 16 * PAGE) | DATA_BITS | DEVICE | LEAF, 7},
        {2, 16, (FAR + 16 * PAGE) | (DATA_BITS & ~INNER) | UNCACHED | LEAF, 7},
        {1, 0, FAR | DATA_BITS | BLOCK_TYPE, 7},      /* table to block */
        {1, 2, TABLE(3) | LINK, 7},                   /* block to table */
        {1, 0, TABLE(3) | LINK, 7},                   /* another table */
        {2, 0, DATA | DATA_BITS | AP_READ | LEAF, 0}, /* access */
        {2, 0, DATA | DATA_BITS | AP_USER | LEAF, 0},
        {2, 0, DATA | DATA_BITS | SOFT | LEAF, 0},
        {2, 0, DATA | AF | INNER | AP_READ | PXN | XN | LEAF, 0},
    };

    (void)state;
    for (unsigned n = 0; n < 4; n++) {
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            the_step = &steps[i];
            tables_start(n & 2 ? SIM_A64 : SIM_LPAE, n & 1, 2);
            proof_broken(steps[i].rule, 1, one_step, NULL);
            tables_start(n & 2 ? SIM_A64 : SIM_LPAE, n & 1, 2);
            proof_broken(0, 1, break_first, NULL);
            if (steps[i].rule == 7) {
                tables_start(n & 2 ? SIM_A64 : SIM_LPAE, n & 1, 2);
                proof_broken(7, 1, break_for_show, NULL);
            }
        }
    }
}

/* From one size to another, with the old entries gone from the tables but not from the TLB. */
static void block_over_pages(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 32; i++) {
        port_entry_write(entry_of(2, i), 0);
    }
    port_dsb_ish();
    port_entry_write(entry_of(1, 0), 0);
    port_dsb_ishst();
    port_tlbi_page_walk(ash_va(va_of(40)), own_asid()); /* the table, but none of the pages */
    port_dsb_ish();
    port_entry_write(entry_of(1, 0), FAR | DATA_BITS | half_bits() | BLOCK_TYPE);
}

static void nothing_global(void *arg)
{
    (void)arg;
    port_entry_write(entry_of(2, 0), DATA | DATA_BITS | NG | LEAF);
}

static void rule_7_sizes(void **state)
{
    static const struct trial sizes[] = {TRIAL(7, block_over_pages)};
    static const struct trial global[] = {TRIAL(7, nothing_global)};

    (void)state;
    RUN_ALL(sizes);
    run_trials(global, 1, SIM_LPAE, 0);
    run_trials(global, 1, SIM_A64, 0);
}

/* Rule 8 */

static void hole_in_use(void *arg)
{
    (void)arg;
    sim_in_use(va_of(3) + 100, 8, "the vectors");
    port_entry_write(entry_of(2, 3), 0);
}

static void hole_beside(void *arg)
{
    (void)arg;
    sim_in_use(va_of(3) + 100, 8, "the vectors");
    port_entry_write(entry_of(2, 2), 0);
    port_entry_write(entry_of(2, 4), 0);
}

static void block_hole_in_use(void *arg)
{
    (void)arg;
    sim_in_use(tables_base() + 3 * BLOCK - 8, 16, "the stack");
    port_entry_write(entry_of(1, 2), 0);
}

static void access_of_what_is_in_use(void *arg)
{
    (void)arg;
    sim_in_use(va_of(3), PAGE, "the console");
    port_entry_write(entry_of(2, 3), page_leaf(DATA + 3 * PAGE, DATA_BITS | AP_READ));
    settle_page(3);
    sim_rest();
}

static void hole_over_own_table(void *arg)
{
    (void)arg;
    sim_identity = true;
    set(1, 64, RAM | DATA_BITS | BLOCK_TYPE); /* VA 0x8000000 -> 0x48000000: not the identity */
    port_entry_write(entry_of(0, 1), (UINT64_C(1) << 30) | DATA_BITS | BLOCK_TYPE);
    port_dsb_ishst();
    port_isb();
    sim_rest();
    port_entry_write(entry_of(0, 1), 0);
}

static void rule_8(void **state)
{
    static const struct trial trials[] = {
        TRIAL(8, hole_in_use),
        TRIAL(0, hole_beside),
        TRIAL(8, block_hole_in_use),
        TRIAL(0, access_of_what_is_in_use),
    };
    static const struct trial own[] = {TRIAL(8, hole_over_own_table)};

    (void)state;
    RUN_ALL(trials);
    run_trials(own, 1, SIM_LPAE, 0);
    run_trials(own, 1, SIM_A64, 0);
}

/* Rule 10 */

static void mark(unsigned first, unsigned count, uint64_t bits)
{
    for (unsigned i = first; i < first + count; i++) {
        port_entry_write(entry_of(2, i), page_leaf(FAR + i * PAGE, bits));
    }
}

static void clear(unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        port_entry_write(entry_of(2, i), 0);
    }
    port_dsb_ishst();
    port_tlbi_all();
    port_dsb_ish();
    port_isb();
}

static void whole_set(void *arg)
{
    (void)arg;
    mark(48, 16, DATA_BITS | CONT);
    port_dsb_ishst();
    port_isb();
    sim_rest();
    clear(48, 16);
    mark(48, 16, DATA_BITS);
    port_dsb_ishst();
    port_isb();
    sim_rest();
}

static void set_of_fifteen(void *arg)
{
    (void)arg;
    mark(48, 15, DATA_BITS | CONT);
    port_dsb_ishst();
    port_isb();
    sim_rest();
}

static void uneven_set(void *arg)
{
    (void)arg;
    mark(48, 15, DATA_BITS | CONT);
    mark(63, 1, DATA_BITS | AP_USER | CONT);
}

static void unmarked_member(void *arg)
{
    (void)arg;
    mark(48, 15, DATA_BITS | CONT);
    mark(63, 1, DATA_BITS);
}

static void shifted_set(void *arg)
{
    (void)arg;
    for (unsigned i = 48; i < 64; i++) {
        port_entry_write(entry_of(2, i), page_leaf(FAR + (i + 1) * PAGE, DATA_BITS | CONT));
    }
}

/* One member goes; the entry that a TLB made of all sixteen does not. */
static void one_of_a_set(void *arg)
{
    (void)arg;
    mark(48, 16, DATA_BITS | CONT);
    port_dsb_ishst();
    port_isb();
    sim_rest();
    clear(50, 1);
    sim_rest();
}

/* All are broken, and one of them is not invalidated: the whole may still be in the TLB. */
static void set_half_invalidated(void *arg)
{
    (void)arg;
    mark(48, 16, DATA_BITS | CONT);
    port_dsb_ishst();
    port_isb();
    for (unsigned i = 48; i < 64; i++) {
        port_entry_write(entry_of(2, i), 0);
    }
    port_dsb_ishst();
    for (unsigned i = 48; i < 63; i++) {
        port_tlbi_page(ash_va(va_of(i)), own_asid());
    }
    port_dsb_ish();
    port_entry_write(entry_of(2, 48), page_leaf(DATA, DATA_BITS));
}

static void set_marked_in_place(void *arg)
{
    (void)arg;
    mark(16, 1, DATA_BITS | CONT);
}

static void set_with_flags(void *arg)
{
    (void)arg;
    mark(48, 16, (DATA_BITS & ~AF) | CONT);
    port_dsb_ishst();
    port_isb();
    sim_rest();
    port_entry_write(entry_of(2, 50), page_leaf(FAR + 50 * PAGE, DATA_BITS | CONT));
    port_dsb_ishst();
    port_isb();
    sim_rest();
}

static void rule_10(void **state)
{
    static const struct trial trials[] = {
        TRIAL(0, whole_set),
        TRIAL(10, set_of_fifteen),
        TRIAL(10, uneven_set),
        TRIAL(10, unmarked_member),
        TRIAL(10, shifted_set),
        TRIAL(10, one_of_a_set),
        TRIAL(7, set_half_invalidated),
        TRIAL(7, set_marked_in_place),
        TRIAL(0, set_with_flags),
    };

    (void)state;
    RUN_ALL(trials);
}

/* Rule 11 */

static void operand_not_aligned(void *arg)
{
    (void)arg;
    port_tlbi_page(ash_va(va_of(1) >> 12 | 1), own_asid());
}

static void operand_asid_too_large(void *arg)
{
    (void)arg;
    port_tlbi_page(ash_va(va_of(1)), tables_format == SIM_LPAE ? 256 : 65536);
}

static void operand_with_counter(void *arg)
{
    (void)arg;
    port_tlbi_page(ash_va(va_of(1) ^ UINT64_C(1) << 52), own_asid());
}

static void rule_11(void **state)
{
    static const struct trial trials[] = {
        TRIAL(11, operand_not_aligned),
        TRIAL(11, operand_asid_too_large),
        TRIAL(11, operand_with_counter),
    };

    (void)state;
    RUN_ALL(trials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_7),  cmocka_unit_test(rule_7_sizes), cmocka_unit_test(rule_8),
        cmocka_unit_test(rule_10), cmocka_unit_test(rule_11),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
