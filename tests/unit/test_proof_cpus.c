/* SPDX-License-Identifier: MIT */
/*
 * One to four CPUs at once on the hostile machine, interleaved by a seed: the real table code and
 * the real allocators under their locks; spaces and ASIDs; exclusives (arm-rules 16, 33, 40).
 */
#include "tests/unit/mmu_rig.h"
#include "tests/unit/proof.h"

#include "ashlar/frames.h"
#include "port/spinlock.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static struct rig rig;
static struct ash_spinlock lock;

/* Each CPU changes pages of its own in one map, and reads those that all leave alone. */

#define OWN_PAGES 512u
#define STEPS     60u
#define FAR       GIB(1) /* not RAM: only mapped */
#define SHARED_VA MIB(16)

static bool mapped[SIM_CPUS][OWN_PAGES];
static uint32_t randoms[SIM_CPUS];

static uint32_t own_random(uint32_t below)
{
    uint32_t *state = &randoms[port_cpu()];

    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (uint32_t)((uint64_t)*state * below >> 32);
}

static ash_va_t own_va(unsigned page)
{
    return rig_va(&rig, MIB(2) * port_cpu() + (uint64_t)page * ASH_PAGE_SIZE);
}

static ash_pa_t own_pa(unsigned page)
{
    return ash_pa(FAR + MIB(2) * port_cpu() + (uint64_t)page * ASH_PAGE_SIZE);
}

static void change(unsigned page, unsigned pages)
{
    bool *mine = mapped[port_cpu()];
    uint64_t size = (uint64_t)pages * ASH_PAGE_SIZE;
    unsigned long saved = spinlock_acquire(&lock);

    if (!mine[page]) {
        must(ash_mmu_map(&rig.map, own_va(page), own_pa(page), size, ASH_MMU_WRITE) == 0);
    } else if (own_random(2)) {
        must(ash_mmu_protect(&rig.map, own_va(page), size, ASH_MMU_UNCACHED | ASH_MMU_WRITE) == 0);
        must(ash_mmu_protect(&rig.map, own_va(page), size, ASH_MMU_WRITE) == 0);
        spinlock_release(&lock, saved);
        return;
    } else {
        must(ash_mmu_unmap(&rig.map, own_va(page), size) == 0);
    }
    memset(&mine[page], !mine[page], pages);
    spinlock_release(&lock, saved);
}

static void work(void *arg)
{
    const bool *mine = mapped[port_cpu()];

    (void)arg;
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned page = own_random(OWN_PAGES), pages = 1;

        while (pages < 1 + own_random(40) && page + pages < OWN_PAGES &&
               mine[page + pages] == mine[page]) {
            pages++;
        }
        change(page, pages);
        sim_rest();
        for (unsigned i = 0; i < 4; i++) {
            unsigned look = own_random(OWN_PAGES);
            struct sim_answer answer = sim_access(own_va(look).value, SIM_WRITE);

            must((answer.fault == SIM_OK) == mine[look]);
            must(!mine[look] || answer.pa.value == own_pa(look).value);
        }
        must(sim_access(rig_va(&rig, SHARED_VA).value, SIM_WRITE).fault == SIM_OK);
    }
}

static void start(const struct rig_kind *kind, unsigned cpus, uint32_t seed)
{
    rig_start(&rig, kind);
    sim_set_cpus(cpus);
    must(ash_mmu_map(&rig.map, rig_va(&rig, SHARED_VA), ash_pa(FAR + SHARED_VA), MIB(2),
                     ASH_MMU_WRITE) == 0);
    memset(mapped, 0, sizeof mapped);
    spinlock_retire(&lock);
    spinlock_init(&lock, ASH_LOCK_MAP, "test");
    for (unsigned cpu = 0; cpu < SIM_CPUS; cpu++) {
        randoms[cpu] = seed * 4 + cpu + 1;
    }
}

static void tables_by_several(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned cpus = 1; cpus <= SIM_CPUS; cpus++) {
            for (uint32_t seed = 1; seed <= 5; seed++) {
                start(kind, cpus, seed);
                proof_sound(cpus, work, NULL, seed);
                rig_verify(&rig);
            }
        }
    }
}

