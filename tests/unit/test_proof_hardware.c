/* SPDX-License-Identifier: MIT */
/*
 * Access flag and dirty state by hardware (FEAT_HAFDBS), on the hostile machine: what walks write
 * into entries, and how changing these entries must not lose it (arm-rules 6).
 */
#include "tests/unit/proof_tables.h"

#define DBM     (UINT64_C(1) << 51)
#define CLEAN   (DATA_BITS | AP_READ | DBM) /* may be written to, was not yet */
#define FIRST   2u                          /* of the pages of this test */
#define PAGES   4u
#define THE_VA  va_of(FIRST)
#define SET_SW  (UINT64_C(1) << 56)
#define NO_MORE 8u /* attempts of a compare-exchange */

static uint64_t *page_entry(void)
{
    return entry_of(2, FIRST);
}

static void start(bool access, bool dirty, uint64_t bits)
{
    sim_regime.sets_access = access;
    sim_regime.sets_dirty = dirty;
    for (unsigned i = FIRST; i < FIRST + PAGES; i++) {
        port_entry_write(entry_of(2, i), 0);
        settle_page(i);
        sim_rest();
        port_entry_write(entry_of(2, i), page_leaf(DATA + i * PAGE, bits));
    }
    port_dsb_ishst();
    port_isb();
    sim_rest();
}

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* What the hardware does. */

static void access_sets_the_flag(void *arg)
{
    (void)arg;
    start(true, false, DATA_BITS & ~AF);
    must(sim_access(THE_VA, SIM_READ).fault == SIM_OK);
    must(*page_entry() & AF);
    must(!(*entry_of(2, FIRST + 1) & AF));
    start(false, false, DATA_BITS & ~AF);
    must(sim_access(THE_VA, SIM_READ).fault == SIM_FAULT_ACCESS_FLAG);
    must(!(*page_entry() & AF));
}

static void write_makes_dirty(void *arg)
{
    (void)arg;
    start(true, true, CLEAN);
    must(sim_access(THE_VA, SIM_READ).fault == SIM_OK);
    must(*page_entry() & AP_READ);
    must(sim_access(THE_VA, SIM_WRITE).fault == SIM_OK);
    must(!(*page_entry() & AP_READ));
    start(true, true, DATA_BITS | AP_READ); /* without DBM it is only readable */
    must(sim_access(THE_VA, SIM_WRITE).fault == SIM_FAULT_PERMISSION);
    start(true, false, CLEAN);
    must(sim_access(THE_VA, SIM_WRITE).fault == SIM_FAULT_PERMISSION);
    must(*page_entry() & AP_READ);
}

static void clean_code(void *arg)
{
    (void)arg;
    sim_regime.sets_access = sim_regime.sets_dirty = true;
    port_entry_write(entry_of(2, 60), page_leaf(FAR, CODE_A64 | DBM));
}

/* Changes of an entry that the hardware may change. */

static void software_bit_stored(void *arg)
{
    (void)arg;
    start(true, true, CLEAN);
    port_entry_write(page_entry(), port_entry_load(page_entry()) | SET_SW);
    settle_page(FIRST);
    sim_rest();
}

static void software_bit_exchanged(void *arg)
{
    uint64_t old;
    unsigned attempts = 1;

    (void)arg;
    start(true, true, CLEAN);
    old = port_entry_load(page_entry());
    while (!port_entry_exchange(page_entry(), &old, old | SET_SW)) {
        must(++attempts < NO_MORE);
    }
    settle_page(FIRST);
    sim_rest();
    must(attempts == 2); /* the hardware was faster */
    must(!(*page_entry() & AP_READ));
}

static void exchanged_without_comparing(void *arg)
{
    sim_weaken(1, SIM_PLAIN);
    software_bit_exchanged(arg);
}

static void flag_lost(void *arg)
{
    (void)arg;
    start(true, false, DATA_BITS & ~AF);
    port_entry_write(page_entry(), port_entry_load(page_entry()) | SET_SW);
    settle_page(FIRST);
    sim_rest();
}

