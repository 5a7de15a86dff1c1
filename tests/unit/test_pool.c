/* SPDX-License-Identifier: MIT */
/*
 * Pools: static ones, pools carved from frames, random operations against a model, and every
 * detection.
 */
#include "alloc/pool.h"
#include "ashlar/lock.h"
#include "ashlar/pool.h"
#include "port/sim/hostile.h"
#include "tests/unit/frames_machine.h"

#define BASE 0x40000000ull

struct packet {
    char bytes[24];
};
struct odd {
    uint8_t bytes[5];
};
struct wide {
    _Alignas(64) uint8_t bytes[64];
};

ASH_POOL_DEFINE(packet, struct packet, 40);
ASH_POOL_DEFINE(odd, struct odd, 33);
ASH_POOL_DEFINE(tiny, uint8_t, 1);
ASH_POOL_DEFINE(unused, struct packet, 2);
ASH_POOL_DECLARE(wide, struct wide); /* as in a header */
ASH_POOL_PLACE(wide, struct wide, 3);

/* Those that tests create: here, as the list of pools outlives a test that fails. */
static struct ash_pool pool, another;

static int start(void **state)
{
    (void)state;
    machine_start(BASE, MIB);
    return 0;
}

static int end(void **state)
{
    struct ash_pool *const created[] = {&pool, &another};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        if (created[i]->order != 0) {
            pool_delist(created[i]);
            *created[i] = (struct ash_pool){0};
        }
    }
    return 0;
}

static void static_pools_need_no_start(void **state)
{
    struct packet *packets[40];
    struct ash_pool_stats stats;

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 40; i++) {
            packets[i] = packet_get();
            assert_non_null(packets[i]);
            assert_int_equal((uintptr_t)packets[i] % _Alignof(struct packet), 0);
            memset(packets[i], (int)i, sizeof(*packets[i]));
        }
        assert_null(packet_get());
        for (unsigned i = 0; i < 40; i++) { /* nobody wrote into anybody's block */
            assert_int_equal(packets[i]->bytes[0], i);
            assert_int_equal(packets[i]->bytes[23], i);
            packet_put(packets[i]);
        }
        assert_int_equal(ash_pool_verify(&packet_pool), 0);
    }
    packet_put(NULL);
    ash_pool_stats(&packet_pool, &stats);
    assert_string_equal(stats.name, "packet");
    assert_int_equal(stats.size, sizeof(struct packet));
    assert_int_equal(stats.count, 40);
    assert_int_equal(stats.used, 0);
    assert_int_equal(stats.high_water, 40);
    assert_int_equal(stats.failures, 3);
    assert_int_equal(support_faults.count, 0);
}

static void any_type_has_a_pool(void **state)
{
    struct wide *wide[3];
    uint8_t *byte = tiny_get();
    struct odd *first = odd_get();
    struct odd *second = odd_get();

    (void)state;
    assert_non_null(byte);
    assert_null(tiny_get());
    tiny_put(byte);
    assert_ptr_equal(tiny_get(), byte);
    tiny_put(byte);
    assert_int_equal((uintptr_t)second - (uintptr_t)first, 8); /* room for the link */
    odd_put(second);
    odd_put(first);
    for (unsigned i = 0; i < 3; i++) {
        wide[i] = wide_get();
        assert_int_equal((uintptr_t)wide[i] % 64, 0);
    }
    assert_null(wide_get());
    for (unsigned i = 0; i < 3; i++) {
        wide_put(wide[i]);
    }
    assert_int_equal(support_faults.count, 0);
}

static void pools_are_carved_from_frames(void **state)
{
    static const size_t sizes[] = {1, 4, 5, 8, 12, 24, 100, 4096, 10000};
    static const size_t aligns[] = {0, 1, 2, 8, 64, 1024, 4096};
    uint32_t free = machine_free();

    (void)state;
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (unsigned a = 0; a < sizeof(aligns) / sizeof(aligns[0]); a++) {
            uint8_t *blocks[33];
            size_t align = aligns[a] == 0 ? _Alignof(max_align_t) : aligns[a];
            uint32_t frames;

            assert_int_equal(ash_pool_create(&pool, "carved", sizes[s], aligns[a], 33), 0);
            frames = free - machine_free();
            assert_int_equal(ash_frames_owned(ASH_OWNER_POOL), frames);
            for (unsigned i = 0; i < 33; i++) {
                blocks[i] = ash_pool_alloc(&pool);
                assert_non_null(blocks[i]);
                assert_int_equal((uintptr_t)blocks[i] % align, 0);
                memset(blocks[i], (int)i, sizes[s]);
            }
            assert_null(ash_pool_alloc(&pool));
            assert_int_equal(ash_pool_destroy(&pool), ASH_EBUSY);
            for (unsigned i = 0; i < 33; i++) {
                assert_int_equal(blocks[i][0], i);
                assert_int_equal(blocks[i][sizes[s] - 1], i);
                ash_pool_free(&pool, blocks[i]);
            }
            assert_int_equal(ash_pool_verify(&pool), 0);
            assert_int_equal(ash_pool_destroy(&pool), 0);
            assert_int_equal(machine_free(), free);
            assert_int_equal(ash_pool_destroy(&pool), ASH_EINVAL);
        }
    }
    assert_int_equal(ash_pool_destroy(&packet_pool), ASH_EINVAL);
    assert_int_equal(support_faults.count, 0);
}

