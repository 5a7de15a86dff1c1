/* SPDX-License-Identifier: MIT */
/*
 * Object caches: objects of all sizes, constructed ones, what comes and goes against a model, every
 * frame allocation that fails in turn, and every detection.
 */
#include "alloc/slab.h"
#include "ashlar/slab.h"
#include "tests/unit/frames_machine.h"

#define BASE 0x40000000ull

static struct ash_slab cache;

static int start(void **state)
{
    (void)state;
    if (cache.config.owner == ASH_OWNER_TEST) { /* of a test that failed */
        slab_delist(&cache);
        spinlock_retire(&cache.lock);
        memset(&cache, 0, sizeof(cache));
    }
    machine_start(BASE, 2 * MIB);
    return 0;
}

static void create(const char *name, size_t size, size_t align)
{
    const struct ash_slab_config config = {
        .name = name, .size = size, .align = align, .owner = ASH_OWNER_TEST};

    assert_int_equal(ash_slab_create(&cache, &config), 0);
}

static void destroy(void)
{
    assert_int_equal(ash_slab_verify(&cache), 0);
    assert_int_equal(ash_slab_destroy(&cache), 0);
    assert_int_equal(support_faults.count, 0);
}

static void objects_of_any_size(void **state)
{
    static const size_t sizes[] = {1, 7, 8, 16, 24, 100, 1000, 2048, 4096, 5000, 20000, 40000};
    static const size_t aligns[] = {0, 1, 8, 64, 4096};
    uint32_t free = machine_free();

    (void)state;
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (unsigned a = 0; a < sizeof(aligns) / sizeof(aligns[0]); a++) {
            size_t align = aligns[a] == 0 ? _Alignof(max_align_t) : aligns[a];
            uint8_t *objects[20];

            create("any", sizes[s], aligns[a]);
            assert_int_equal(machine_free(), free);
            for (unsigned i = 0; i < 20; i++) {
                objects[i] = ash_slab_alloc(&cache);
                assert_non_null(objects[i]);
                assert_int_equal((uintptr_t)objects[i] % align, 0);
                memset(objects[i], (int)i, sizes[s]);
            }
            assert_int_equal(ash_slab_verify(&cache), 0);
            assert_int_equal(ash_slab_destroy(&cache), ASH_EBUSY);
            for (unsigned i = 0; i < 20; i++) {
                assert_int_equal(objects[i][0], i);
                assert_int_equal(objects[i][sizes[s] - 1], i);
                ash_slab_free(&cache, objects[i]);
            }
            ash_slab_free(&cache, NULL);
            destroy();
            assert_int_equal(machine_free(), free);
        }
    }
}

static void bad_caches_are_refused(void **state)
{
    struct ash_slab before;

    (void)state;
    memset(&cache, 0x77, sizeof(cache));
    before = cache;
    static const struct {
        struct ash_slab_config config;
        int error;
    } rows[] = {
        {{.name = "x"}, ASH_EINVAL},
        {{.name = "x", .size = 1, .align = 3}, ASH_EINVAL},
        {{.name = "x", .size = 1, .align = 8192}, ASH_EINVAL},
        {{.name = "x", .size = 1, .owner = ASH_OWNERS}, ASH_EINVAL},
        {{.name = "x", .size = SIZE_MAX}, ASH_ERANGE},
        {{.name = "x", .size = SIZE_MAX - 15}, ASH_ERANGE},
        {{.name = "x", .size = ASH_PAGE_SIZE << ASH_MAX_ORDER}, ASH_ERANGE},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(ash_slab_create(&cache, &rows[i].config), rows[i].error);
        assert_memory_equal(&cache, &before, sizeof(cache));
    }
}

/* Constructed objects. */

struct thing {
    uint32_t magic, uses;
    void *self;
};
static void *made[1000];
static unsigned constructed;

static void construct(void *object, void *arg)
{
    struct thing *thing = object;

    assert_false(sim_irq_masked);
    assert_ptr_equal(arg, &constructed);
    for (unsigned i = 0; i < constructed; i++) {
        assert_ptr_not_equal(made[i], object); /* once each */
    }
    assert_true(constructed < 1000);
    made[constructed++] = object;
    *thing = (struct thing){.magic = 0x600d, .self = thing};
}