/* The same seed, the same run; another seed, another one. */
static uint64_t fingerprint(uint32_t seed)
{
    uint64_t hash = 14695981039346656037u;

    start(&rig_kinds[0], 4, 7);
    sim_forget();
    proof_sound(4, work, NULL, seed);
    for (unsigned i = 0; i < sim_traced; i++) {
        hash = (hash ^ sim_trace[i].op ^ sim_trace[i].address << 8 ^ sim_trace[i].value) *
               1099511628211u;
    }
    return hash;
}

static void seeds_reproduce(void **state)
{
    (void)state;
    assert_int_equal(fingerprint(11), fingerprint(11));
    assert_int_not_equal(fingerprint(11), fingerprint(12));
}

/* Other CPUs: invalidations of this one only are not enough, whatever the interleaving. */
static void weak_for_others(void **state)
{
    unsigned stopped = 0;

    (void)state;
    for (unsigned n = 1; n <= 20; n++) {
        struct sim_verdict verdict;

        start(&rig_kinds[2], 3, n);
        sim_weaken(n, SIM_LOCAL);
        sim_run(3, work, NULL, n, &verdict);
        assert_true(sim_weakened(NULL));
        assert_int_equal(verdict.rule, 13);
        stopped++;
    }
    printf("# %u runs were stopped\n", stopped);
}

/* Frames from all CPUs: the allocator's own lock. */

#define FRAMES_AT UINT64_C(0x60000000)
#define FRAMES_IN ((size_t)1 << 20)

static void frames_work(void *arg)
{
    ash_frame_t held[8];
    unsigned count = 0;

    (void)arg;
    for (unsigned step = 0; step < 200; step++) {
        if (count < 8 && own_random(2)) {
            if (ash_frames_alloc(own_random(3), ASH_FRAMES_OWNER(ASH_OWNER_TABLES), &held[count]) ==
                0) {
                count++;
            }
        } else if (count > 0) {
            ash_frames_put(held[--count]);
        }
    }
    while (count > 0) {
        ash_frames_put(held[--count]);
    }
}

static void frames_by_several(void **state)
{
    const struct ash_frames_config config = {.direct_limit = ash_pa(ASH_REGIONS_LIMIT)};

    (void)state;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        struct ash_regions regions;

        sim_start();
        sim_add_ram(ash_pa(FRAMES_AT), FRAMES_IN);
        ash_regions_init(&regions);
        must(ash_regions_add(&regions, (struct ash_range){{FRAMES_AT}, FRAMES_IN}) == 0);
        must(ash_frames_init(&regions, &config) == 0);
        for (unsigned cpu = 0; cpu < SIM_CPUS; cpu++) {
            randoms[cpu] = seed * 4 + cpu + 1;
        }
        proof_sound(4, frames_work, NULL, seed);
        assert_int_equal(ash_frames_owned(ASH_OWNER_TABLES), 0);
        assert_int_equal(ash_frames_verify(), 0);
    }
}

/* Spaces: two maps in the upper half, and the hands through which an ASID goes. */

static struct ash_mmu spaces[2];

static void space_init(unsigned n, unsigned asid)
{
    struct ash_mmu_config config = rig_config(&rig, rig.kind);

    config.asid = asid;
    must(ash_mmu_init(&spaces[n], &config) == 0);
    must(ash_mmu_map(&spaces[n], rig_va(&rig, 0), ash_pa(FAR + n * MIB(4)), KIB(16),
                     ASH_MMU_WRITE | ASH_MMU_USER) == 0);
}

static void spaces_start(const void *kind)
{
    rig_machine(&rig, kind);
    rig.map.asid = 0;
    sim_regime.format = rig.kind->sim;
    sim_regime.mair = ASH_MMU_MAIR0 | (uint64_t)ASH_MMU_MAIR1 << 32;
    sim_regime.half[1].va_bits = rig.kind->va_bits;
    sim_set_cpus(2);
}

static void install(unsigned n)
{
    port_space_install(ash_mmu_root(&spaces[n]), spaces[n].asid);
}

static void two_spaces(void *arg)
{
    (void)arg;
    space_init(0, 1);
    space_init(1, 2);
    install(0);
    must(sim_access(rig_va(&rig, 0).value, SIM_READ).pa.value == FAR);
    install(1);
    must(sim_access(rig_va(&rig, 0).value, SIM_READ).pa.value == FAR + MIB(4));
    /* What changes in a space that no CPU has installed is still in the TLB, under its ASID. */
    must(ash_mmu_unmap(&spaces[0], rig_va(&rig, 0), KIB(4)) == 0);
    sim_rest();
    install(0);
    must(sim_access(rig_va(&rig, 0).value, SIM_READ).fault == SIM_FAULT_TRANSLATION);
    port_space_none();
    must(sim_access(rig_va(&rig, KIB(4)).value, SIM_READ).fault == SIM_FAULT_TRANSLATION);
    ash_mmu_destroy(&spaces[0]);
    ash_mmu_destroy(&spaces[1]);
    must(rig.in_use == 0);
}