static void bad_pools_are_refused(void **state)
{
    struct ash_pool refused;
    struct ash_pool before;
    uint32_t free = machine_free();
    ash_frame_t frame;

    (void)state;
    memset(&refused, 0x77, sizeof(refused));
    before = refused;
    assert_int_equal(ash_pool_create(&refused, "x", 0, 0, 1), ASH_EINVAL);
    assert_int_equal(ash_pool_create(&refused, "x", 1, 0, 0), ASH_EINVAL);
    assert_int_equal(ash_pool_create(&refused, "x", 1, 3, 1), ASH_EINVAL);
    assert_int_equal(ash_pool_create(&refused, "x", 1, 8192, 1), ASH_EINVAL);
    assert_int_equal(ash_pool_create(&refused, "x", SIZE_MAX, 0, 1), ASH_ERANGE);
    assert_int_equal(ash_pool_create(&refused, "x", SIZE_MAX / 2, 0, 4), ASH_ERANGE);
    assert_int_equal(ash_pool_create(&refused, "x", 64, 0, UINT32_MAX), ASH_ERANGE);
    assert_int_equal(ash_pool_create(&refused, "x", 1, 1, ASH_POOL_MOST + 1), ASH_ERANGE);
    assert_int_equal(ash_pool_create(&refused, "x", (ASH_PAGE_SIZE << ASH_MAX_ORDER) + 1, 0, 1),
                     ASH_ERANGE);
    assert_int_equal(ash_pool_create(&refused, "x", 2 * MIB, 0, 1), ASH_ENOMEM);
    while (ash_frames_alloc(0, 0, &frame) == 0) {
    }
    assert_int_equal(ash_pool_create(&refused, "x", 1, 0, 1), ASH_ENOMEM);
    assert_memory_equal(&refused, &before, sizeof(refused));
    assert_true(free > 0);
}

#define MODEL_BLOCKS 1000u

static void random_operations_agree_with_the_model(void **state)
{
    static uint8_t *blocks[MODEL_BLOCKS];
    static uint8_t marks[MODEL_BLOCKS];
    struct ash_pool_stats stats;
    unsigned live = 0;
    unsigned most = 0;

    (void)state;
    support_seed(99);
    assert_int_equal(ash_pool_create(&pool, "model", 64, 0, MODEL_BLOCKS), 0);
    for (unsigned step = 0; step < (ASH_CHECK >= 2 ? 4000 : 40000); step++) {
        bool rising = step / 2000 % 2 == 0;

        if (support_random_below(100) < (rising ? 90u : 20u)) {
            uint8_t *block = ash_pool_alloc(&pool);

            assert_int_equal(block == NULL, live == MODEL_BLOCKS);
            if (block != NULL) {
                blocks[live] = block;
                marks[live] = (uint8_t)support_random();
                memset(block, marks[live], 64);
                live++;
            }
        } else if (live > 0) {
            unsigned pick = support_random_below(live);

            for (unsigned i = 0; i < 64; i++) {
                assert_int_equal(blocks[pick][i], marks[pick]);
            }
            ash_pool_free(&pool, blocks[pick]);
            live--;
            blocks[pick] = blocks[live];
            marks[pick] = marks[live];
        }
        most = live > most ? live : most;
    }
    ash_pool_stats(&pool, &stats);
    assert_int_equal(stats.used, live);
    assert_int_equal(stats.high_water, most);
    while (live > 0) {
        ash_pool_free(&pool, blocks[--live]);
    }
    assert_int_equal(ash_pool_verify(&pool), 0);
    assert_int_equal(ash_pool_destroy(&pool), 0);
    assert_int_equal(machine_free(), 256);
    assert_int_equal(support_faults.count, 0);
}