static void constructed_state_is_kept(void **state)
{
    const struct ash_slab_config config = {.name = "things",
                                           .size = sizeof(struct thing),
                                           .owner = ASH_OWNER_TEST,
                                           .construct = construct,
                                           .arg = &constructed};
    static struct thing *things[500];
    uint32_t uses = 0;
    struct ash_slab_stats stats;

    (void)state;
    constructed = 0;
    assert_int_equal(ash_slab_create(&cache, &config), 0);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 500; i++) {
            things[i] = ash_slab_alloc(&cache);
            assert_int_equal(things[i]->magic, 0x600d);
            assert_ptr_equal(things[i]->self, things[i]);
            things[i]->uses++;
        }
        for (unsigned i = 0; i < 500; i++) {
            ash_slab_free(&cache, things[i]);
        }
    }
    ash_slab_stats(&cache, &stats);
    assert_true(constructed >= 500 && constructed <= stats.slabs * stats.per_slab);
    for (unsigned i = 0; i < constructed; i++) {
        uses += ((struct thing *)made[i])->uses;
    }
    assert_int_equal(uses, 4 * 500);
    destroy();
}

/* Against a model. */

#define MODEL 3000u

static void random_operations_agree_with_the_model(void **state)
{
    static uint8_t *objects[MODEL];
    static uint8_t marks[MODEL];
    struct ash_slab_stats stats;
    unsigned live = 0, most = 0;

    (void)state;
    support_seed(99);
    create("model", 40, 0);
    for (unsigned step = 0; step < 40000; step++) {
        bool rising = step / 4000 % 2 == 0;

        sim_cpu = support_random_below(4) % ASH_CPUS;
        if (live < MODEL && support_random_below(100) < (rising ? 85u : 15u)) {
            uint8_t *object = ash_slab_alloc(&cache);

            assert_non_null(object);
            objects[live] = object;
            marks[live] = (uint8_t)support_random();
            memset(object, marks[live++], 40);
        } else if (live > 0) {
            unsigned pick = support_random_below(live);

            for (unsigned i = 0; i < 40; i++) {
                assert_int_equal(objects[pick][i], marks[pick]);
            }
            ash_slab_free(&cache, objects[pick]);
            live--;
            objects[pick] = objects[live];
            marks[pick] = marks[live];
        }
        most = live > most ? live : most;
        if (step % 500 == 0) {
            if (step % 2000 == 0) {
                (void)ash_slab_shrink(&cache);
            }
            assert_int_equal(ash_slab_verify(&cache), 0);
            ash_slab_stats(&cache, &stats);
            assert_int_equal(stats.used, live);
            assert_true(stats.cached <= ASH_CPUS * ASH_SLAB_ROUNDS);
            assert_true(stats.high_water >= most &&
                        stats.high_water <= most + ASH_CPUS * ASH_SLAB_ROUNDS);
        }
    }
    while (live > 0) {
        ash_slab_free(&cache, objects[--live]);
    }
    for (sim_cpu = 0; sim_cpu < ASH_CPUS; sim_cpu++) {
        (void)ash_slab_shrink(&cache);
    }
    sim_cpu = 0;
    ash_slab_stats(&cache, &stats);
    assert_int_equal(stats.slabs, 0);
    assert_int_equal(stats.used + stats.cached, 0);
    destroy();
    assert_int_equal(machine_free(), 512);
}

static void memory_runs_out_and_comes_back(void **state)
{
    void *first = NULL;
    unsigned count = 0;
    struct ash_slab_stats stats;

    (void)state;
    create("all", 3000, 0);
    for (unsigned round = 0; round < 2; round++) {
        void *object;
        unsigned got = 0;

        while ((object = ash_slab_alloc(&cache)) != NULL) {
            *(void **)object = first;
            first = object;
            got++;
        }
        assert_true(got > 500 && (round == 0 || got == count));
        count = got;
        assert_null(ash_slab_alloc(&cache));
        ash_slab_stats(&cache, &stats);
        assert_int_equal(stats.failures, 2 * (round + 1));
        while (first != NULL) {
            object = first;
            first = *(void **)object;
            ash_slab_free(&cache, object);
        }
        assert_true(ash_slab_shrink(&cache) > 400);
        assert_int_equal(ash_slab_verify(&cache), 0);
    }
    destroy();
    assert_int_equal(machine_free(), 512);
}

static void any_allocation_of_frames_may_fail(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 12; n++) {
        void *objects[200];
        unsigned got = 0, failed = 0;

        create("fails", 120, 0);
        support_fail_at = n;
        for (unsigned i = 0; i < 200; i++) {
            objects[got] = ash_slab_alloc(&cache);
            failed += objects[got] == NULL;
            got += objects[got] != NULL;
        }
        assert_int_equal(failed, support_fail_at == 0 ? 1 : 0);
        support_fail_at = 0;
        assert_int_equal(ash_slab_verify(&cache), 0);
        while (got > 0) {
            ash_slab_free(&cache, objects[--got]);
        }
        destroy();
        assert_int_equal(machine_free(), 512);
    }
}

