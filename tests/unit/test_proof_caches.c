/* SPDX-License-Identifier: MIT */
/*
 * Lines of the data cache and of the instruction cache on the hostile machine, each rule broken on
 * purpose and next to it the same done right: buffers of devices, code, and tables that are written
 * before the MMU goes on (arm-rules 2, 19, 21, 22, 39).
 */
#include "ashlar/mmu.h"
#include "tests/unit/proof_tables.h"

#define LINE 64u

static unsigned char bytes[PAGE];

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void cpu_writes(unsigned page, unsigned offset, unsigned size)
{
    memset(bytes, 0x5a, sizeof bytes);
    must(sim_write(va_of(page) + offset, bytes, size));
}

static void *pointer(unsigned page, unsigned offset)
{
    return (char *)port_ptr(ash_pa(DATA + page * PAGE)) + offset;
}

static void device_writes(unsigned page, unsigned offset, unsigned size)
{
    memset(bytes, 0xd7, sizeof bytes);
    sim_device_write(ash_pa(DATA + page * PAGE + offset), bytes, size);
}

/* Rule 21 */

static void read_by_device(void *arg)
{
    (void)arg;
    cpu_writes(0, 0, 256);
    port_cache_clean(pointer(0, 0), 256);
    sim_device_read(ash_pa(DATA), bytes, 256);
    must(bytes[255] == 0x5a);
}

static void read_uncleaned(void *arg)
{
    (void)arg;
    cpu_writes(0, 0, 256);
    sim_device_read(ash_pa(DATA), bytes, 256);
}

static void read_last_line_uncleaned(void *arg)
{
    (void)arg;
    cpu_writes(0, 0, 257);
    port_cache_clean(pointer(0, 0), 256);
    sim_device_read(ash_pa(DATA), bytes, 257);
}

static void read_after_plain_store(void *arg)
{
    (void)arg;
    *(volatile char *)pointer(0, 100) = 1;
    sim_device_read(ash_pa(DATA), bytes, 256);
}

static void write_by_device(void *arg)
{
    (void)arg;
    cpu_writes(0, 0, 256);
    port_cache_clean_invalidate(pointer(0, 0), 256);
    device_writes(0, 0, 256);
    port_cache_invalidate(pointer(0, 0), 256);
    must(sim_read(va_of(0), bytes, 256) && bytes[0] == 0xd7);
}

static void write_over_dirty_lines(void *arg)
{
    (void)arg;
    cpu_writes(0, 0, 256);
    device_writes(0, 0, 256);
}

/* Written with what was there already: dirty all the same. */
static void write_over_a_silent_line(void *arg)
{
    (void)arg;
    memset(bytes, 0, sizeof bytes);
    must(sim_write(va_of(0), bytes, 1));
    device_writes(0, 0, 256);
}

static void read_stale(void *arg)
{
    (void)arg;
    device_writes(0, 0, 256);
    must(sim_read(va_of(0) + 200, bytes, 4));
}

static void write_stale(void *arg)
{
    (void)arg;
    device_writes(0, 0, 256);
    cpu_writes(0, 200, 4);
}

/* Invalidated while the device was still writing. */
static void invalidated_early(void *arg)
{
    (void)arg;
    device_writes(0, 0, 128);
    port_cache_invalidate(pointer(0, 0), 256);
    device_writes(0, 128, 128);
    must(sim_read(va_of(0), bytes, 256));
}

static void neighbour_on_the_line(void *arg)
{
    (void)arg;
    cpu_writes(0, 32, 8); /* not the buffer's */
    port_cache_invalidate(pointer(0, LINE - 16), LINE);
}

static void neighbour_behind(void *arg)
{
    (void)arg;
    cpu_writes(0, 2 * LINE - 4, 4);
    port_cache_invalidate(pointer(0, 0), 2 * LINE - 8);
}

static void neighbour_on_the_next_line(void *arg)
{
    (void)arg;
    cpu_writes(0, 2 * LINE, 4);
    port_cache_invalidate(pointer(0, 0), 2 * LINE);
    must(sim_read(va_of(0) + 2 * LINE, bytes, 4) && bytes[0] == 0x5a);
}

/* An invalidation throws away what nobody wrote back. */
static void dirty_line_dies(void *arg)
{
    (void)arg;
    memset(bytes, 0, sizeof bytes);
    cpu_writes(0, 0, LINE);
    port_cache_invalidate(pointer(0, 0), LINE);
    must(sim_read(va_of(0), bytes, LINE) && bytes[0] == 0);
}