static char lines[4096];

static int __attribute__((format(printf, 1, 2))) keep_print(const char *format, ...)
{
    size_t at = strlen(lines);
    va_list arguments;
    int length;

    assert_false(sim_irq_masked);
    va_start(arguments, format);
    length = vsnprintf(lines + at, sizeof(lines) - at, format, arguments);
    va_end(arguments);
    return length;
}

static void report_lists_all_pools(void **state)
{

    (void)state;
    lines[0] = '\0';
    assert_int_equal(ash_pool_create(&pool, "first", 8, 0, 7), 0);
    assert_int_equal(ash_pool_create(&another, "second", 8, 0, 7), 0);
    ash_pools_report(keep_print);
    assert_non_null(strstr(lines, "packet"));
    assert_non_null(strstr(lines, "unused"));
    assert_non_null(strstr(lines, "first"));
    assert_null(strstr(strstr(lines, "first") + 1, "first"));
    assert_non_null(strstr(lines, "second"));
    assert_int_equal(ash_pool_destroy(&pool), 0);
    lines[0] = '\0';
    ash_pools_report(keep_print);
    assert_null(strstr(lines, "first"));
    assert_non_null(strstr(lines, "second"));
    assert_int_equal(ash_pool_destroy(&another), 0);
}

#if ASH_LOCKS_NAMED
static unsigned long list_taken(void)
{
    const char *line;
    unsigned long taken;

    lines[0] = '\0';
    ash_locks_report(keep_print);
    line = strstr(lines, "list of pools");
    assert_non_null(line);
    assert_int_equal(sscanf(line, "list of pools pools %lu", &taken), 1);
    return taken;
}

static void visit_any(const struct ash_usage *usage, void *arg)
{
    *(uint64_t *)arg += strcmp(usage->name, "long") == 0 ? usage->high_water : 0;
}

/* The list's lock is let go after every 64 blocks of a free list. */
static void report_holds_its_lock_for_a_bounded_time(void **state)
{
    void *blocks[300];
    unsigned long before;
    uint64_t bytes = 0;

    (void)state;
    assert_int_equal(ash_pool_create(&pool, "long", 8, 0, 300), 0);
    for (unsigned i = 0; i < 300; i++) {
        blocks[i] = ash_pool_alloc(&pool);
    }
    for (unsigned i = 0; i < 300; i++) {
        ash_pool_free(&pool, blocks[i]);
    }
    before = list_taken();
    ash_pools_usage(visit_any, &bytes);
    assert_int_equal(bytes, 300 * pool.stride);
    assert_int_equal(list_taken() - before, 300 / 64 + 1 + 1); /* and one that finds no more */
    assert_int_equal(ash_pool_destroy(&pool), 0);
}
#endif

/* Figures are taken in parts, and the pool changes, or is another one, in between. */
static void walks_may_be_interrupted(void **state)
{
    struct pool_walk walk;
    void *blocks[100];
    unsigned parts = 0;

    (void)state;
    assert_int_equal(ash_pool_create(&pool, "parts", 8, 0, 100), 0);
    for (unsigned i = 0; i < 100; i++) {
        blocks[i] = ash_pool_alloc(&pool);
    }
    for (unsigned i = 0; i < 99; i++) {
        ash_pool_free(&pool, blocks[i]);
    }
    pool_walk_begin(&pool, &walk);
    assert_false(pool_walk_on(&pool, &walk, 64));
    assert_int_equal(walk.passed, 64);
    ash_pool_free(&pool, blocks[99]);
    for (parts = 0; !pool_walk_on(&pool, &walk, 30); parts++) {
        assert_true(walk.passed <= 94);
    }
    assert_int_equal(parts, 1 + 1 + 3); /* the end of the first walk; then 100 blocks */
    assert_null(walk.error);
    assert_int_equal(walk.free, 100);
    pool_walk_begin(&pool, &walk);
    assert_false(pool_walk_on(&pool, &walk, 99));
    assert_int_equal(ash_pool_destroy(&pool), 0);
    assert_int_equal(ash_pool_create(&pool, "another", 4096, 0, 2), 0);
    while (!pool_walk_on(&pool, &walk, 1)) {
    }
    assert_null(walk.error);
    assert_int_equal(walk.free, 0);
    assert_int_equal(ash_pool_destroy(&pool), 0);
}