/* What is known of small objects takes 4 bytes each, and little more. */
static void small_objects_need_few_frames(void **state)
{
    static const size_t sizes[] = {4, 8, 12, 16, 24, 32, 64};
    static void *objects[4000];
    uint32_t free = machine_free();

    (void)state;
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        size_t bytes;

        create("small", sizes[s], 4);
        objects[0] = ash_slab_alloc(&cache);
        assert_int_equal(free - machine_free(), 2);
        for (unsigned i = 1; i < 4000; i++) {
            objects[i] = ash_slab_alloc(&cache);
            assert_non_null(objects[i]);
        }
        bytes = 4000 * (cache.stride + sizeof(uint32_t));
        assert_true(free - machine_free() <= bytes * 11 / 10 / ASH_PAGE_SIZE + 2);
        for (unsigned i = 0; i < 4000; i++) {
            ash_slab_free(&cache, objects[i]);
        }
        destroy();
        assert_int_equal(machine_free(), free);
    }
}

/* Frames run low: the caches give back what they need not keep. */
static struct {
    unsigned low, enough;
    uint32_t frames;
} pressure;

static void crossed(enum ash_zone zone, enum ash_frames_level level, void *arg)
{
    (void)zone;
    (void)arg;
    pressure.enough += level == ASH_FRAMES_ENOUGH;
    if (level == ASH_FRAMES_LOW) {
        pressure.low++;
        pressure.frames += ash_slabs_shrink();
    }
}

static void caches_give_way_under_pressure(void **state)
{
    const struct ash_frames_marks marks = {.min = 10, .low = 40, .high = 60, .crossed = crossed};
    static void *objects[300];
    static ash_frame_t frames[512];
    unsigned count = 0;

    (void)state;
    memset(&pressure, 0, sizeof(pressure));
    create("pressed", 2000, 0);
    for (unsigned i = 0; i < 300; i++) {
        objects[i] = ash_slab_alloc(&cache);
        assert_non_null(objects[i]);
    }
    for (unsigned i = 0; i < 300; i++) {
        ash_slab_free(&cache, objects[i]);
    }
    assert_true(machine_free() < 400);
    assert_int_equal(ash_frames_watch(ASH_ZONE_NORMAL, &marks), 0);
    while (pressure.low == 0) {
        assert_int_equal(ash_frames_alloc(0, 0, &frames[count++]), 0);
    }
    assert_true(pressure.frames > 100 && pressure.enough == 1);
    while (pressure.low == 1) { /* nothing is left to give */
        assert_int_equal(ash_frames_alloc(0, 0, &frames[count++]), 0);
    }
    assert_true(count > 512 - 45);
    assert_int_equal(ash_frames_watch(ASH_ZONE_NORMAL, NULL), 0);
    while (count > 0) {
        ash_frames_free(frames[--count], 0);
    }
    destroy();
    assert_int_equal(machine_free(), 512);
}

struct seen {
    unsigned count, bytes;
};

static void see(const struct ash_usage *usage, void *arg)
{
    struct seen *seen = arg;

    assert_false(sim_irq_masked);
    assert_string_equal(usage->module, "slab");
    assert_int_equal(usage->used + usage->free, usage->total);
    seen->count++;
    seen->bytes += (unsigned)usage->used;
}

static void see_out(void *object, void *arg)
{
    assert_ptr_equal(object, *(void **)arg);
}

static void usage_and_leaks_are_told(void **state)
{
    struct seen seen = {0};
    void *kept;

    (void)state;
    create("reported", 24, 0);
    ash_slab_free(&cache, ash_slab_alloc(&cache));
    kept = ash_slab_alloc(&cache);
    ash_slabs_usage(see, &seen);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.bytes, 24);
    support_printed[0] = '\0';
    ash_slabs_report(support_print);
    assert_non_null(strstr(support_printed, "slabinfo - version: 2.1\n# name "));
    assert_non_null(strstr(support_printed, "\nreported               1    "));
    assert_non_null(strstr(support_printed, " 24  "));
    assert_non_null(
        strstr(support_printed, " : tunables   16    8    0 : slabdata      1      1      0\n"));
    assert_int_equal(ash_slab_out(&cache, see_out, &kept), ASH_CHECK >= 1 ? 1 : 0);
    assert_int_equal(ash_slab_destroy(&cache), ASH_EBUSY);
    ash_slab_free(&cache, kept);
    assert_int_equal(ash_slab_out(&cache, see_out, &kept), 0);
    destroy();
    seen = (struct seen){0};
    ash_slabs_usage(see, &seen);
    assert_int_equal(seen.count, 0);
}