static void news_without_barrier(void *arg)
{
    (void)arg;
    port_cache_invalidate(pointer(0, 0), 256);
    sim_device_done();
    must(sim_read(va_of(0), bytes, 4));
}

static void rule_21(void **state)
{
    static const struct trial trials[] = {
        TRIAL(0, read_by_device),
        TRIAL(21, read_uncleaned),
        TRIAL(21, read_last_line_uncleaned),
        TRIAL(21, read_after_plain_store),
        TRIAL(0, write_by_device),
        TRIAL(21, write_over_dirty_lines),
        TRIAL(21, write_over_a_silent_line),
        TRIAL(21, read_stale),
        TRIAL(21, write_stale),
        TRIAL(21, invalidated_early),
        TRIAL(21, neighbour_on_the_line),
        TRIAL(21, neighbour_behind),
        TRIAL(0, neighbour_on_the_next_line),
        TRIAL(0, dirty_line_dies),
        TRIAL(21, news_without_barrier),
    };

    (void)state;
    RUN_ALL(trials);
}

/* Rule 22 */

static const uint32_t code[] = {0xe3a00001, 0xe12fff1e};

static uint64_t code_bits(void)
{
    return tables_format == SIM_LPAE ? CODE_LPAE : CODE_A64;
}

/* Page 1 shows the same frame as page 0, executable. */
static void map_code(void)
{
    port_entry_write(entry_of(2, 40), page_leaf(DATA, code_bits()));
    port_dsb_ishst();
    port_branch_sync();
    port_dsb_ish();
    port_isb();
    sim_rest();
}

static void run_synchronised(void *arg)
{
    uint32_t word;

    (void)arg;
    map_code();
    must(sim_write(va_of(0), code, sizeof code));
    port_code_sync(pointer(0, 0), sizeof code);
    must(sim_fetch(va_of(40), &word) && word == code[0]);
}

static void run_unsynchronised(void *arg)
{
    uint32_t word;

    (void)arg;
    map_code();
    must(sim_write(va_of(0), code, sizeof code));
    (void)sim_fetch(va_of(40), &word);
}

/* Before it was written. */
static void run_synchronised_early(void *arg)
{
    uint32_t word;

    (void)arg;
    map_code();
    port_code_sync(pointer(0, 0), sizeof code);
    must(sim_write(va_of(0), code, sizeof code));
    (void)sim_fetch(va_of(40), &word);
}

static void run_what_was_cleaned_only(void *arg)
{
    uint32_t word;

    (void)arg;
    map_code();
    must(sim_write(va_of(0), code, sizeof code));
    port_cache_clean(pointer(0, 0), sizeof code);
    (void)sim_fetch(va_of(40), &word);
}

static void run_what_a_device_loaded(void *arg)
{
    uint32_t word;

    (void)arg;
    map_code();
    device_writes(0, 0, 64);
    port_cache_invalidate(pointer(0, 0), 64);
    (void)sim_fetch(va_of(40), &word);
}

static void run_zeroes(void *arg)
{
    uint32_t word;

    (void)arg;
    map_code();
    port_page_zero(pointer(0, 0));
    (void)sim_fetch(va_of(40), &word);
}

static void rule_22(void **state)
{
    static const struct trial trials[] = {
        TRIAL(0, run_synchronised),          TRIAL(22, run_unsynchronised),
        TRIAL(22, run_synchronised_early),   TRIAL(22, run_what_was_cleaned_only),
        TRIAL(22, run_what_a_device_loaded), TRIAL(22, run_zeroes),
    };

    (void)state;
    RUN_ALL(trials);
}

/* Boot: mmu builds a map with the MMU off, over memory of which a loader left lines in the cache.
 */

static struct ash_mmu map;
static unsigned next_table;
static bool zero_first; /* the order that is wrong: zeroes before the lines are gone */

static int take(void *context, ash_pa_t *table)
{
    (void)context;
    *table = ash_pa(TABLE(next_table++));
    sim_table_taken(*table);
    if (!zero_first) {
        port_cache_invalidate(port_ptr(*table), PAGE);
    }
    port_page_zero(port_ptr(*table));
    return 0;
}

static void give(void *context, ash_pa_t table)
{
    (void)context;
    sim_table_given(table);
}