#if ASH_CHECK >= 2
/* What says that a block is out is seen after the head that it is no longer in. */
static void out_is_seen_after_the_head(void **state)
{
    void *block;

    (void)state;
    sim_released = NULL;
    block = packet_get();
    assert_ptr_equal(sim_released,
                     pool_link(&packet_pool, (uint32_t)pool_index(&packet_pool, block)));
    packet_put(block);
}
#endif

/* The description of the pool with this name. */
struct wanted {
    const char *name;
    struct ash_usage usage;
    unsigned times;
};

static void visit(const struct ash_usage *usage, void *arg)
{
    struct wanted *wanted = arg;

    assert_false(sim_irq_masked);
    assert_string_equal(usage->module, "pool");
    assert_true(usage->largest <= usage->free && usage->used + usage->free == usage->total);
    if (strcmp(usage->name, wanted->name) == 0) {
        wanted->usage = *usage;
        wanted->times++;
    }
}

static void usage_is_told(void **state)
{
    struct wanted wanted = {.name = "described"};
    void *blocks[3];

    (void)state;
    assert_int_equal(ash_pool_create(&pool, "described", 24, 8, 3), 0);
    for (unsigned i = 0; i < 3; i++) {
        blocks[i] = ash_pool_alloc(&pool);
    }
    assert_null(ash_pool_alloc(&pool));
    ash_pools_usage(visit, &wanted);
    assert_int_equal(wanted.times, 1);
    assert_int_equal(wanted.usage.used, 72);
    assert_int_equal(wanted.usage.largest, 0);
    assert_int_equal(wanted.usage.failures, 1);
    ash_pool_free(&pool, blocks[0]);
    ash_pool_free(&pool, blocks[1]);
    ash_pools_usage(visit, &wanted);
    assert_int_equal(wanted.usage.total, 72);
    assert_int_equal(wanted.usage.used, 24);
    assert_int_equal(wanted.usage.blocks, 1);
    assert_int_equal(wanted.usage.largest, 24);
    assert_int_equal(wanted.usage.high_water, 72);
    ash_pool_free(&pool, blocks[2]);
    assert_int_equal(ash_pool_destroy(&pool), 0);
}

#if ASH_CHECK >= 1
static void expect_refused(void *block, enum ash_fault_kind kind)
{
    struct ash_pool before = pool;

    ash_pool_free(&pool, block);
    assert_int_equal(support_faults.last.address, (uintptr_t)block);
    assert_non_null(support_faults.last.caller);
    machine_expect_fault(kind, "pool");
    assert_memory_equal(&pool, &before, sizeof(before));
    assert_int_equal(ash_pool_verify(&pool), 0);
    assert_false(sim_irq_masked);
}

static void bad_frees_are_told(void **state)
{
    static const size_t sizes[] = {8, 24, 40, 56, 64, 96};

    (void)state;
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        uint8_t *a;
        uint8_t *b;
        int other;

        assert_int_equal(ash_pool_create(&pool, "faults", sizes[s], 4, 10), 0);
        a = ash_pool_alloc(&pool);
        b = ash_pool_alloc(&pool);
        ash_pool_free(&pool, a);
        expect_refused(a, ASH_FAULT_DOUBLE_FREE);
        expect_refused(a + 3 * sizes[s], ASH_FAULT_DOUBLE_FREE); /* never out */
        for (size_t i = 1; i < sizes[s]; i++) {
            expect_refused(b + i, ASH_FAULT_MISALIGNED);
        }
        expect_refused(a - 1, ASH_FAULT_FOREIGN);
        expect_refused(a - sizes[s], ASH_FAULT_FOREIGN);
        expect_refused(a + 10 * sizes[s], ASH_FAULT_FOREIGN);
        expect_refused(a + 1000 * sizes[s], ASH_FAULT_FOREIGN);
        expect_refused(&other, ASH_FAULT_FOREIGN);
        expect_refused((void *)UINTPTR_MAX, ASH_FAULT_FOREIGN);
        ash_pool_free(&pool, NULL);
        assert_int_equal(support_faults.count, 0);
        ash_pool_free(&pool, b);
        assert_int_equal(ash_pool_destroy(&pool), 0);
    }
}