#if ASH_CHECK >= 1
static void expect_refused(void *object, enum ash_fault_kind kind)
{
    struct ash_slab before = cache;

    ash_slab_free(&cache, object);
    assert_int_equal(support_faults.last.address, (uintptr_t)object);
    assert_non_null(support_faults.last.caller);
    machine_expect_fault(kind, "slab");
    assert_memory_equal(&cache, &before, sizeof(before));
    assert_int_equal(ash_slab_verify(&cache), 0);
}

static void bad_frees_are_told(void **state)
{
    static const size_t sizes[] = {8, 24, 40, 64, 96};
    int other;

    (void)state;
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        uint8_t *a, *b;

        create("faults", sizes[s], 8);
        expect_refused(&other, ASH_FAULT_FOREIGN);
        a = ash_slab_alloc(&cache);
        b = ash_slab_alloc(&cache);
        ash_slab_free(&cache, a);
        expect_refused(a, ASH_FAULT_DOUBLE_FREE);
        expect_refused(b + cache.stride, ASH_FAULT_DOUBLE_FREE); /* never out */
        for (size_t i = 1; i < cache.stride; i++) {
            expect_refused(b + i, ASH_FAULT_MISALIGNED);
        }
        expect_refused(a - 1, ASH_FAULT_FOREIGN);
        expect_refused(a + slab_bytes(&cache), ASH_FAULT_FOREIGN);
        expect_refused(&other, ASH_FAULT_FOREIGN);
        expect_refused((void *)UINTPTR_MAX, ASH_FAULT_FOREIGN);
        ash_slab_free(&cache, b);
        expect_refused(a, ASH_FAULT_DOUBLE_FREE);
        (void)ash_slab_shrink(&cache);
        expect_refused(a, ASH_FAULT_FOREIGN); /* its slab is gone */
        destroy();
    }
}

static void overwritten_labels_are_told(void **state)
{
    uint8_t *object, *other;
    uint32_t *label, was;

    (void)state;
    create("label", 64, 0);
    object = ash_slab_alloc(&cache);
    other = ash_slab_alloc(&cache);
    label = slab_label(&cache, object - (uintptr_t)object % slab_bytes(&cache));
    was = *label;
    static const uint32_t flips[] = {1, 0x10000, 0x80000000, 0x7f};
    for (unsigned i = 0; i < sizeof(flips) / sizeof(flips[0]); i++) {
        *label = was ^ flips[i];
        ash_slab_free(&cache, object);
        machine_expect_fault(ASH_FAULT_FOREIGN, "slab");
        assert_int_equal(ash_slab_verify(&cache), ASH_ECORRUPT);
        machine_expect_fault(ASH_FAULT_CORRUPT, "slab");
    }
    *label = was;
    ash_slab_free(&cache, object);
    ash_slab_free(&cache, other);
    destroy();
}
#endif

#if ASH_CHECK >= 2
static void writes_beyond_and_after_are_told(void **state)
{
    uint8_t *object;

    (void)state;
    create("written", 20, 4);
    object = ash_slab_alloc(&cache);
    object[20] ^= 1;
    ash_slab_free(&cache, object);
    machine_expect_fault(ASH_FAULT_OVERRUN, "slab");
    object[7] ^= 1;
    assert_ptr_equal(ash_slab_alloc(&cache), object);
    machine_expect_fault(ASH_FAULT_OVERRUN, "slab");
    object[20 + SLAB_RED_ZONE - 1] ^= 1;
    ash_slab_free(&cache, object);
    machine_expect_fault(ASH_FAULT_OVERRUN, "slab");
    destroy();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(objects_of_any_size, start),
        cmocka_unit_test_setup(bad_caches_are_refused, start),
        cmocka_unit_test_setup(constructed_state_is_kept, start),
        cmocka_unit_test_setup(random_operations_agree_with_the_model, start),
        cmocka_unit_test_setup(memory_runs_out_and_comes_back, start),
        cmocka_unit_test_setup(any_allocation_of_frames_may_fail, start),
        cmocka_unit_test_setup(small_objects_need_few_frames, start),
        cmocka_unit_test_setup(caches_give_way_under_pressure, start),
        cmocka_unit_test_setup(usage_and_leaks_are_told, start),
#if ASH_CHECK >= 1
        cmocka_unit_test_setup(bad_frees_are_told, start),
        cmocka_unit_test_setup(overwritten_labels_are_told, start),
#endif
#if ASH_CHECK >= 2
        cmocka_unit_test_setup(writes_beyond_and_after_are_told, start),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