/* Read before somebody's write, stored after it. */
static void stored_what_was_read_before(void *arg)
{
    uint64_t old;

    (void)arg;
    start(true, true, CLEAN);
    old = port_entry_load(page_entry());
    must(sim_access(THE_VA, SIM_WRITE).fault == SIM_OK);
    port_entry_write(page_entry(), old | SET_SW);
    settle_page(FIRST);
    sim_rest();
}

/* Another type by break-before-make, with the entry as it was read before the break. */
static void broken_by_a_store(void *arg)
{
    uint64_t old;

    (void)arg;
    start(true, true, CLEAN);
    old = port_entry_load(page_entry());
    port_entry_write(page_entry(), 0);
    settle_page(FIRST);
    port_entry_write(page_entry(), old | UNCACHED);
    port_dsb_ishst();
    port_isb();
    sim_rest();
}

static uint64_t broken_off(void)
{
    uint64_t old = port_entry_load(page_entry());

    while (!port_entry_exchange(page_entry(), &old, 0)) {
    }
    settle_page(FIRST);
    return old;
}

static void broken_by_an_exchange(void *arg)
{
    uint64_t old;

    (void)arg;
    start(true, true, CLEAN);
    old = broken_off();
    port_entry_write(page_entry(), old | UNCACHED);
    port_dsb_ishst();
    port_isb();
    sim_rest();
}

/* Who unmaps a page need not ask whether it was written to. */
static void unmapped_by_a_store(void *arg)
{
    (void)arg;
    start(true, true, CLEAN);
    port_entry_write(page_entry(), 0);
    settle_page(FIRST);
    sim_rest();
}

/* Write-back: dirty is read, and the page made clean again. */
static void cleaned_again(bool invalidate)
{
    uint64_t old;

    start(true, true, CLEAN);
    must(sim_access(THE_VA, SIM_WRITE).fault == SIM_OK);
    old = port_entry_load(page_entry());
    must(!(old & AP_READ));
    must(port_entry_exchange(page_entry(), &old, old | AP_READ));
    if (invalidate) {
        settle_page(FIRST);
    }
    sim_rest();
    must(*page_entry() & AP_READ);
}

static void cleaned_right(void *arg)
{
    (void)arg;
    cleaned_again(true);
}

static void cleaned_without_tlbi(void *arg)
{
    (void)arg;
    cleaned_again(false);
}

/* A table is replaced by a copy that was made before. */
static void table_copied_early(void *arg)
{
    (void)arg;
    start(true, true, CLEAN);
    sim_table_taken(ash_pa(TABLE(3)));
    for (unsigned i = 0; i < FIRST + PAGES; i++) {
        port_entry_write(entry_of(3, i), port_entry_load(entry_of(2, i)));
    }
    port_entry_write(entry_of(1, 0), 0);
    port_dsb_ishst();
    port_tlbi_all();
    port_dsb_ish();
    port_entry_store(entry_of(1, 0), TABLE(3) | LINK);
    port_dsb_ishst();
    port_isb();
    sim_rest();
}

static const struct trial trials[] = {
    TRIAL(0, access_sets_the_flag),
    TRIAL(0, write_makes_dirty),
    TRIAL(27, clean_code),
    TRIAL(6, software_bit_stored),
    TRIAL(0, software_bit_exchanged),
    TRIAL(6, exchanged_without_comparing),
    TRIAL(6, flag_lost),
    TRIAL(6, stored_what_was_read_before),
    TRIAL(6, broken_by_a_store),
    TRIAL(0, broken_by_an_exchange),
    TRIAL(0, unmapped_by_a_store),
    TRIAL(0, cleaned_right),
    TRIAL(3, cleaned_without_tlbi),
    TRIAL(6, table_copied_early),
};

static void rule_6(void **state)
{
    (void)state;
    run_trials(trials, COUNT(trials), SIM_A64, 0);
    run_trials(trials, COUNT(trials), SIM_A64, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_6),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