/* Whatever is written to free blocks, the lists are as they were. */
static void free_blocks_hold_no_lists(void **state)
{
    uint8_t *blocks[4];

    (void)state;
    assert_int_equal(ash_pool_create(&pool, "links", 16, 0, 4), 0);
    for (unsigned i = 0; i < 4; i++) {
        blocks[i] = ash_pool_alloc(&pool);
    }
    ash_pool_free(&pool, blocks[2]);
    ash_pool_free(&pool, blocks[0]);
    for (unsigned i = 0; i < 4; i += 2) {
        memset(blocks[i], ASH_CHECK >= 2 ? POOL_POISON : 0x41, 16);
    }
    assert_int_equal(ash_pool_verify(&pool), 0);
    assert_ptr_equal(ash_pool_alloc(&pool), blocks[0]);
    assert_ptr_equal(ash_pool_alloc(&pool), blocks[2]);
    assert_null(ash_pool_alloc(&pool));
    assert_int_equal(support_faults.count, 0);
}
#endif

static void expect_corrupt(void)
{
    assert_int_equal(ash_pool_verify(&pool), ASH_ECORRUPT);
    machine_expect_fault(ASH_FAULT_CORRUPT, "pool");
}

static void verify_finds_tampering(void **state)
{
    struct ash_pool good;
    uint32_t *link;
    uint32_t was;
    void *block;

    (void)state;
    assert_int_equal(ash_pool_create(&pool, "tampered", 16, 0, 40), 0);
    block = ash_pool_alloc(&pool);
    ash_pool_free(&pool, ash_pool_alloc(&pool));
    good = pool;
    const uint32_t places[] = {
#if ASH_CHECK >= 1 || !ASH_POOL_LOCK_FREE
        pool.end,                    /* all are out */
        pool.list.first + pool.step, /* one that was never out */
#endif
        pool.end ^ POOL_FRESH, /* behind the last */
        pool.end + pool.step,
        (uint32_t)-2, /* no block */
        pool.list.first + 2,
    };
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        pool.list.first = places[i];
        expect_corrupt();
        pool = good;
    }
#if !ASH_POOL_LOCK_FREE
    pool.list.count++;
    expect_corrupt();
    pool = good;
#endif
    link = pool_link(&pool, pool.list.first);
    was = *link;
    *link = pool.list.first; /* round and round */
    expect_corrupt();
    *link = was;
#if ASH_CHECK >= 1
    *link = pool.end;
    expect_corrupt();
    *link = was;
    for (unsigned i = 0; i < 3; i++) {
        was = pool.state[i];
        pool.state[i] = was == POOL_OUT ? 0 : POOL_OUT;
        expect_corrupt();
        pool.state[i] = was;
    }
#endif
    assert_int_equal(ash_pool_verify(&pool), 0);
    ash_pool_free(&pool, block);
    assert_int_equal(ash_pool_destroy(&pool), 0);
    assert_int_equal(support_faults.count, 0);
}

#if ASH_CHECK >= 2
static void writes_to_free_blocks_are_told(void **state)
{
    uint8_t *block = (uint8_t *)packet_get();

    (void)state;
    packet_put((struct packet *)block);
    block[23] ^= 1;
    assert_null(packet_get());
    machine_expect_fault(ASH_FAULT_OVERRUN, "pool");
    assert_ptr_equal(packet_get(), block); /* told once */
    packet_put((struct packet *)block);
    assert_int_equal(support_faults.count, 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(static_pools_need_no_start, start, end),
        cmocka_unit_test_setup_teardown(any_type_has_a_pool, start, end),
        cmocka_unit_test_setup_teardown(pools_are_carved_from_frames, start, end),
        cmocka_unit_test_setup_teardown(bad_pools_are_refused, start, end),
        cmocka_unit_test_setup_teardown(random_operations_agree_with_the_model, start, end),
        cmocka_unit_test_setup_teardown(report_lists_all_pools, start, end),
#if ASH_LOCKS_NAMED
        cmocka_unit_test_setup_teardown(report_holds_its_lock_for_a_bounded_time, start, end),
#endif
        cmocka_unit_test_setup_teardown(walks_may_be_interrupted, start, end),
#if ASH_CHECK >= 2
        cmocka_unit_test_setup_teardown(out_is_seen_after_the_head, start, end),
#endif
        cmocka_unit_test_setup_teardown(usage_is_told, start, end),
#if ASH_CHECK >= 1
        cmocka_unit_test_setup_teardown(bad_frees_are_told, start, end),
        cmocka_unit_test_setup_teardown(free_blocks_hold_no_lists, start, end),
#endif
        cmocka_unit_test_setup_teardown(verify_finds_tampering, start, end),
#if ASH_CHECK >= 2
        cmocka_unit_test_setup_teardown(writes_to_free_blocks_are_told, start, end),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