static void one_asid_for_two(void *arg)
{
    (void)arg;
    space_init(0, 1);
    space_init(1, 1);
    install(0);
    install(1);
}

static void one_asid_on_two_cpus(void *arg)
{
    (void)arg;
    space_init(0, 1);
    space_init(1, 1);
    install(0);
    sim_on_cpu(1);
    install(1);
}

static void one_root_under_two_asids(void *arg)
{
    (void)arg;
    space_init(0, 1);
    install(0);
    sim_on_cpu(1);
    port_space_install(ash_mmu_root(&spaces[0]), 2);
}

/* What a TLB has is found, walks or not. */
static void asid_stays_without_space(void *arg)
{
    (void)arg;
    space_init(0, 1);
    install(0);
    sim_weaken(1, SIM_KEEPS_ASID);
    port_space_none();
}

/* The first one has ended, and all that a TLB held of it is gone. */
static void asid_used_again(void *arg)
{
    (void)arg;
    space_init(0, 1);
    install(0);
    port_space_none();
    ash_mmu_destroy(&spaces[0]);
    space_init(1, 1);
    install(1);
    must(sim_access(rig_va(&rig, 0).value, SIM_READ).pa.value == FAR + MIB(4));
}

static void asid_recycled_without_flush(void *arg)
{
    (void)arg;
    space_init(0, 1);
    space_init(1, 1);
    install(0);
    port_space_none();
    install(1);
}

static void asid_rolled_over(void *arg)
{
    (void)arg;
    space_init(0, 1);
    space_init(1, 1);
    install(0);
    port_space_none();
    port_tlbi_all();
    port_dsb_ish();
    port_isb();
    install(1);
}

static void switch_in_two_writes(void *arg)
{
    (void)arg;
    space_init(0, 1);
    space_init(1, 2);
    install(0);
    sim_weaken(1, SIM_TWO_WRITES);
    install(1);
}

static void root_not_visible(void *arg)
{
    (void)arg;
    space_init(0, 1);
    port_page_zero(port_ptr(ash_mmu_root(&spaces[0])));
    port_entry_write(port_ptr(ash_mmu_root(&spaces[0])), FAR | 0x701 | UINT64_C(3) << 53 | 0x800);
    install(0);
}

static void empty_space(void *arg)
{
    struct ash_mmu_config config = rig_config(&rig, rig.kind);

    (void)arg;
    memset(rig_frame(0), 0xff, ASH_PAGE_SIZE); /* what was in the frame before */
    port_cache_clean(rig_frame(0), ASH_PAGE_SIZE);
    port_page_zero(rig_frame(0)); /* as whoever gives tables does */
    must(ash_mmu_init(&spaces[0], &config) == 0);
    install(0);
    must(sim_access(rig_va(&rig, 0).value, SIM_READ).fault == SIM_FAULT_TRANSLATION);
}

static void destroyed_while_installed(void *arg)
{
    (void)arg;
    space_init(0, 1);
    install(0);
    ash_mmu_destroy(&spaces[0]);
}

static void rule_16(void **state)
{
    static const struct {
        void (*run)(void *arg);
        unsigned rule;
    } trials[] = {
        {two_spaces, 0},
        {one_asid_for_two, 16},
        {one_asid_on_two_cpus, 16},
        {one_root_under_two_asids, 16},
        {asid_stays_without_space, 16},
        {asid_used_again, 0},
        {asid_recycled_without_flush, 16},
        {asid_rolled_over, 0},
        {switch_in_two_writes, 16},
        {root_not_visible, 2},
        {empty_space, 0},
        {destroyed_while_installed, 4},
    };

    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (size_t i = 0; i < sizeof trials / sizeof trials[0] && kind->base != 0; i++) {
            spaces_start(kind);
            proof_broken(trials[i].rule, 1, trials[i].run, NULL);
        }
    }
}

/* Rule 40 */

static uint32_t word, other_word;
static uint64_t tagged;

static void add_by_all(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 100; i++) {
        port_fetch_add(&word, 1);
    }
}