static void boot_start(const void *kind)
{
    (void)kind;
    zero_first = false;
    next_table = 0;
    sim_start();
    sim_add_ram(ash_pa(RAM), FRAMES * PAGE);
    sim_mmu_off(ash_pa(RAM), FRAMES * PAGE);
}

static void boot(void *arg)
{
    const struct ash_mmu_config config = {
        .format = &ash_mmu_format_lpae,
        .va_bits = 32,
        .global = true,
        .early = true,
        .tables = {take, give, NULL},
    };

    (void)arg;
    must(ash_mmu_init(&map, &config) == 0);
    must(ash_mmu_map(&map, ash_va(RAM), ash_pa(RAM), FRAMES * PAGE, ASH_MMU_WRITE) == 0);
    must(ash_mmu_map(&map, ash_va(0), ash_pa(0), BLOCK, ASH_MMU_EXEC) == 0);
    must(ash_mmu_unmap(&map, ash_va(0), PAGE) == 0);
    ash_mmu_publish(&map);
    sim_regime.format = SIM_LPAE;
    sim_regime.mair = ASH_MMU_MAIR0;
    sim_regime.half[0] = (struct sim_half){true, ash_mmu_root(&map), 32};
    sim_mmu_on();
    must(sim_translate(RAM, SIM_WRITE).fault == SIM_OK);
}

static void boot_without_publishing(void *arg)
{
    const struct ash_mmu_config config = {
        .format = &ash_mmu_format_lpae,
        .va_bits = 32,
        .global = true,
        .early = true,
        .tables = {take, give, NULL},
    };

    (void)arg;
    must(ash_mmu_init(&map, &config) == 0);
    must(ash_mmu_map(&map, ash_va(RAM), ash_pa(RAM), PAGE, ASH_MMU_WRITE) == 0);
    sim_regime.format = SIM_LPAE;
    sim_regime.mair = ASH_MMU_MAIR0;
    sim_regime.half[0] = (struct sim_half){true, ash_mmu_root(&map), 32};
    sim_mmu_on();
}

static void zeroes_over_dirty_lines(void *arg)
{
    (void)arg;
    zero_first = true;
    boot(NULL);
}

static void boot_alone(void *arg)
{
    (void)arg;
    sim_set_smp(false);
    sim_mmu_on();
}

static void boot_rules(void **state)
{
    (void)state;
    boot_start(NULL);
    proof_broken(0, 1, boot, NULL);
    boot_start(NULL);
    proof_broken(19, 1, boot_without_publishing, NULL);
    boot_start(NULL);
    proof_broken(19, 1, zeroes_over_dirty_lines, NULL);
    boot_start(NULL);
    proof_broken(39, 1, boot_alone, NULL);
}

#define EARLY_DSB  "the last invalidation ends with a DSB SY"
#define UNFINISHED "a later invalidation ends with a DSB SY"

static void every_step_of_boot_is_needed(void **state)
{
    static const struct proof_expected expected[] = {
        {SIM_CACHE_INVALIDATE, SIM_DROPPED, 0, RULE(19), "take has done it as well", false},
        {SIM_CACHE_INVALIDATE, SIM_UNFINISHED, 0, RULE(19), UNFINISHED, false},
        {SIM_DSB_SY, SIM_DROPPED, 0, 0, EARLY_DSB, false},
        {SIM_DSB_SY, SIM_STORES_ONLY, 0, 0, EARLY_DSB, false},
        {SIM_DSB_ISHST, SIM_DROPPED, 0, 0, "nobody walks yet, and publishing ends with a DSB SY",
         false},
        {SIM_DSB_ISHST, SIM_NSH, 0, 0, "nobody walks yet, and publishing ends with a DSB SY",
         false},
        {SIM_ISB, SIM_DROPPED, 0, 0, "the MMU is off", false},
        {SIM_ENTRY_STORE, SIM_RELAXED, 0, 0, "nobody walks yet", false},
    };
    const struct proof proof = {"boot", boot_start, boot, expected,
                                sizeof expected / sizeof expected[0]};
    struct proof_result result = {0};

    (void)state;
    proof_attack(&proof, "LPAE", NULL, &result);
    printf("# %u runs were stopped, %u steps are redundant\n", result.stopped, result.redundant);
    assert_int_equal(result.wrong, 0);
    assert_true(result.stopped > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_21),
        cmocka_unit_test(rule_22),
        cmocka_unit_test(boot_rules),
        cmocka_unit_test(every_step_of_boot_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