static void exchange_by_all(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 100; i++) {
        uint32_t seen;

        do {
            seen = port_load_acquire(&word);
        } while (!port_exchange32(&word, seen, seen + 1));
    }
}

static void access_between(void *arg)
{
    uint32_t old = (uint32_t)sim_load_exclusive(&word, sizeof word);

    (void)arg;
    old += port_load_acquire(&other_word);
    (void)sim_store_exclusive(&word, old, sizeof word);
}

static void page_between(void *arg)
{
    (void)arg;
    (void)sim_load_exclusive(&word, sizeof word);
    port_page_zero(rig_frame(0));
}

static void left_open(void *arg)
{
    (void)arg;
    (void)sim_load_exclusive(&word, sizeof word);
    sim_exception_return();
}

static void cleared(void *arg)
{
    (void)arg;
    (void)sim_load_exclusive(&word, sizeof word);
    sim_clear_exclusive();
    sim_exception_return();
    must(!sim_store_exclusive(&word, 1, sizeof word));
}

static void failed_compare_left_open(void *arg)
{
    (void)arg;
    sim_weaken(1, SIM_OPEN_MONITOR);
    (void)port_exchange32(&word, 1, 2);
    sim_exception_return();
}

static void failed_compare(void *arg)
{
    (void)arg;
    must(!port_exchange32(&word, 1, 2));
    sim_exception_return();
}

/* A stack without a tag: taken off and put back while another CPU holds an old head. */
static void untagged(void *arg)
{
    uint32_t head;

    (void)arg;
    sim_watch(&word);
    head = port_load_acquire(&word);
    sim_on_cpu(1);
    port_store_release(&word, 77);
    port_store_release(&word, head);
    sim_on_cpu(0);
    (void)port_exchange32(&word, head, 5);
}

static void tag_counts(void *arg)
{
    uint64_t head;

    (void)arg;
    sim_watch(&tagged);
    tagged = 0;
    head = port_entry_load(&tagged);
    sim_on_cpu(1);
    port_entry_write(&tagged, UINT64_C(1) << 32 | 77);
    port_entry_write(&tagged, UINT64_C(2) << 32);
    sim_on_cpu(0);
    must(!port_entry_exchange(&tagged, &head, 5));
}

static void rule_40(void **state)
{
    static const struct {
        void (*run)(void *arg);
        unsigned rule;
    } trials[] = {
        {access_between, 40}, {page_between, 40},  {left_open, 40},
        {cleared, 0},         {failed_compare, 0}, {failed_compare_left_open, 40},
        {untagged, 40},       {tag_counts, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        rig_machine(&rig, &rig_kinds[0]);
        sim_set_cpus(2);
        word = 0;
        proof_broken(trials[i].rule, 1, trials[i].run, NULL);
    }
    for (uint32_t seed = 1; seed <= 20; seed++) {
        rig_machine(&rig, &rig_kinds[0]);
        word = 0;
        proof_sound(4, add_by_all, NULL, seed);
        assert_int_equal(word, 400);
        word = 0;
        proof_sound(4, exchange_by_all, NULL, seed);
        assert_int_equal(word, 400);
    }
}

/* A lock that is never released is found out. */
static void never_released(void *arg)
{
    (void)arg;
    (void)spinlock_acquire(&lock);
}

static void deadlock(void **state)
{
    struct sim_verdict verdict;

    (void)state;
    rig_machine(&rig, &rig_kinds[0]);
    spinlock_retire(&lock);
    spinlock_init(&lock, ASH_LOCK_MAP, "test");
    assert_false(sim_run(2, never_released, NULL, 3, &verdict));
    assert_int_equal(verdict.rule, SIM_MISUSE);
}

/* Rule 33 */
static void code_without_bpiall(void *arg)
{
    (void)arg;
    port_entry_write(port_ptr(ash_mmu_root(&rig.map)), FAR | 0x781);
    port_dsb_ish();
    port_isb();
    sim_rest();
}

static void rule_33(void **state)
{
    (void)state;
    rig_start(&rig, &rig_kinds[0]);
    proof_broken(33, 1, code_without_bpiall, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_by_several), cmocka_unit_test(seeds_reproduce),
        cmocka_unit_test(weak_for_others),   cmocka_unit_test(frames_by_several),
        cmocka_unit_test(rule_16),           cmocka_unit_test(rule_40),
        cmocka_unit_test(deadlock),          cmocka_unit_test(rule_33),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
