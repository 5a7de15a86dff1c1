/* SPDX-License-Identifier: MIT */
/*
 * Regions and blocks: what is accepted, what is refused, and that a refusal changes nothing.
 */
#include "tests/unit/pmem_machine.h"

#include <stdio.h>

static int add(const char *name, uint64_t base, uint64_t size)
{
    return ash_pmem_add(name, (struct ash_range){{base}, size});
}

static void regions_are_checked(void **state)
{
    static const char longest[] = "twenty-three-characters"; /* and the zero: ASH_PMEM_NAME */
    char name[] = "changes";

    (void)state;
    machine_start();
    assert_int_equal(sizeof(longest), ASH_PMEM_NAME);
    assert_int_equal(add(NULL, ZONE_AT, Q), ASH_EINVAL);
    assert_int_equal(add("", ZONE_AT, Q), ASH_EINVAL);
    assert_int_equal(add("twenty-four-characters-!", ZONE_AT, Q), ASH_EINVAL);
    assert_int_equal(add("a", ZONE_AT, 0), ASH_EINVAL);
    assert_int_equal(add("a", ZONE_AT + 1, Q), ASH_EALIGN);
    assert_int_equal(add("a", ZONE_AT, Q + 0x800), ASH_EALIGN);
    assert_int_equal(add("a", -Q, 2 * Q), ASH_ERANGE);
    assert_int_equal(add("a", -Q, Q), ASH_ERANGE); /* an exclusive end of 2^64 wraps too */
    assert_int_equal(add("a", 1ull << 32, (Q << ASH_MAX_ORDER) / 8 * Q + Q), ASH_ERANGE);
    assert_int_equal(add("a", ZONE_AT - Q, 2 * Q), ASH_EFAULT);
    assert_int_equal(add("a", ZONE_AT, ZONE_IN + Q), ASH_EFAULT);
    assert_null(ash_pmem_region(0));

    assert_int_equal(add("a", ZONE_AT + 4 * Q, 4 * Q), 0);
    assert_int_equal(add("a", ZONE_AT + 64 * Q, Q), ASH_EEXIST);
    assert_int_equal(add("b", ZONE_AT + 7 * Q, Q), ASH_EEXIST);
    assert_int_equal(add("b", ZONE_AT + 3 * Q, 2 * Q), ASH_EEXIST);
    assert_int_equal(add("b", ZONE_AT + 5 * Q, Q), ASH_EEXIST);
    assert_int_equal(add("b", ZONE_AT, 64 * Q), ASH_EEXIST);
    assert_int_equal(add("b", ZONE_AT + 3 * Q, Q), 0);
    assert_int_equal(add(longest, ZONE_AT + 8 * Q, Q), 0);
    assert_int_equal(add(name, ZONE_AT + 9 * Q, Q), 0);
    name[0] = 'X';
    assert_ptr_equal(ash_pmem_find("changes"), ash_pmem_region(3));
    assert_ptr_equal(ash_pmem_find("a"), ash_pmem_region(0));
    assert_null(ash_pmem_find("Xhanges"));
    assert_null(ash_pmem_find("change"));
    assert_null(ash_pmem_find("changes2"));
    assert_string_equal(ash_pmem_name(ash_pmem_region(2)), longest);
    for (unsigned n = 4; n < ASH_PMEM_REGIONS; n++) {
        char number[] = {'0' + (char)n, '\0'};

        assert_int_equal(add(number, ZONE_AT + (20 + n) * Q, Q), 0);
    }
    assert_int_equal(add("one more", ZONE_AT + 40 * Q, Q), ASH_ENOMEM);
    assert_null(ash_pmem_region(ASH_PMEM_REGIONS));
    assert_int_equal(support_faults.count, 0);
}

/* What is not plain memory at VA = PA is no region. */
static void regions_must_be_plain_memory(void **state)
{
    static const ash_mmu_attr_t others[] = {
        ASH_MMU_NORMAL,
        ASH_MMU_UNCACHED | ASH_MMU_WRITE,
        ASH_MMU_DEVICE | ASH_MMU_WRITE,
        ASH_MMU_NORMAL | ASH_MMU_WRITE | ASH_MMU_USER,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        for (unsigned page = 0; page < 100; page += 33) {
            machine_start();
            assert_int_equal(
                ash_mmu_protect(&machine_map, ash_va(ZONE_AT + page * Q), Q, others[i]), 0);
            assert_int_equal(add("a", ZONE_AT, 100 * Q), ASH_EFAULT);
            assert_null(ash_pmem_find("a"));
        }
    }
    machine_start();
    assert_int_equal(ash_mmu_unmap(&machine_map, ash_va(ZONE_AT + 70 * Q), Q), 0);
    assert_int_equal(add("a", ZONE_AT, 100 * Q), ASH_EFAULT);
    assert_int_equal(add("a", ZONE_AT, 70 * Q), 0);
    assert_int_equal(add("b", ZONE_AT + 71 * Q, 20 * Q), 0);
    assert_int_equal(add("blocks", FIXED_AT + Q, FIXED_IN - 2 * Q), 0);
}

/* Frames are the frame allocator's, free or not, but for those that were taken for pmem. */
static void regions_are_nobody_elses(void **state)
{
    ash_frame_t frame;
    uint64_t base;

    (void)state;
    machine_start();
    assert_int_equal(add("a", FRAMES_AT + FRAMES_IN / 2, Q), ASH_EEXIST);
    assert_int_equal(ash_frames_alloc(3, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame), 0);
    base = ash_frame_pa(frame).value;
    assert_int_equal(add("a", base, Q), ASH_EEXIST);
    assert_int_equal(add("a", base + 7 * Q, Q), ASH_EEXIST);
    ash_frames_free(frame, 3);
    assert_int_equal(ash_frames_alloc(3, ASH_FRAMES_OWNER(ASH_OWNER_PMEM), &frame), 0);
    base = ash_frame_pa(frame).value;
    assert_int_equal(add("a", base, 8 * Q + Q), ASH_EEXIST); /* one more than was taken */
    assert_int_equal(add("a", base, 8 * Q), 0);
}

static void bookkeeping_can_run_out(void **state)
{
    ash_frame_t frame, second;
    uint32_t owned;

    (void)state;
    machine_start();
    assert_int_equal(ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &second), 0);
    while (ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame) == 0) {
    }
    owned = ash_frames_owned(ASH_OWNERS);
    assert_int_equal(add("a", ZONE_AT, 100 * Q), ASH_ENOMEM);
    assert_null(ash_pmem_region(0));
    assert_int_equal(ash_frames_owned(ASH_OWNERS), owned);
    ash_frames_free(frame, 0);
    assert_int_equal(add("a", ZONE_AT, 100 * Q), ASH_ENOMEM); /* tags, but no tree */
    assert_int_equal(ash_frames_owned(ASH_OWNERS), owned - 1);
    ash_frames_free(second, 0);
    assert_int_equal(add("a", ZONE_AT, 100 * Q), 0);
    assert_int_equal(ash_frames_owned(ASH_OWNER_PMEM), 2);
    assert_all_free(ash_pmem_find("a"));
}

static void requests_are_checked(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block block = {.size = 77};
    struct {
        struct ash_pmem_request request;
        int expected;
    } rows[] = {
        {{.size = 0}, ASH_EINVAL},
        {{.size = Q, .flags = 0x8}, ASH_EINVAL},
        {{.size = Q, .flags = 0x80000000u}, ASH_EINVAL},
        {{.size = Q, .flags = ASH_PMEM_OWNER(ASH_OWNERS)}, ASH_EINVAL},
        {{.size = Q, .flags = ASH_PMEM_UNCACHED | ASH_PMEM_ORDERED}, ASH_EINVAL},
        {{.size = Q, .boundary = 3 * Q}, ASH_EINVAL},
        {{.size = Q, .align = 3 * Q}, ASH_EALIGN},
        {{.size = Q, .align = Q / 2}, ASH_EALIGN},
        {{.size = Q, .align = 1}, ASH_EALIGN},
        {{.size = 2 * Q + 1, .boundary = 2 * Q}, ASH_ERANGE},
        {{.size = 2 * Q, .min = DMA_AT, .max = DMA_AT + 2 * Q - 2}, ASH_ERANGE},
        {{.size = Q, .min = DMA_AT + Q, .max = DMA_AT}, ASH_ERANGE},
        {{.size = DMA_IN + 1}, ASH_ENOMEM},
        {{.size = UINT64_MAX}, ASH_ENOMEM},
        {{.size = UINT64_MAX - 2 * Q}, ASH_ENOMEM},
        {{.size = 1ull << 63, .align = 1ull << 63}, ASH_ENOMEM},
        {{.size = Q, .align = 1ull << 40}, ASH_ENOMEM},
        {{.size = Q, .max = DMA_AT - 1}, ASH_ENOMEM},
        {{.size = Q, .min = DMA_AT + DMA_IN}, ASH_ENOMEM},
        {{.size = Q, .min = UINT64_MAX - Q, .max = UINT64_MAX}, ASH_ENOMEM},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("# row %zu\n", i);
        assert_int_equal(ash_pmem_alloc_request(dma, &rows[i].request, &block), rows[i].expected);
        assert_int_equal(block.size, 77);
    }
    assert_all_free(dma);
    assert_int_equal(ash_pmem_alloc(dma, 0, 0, 0, &block), ASH_EINVAL);
    assert_int_equal(ash_pmem_alloc(dma, Q, 5, 0, &block), ASH_EALIGN);
    assert_int_equal(ash_pmem_alloc(dma, Q, 0, 8, &block), ASH_EINVAL);

    /* A window that fits exactly, its last byte inclusive. */
    const struct ash_pmem_request exact = {
        .size = 2 * Q, .min = DMA_AT + 5 * Q, .max = DMA_AT + 7 * Q - 1};

    assert_int_equal(ash_pmem_alloc_request(dma, &exact, &block), 0);
    assert_int_equal(block.pa.value, DMA_AT + 5 * Q);
    assert_int_equal(block.size, 2 * Q);
    assert_ptr_equal(block.ptr, port_ptr(block.pa));
    assert_ptr_equal(block.region, dma);
    assert_int_equal(ash_pmem_alloc_request(dma, &exact, &block), ASH_ENOMEM);
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_all_free(dma);
}

static void fixed_places(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block first, middle, last, none = {.size = 77};

    (void)state;
    assert_int_equal(ash_pmem_alloc_at(dma, 0, 0, 0, &none), ASH_EINVAL);
    assert_int_equal(ash_pmem_alloc_at(dma, 0, Q, 8, &none), ASH_EINVAL);
    assert_int_equal(ash_pmem_alloc_at(dma, 1, Q, 0, &none), ASH_EALIGN);
    assert_int_equal(ash_pmem_alloc_at(dma, 0, Q + 1, 0, &none), ASH_EALIGN);
    assert_int_equal(ash_pmem_alloc_at(dma, DMA_IN, Q, 0, &none), ASH_ERANGE);
    assert_int_equal(ash_pmem_alloc_at(dma, DMA_IN - Q, 2 * Q, 0, &none), ASH_ERANGE);
    assert_int_equal(ash_pmem_alloc_at(dma, Q, -Q, 0, &none), ASH_ERANGE);
    assert_int_equal(ash_pmem_alloc_at(dma, -Q, 2 * Q, 0, &none), ASH_ERANGE);
    assert_int_equal(ash_pmem_alloc_at(dma, 1ull << 44, Q, 0, &none), ASH_ERANGE);

    assert_int_equal(ash_pmem_alloc_at(dma, 0, Q, 0, &first), 0);
    assert_int_equal(ash_pmem_alloc_at(dma, DMA_IN - 2 * Q, 2 * Q, ASH_PMEM_UNCACHED, &last), 0);
    assert_int_equal(ash_pmem_alloc_at(dma, 10 * Q, 4 * Q, 0, &middle), 0);
    assert_int_equal(middle.pa.value, DMA_AT + 10 * Q);
    assert_int_equal(ash_pmem_alloc_at(dma, 9 * Q, 2 * Q, 0, &none), ASH_EBUSY);
    assert_int_equal(ash_pmem_alloc_at(dma, 12 * Q, Q, 0, &none), ASH_EBUSY);
    assert_int_equal(ash_pmem_alloc_at(dma, 13 * Q, 2 * Q, 0, &none), ASH_EBUSY);
    assert_int_equal(ash_pmem_alloc_at(dma, 0, DMA_IN, 0, &none), ASH_EBUSY);
    assert_int_equal(none.size, 77);
    assert_at_rest(dma);
    assert_int_equal(ash_pmem_free(&first), 0);
    assert_int_equal(ash_pmem_free(&last), 0);
    assert_int_equal(ash_pmem_free(&middle), 0);
    assert_all_free(dma);
}

static void to_exhaustion_and_back(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block blocks[96], none;
    struct ash_pmem_stats stats;

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 96; i++) {
            assert_int_equal(ash_pmem_alloc(dma, 1, 0, i % 2 ? ASH_PMEM_UNCACHED : 0, &blocks[i]),
                             0);
            assert_int_equal(blocks[i].pa.value, DMA_AT + i * Q);
        }
        assert_int_equal(ash_pmem_alloc(dma, 1, 0, 0, &none), ASH_ENOMEM);
        ash_pmem_stats(dma, &stats);
        assert_int_equal(stats.free, 0);
        assert_int_equal(stats.largest, 0);
        assert_int_equal(stats.blocks, 96);
        assert_int_equal(stats.high_water, DMA_IN);
        assert_int_equal(stats.failures, round + 1);
        assert_at_rest(dma);
        for (unsigned i = 0; i < 96; i++) { /* 35 and 96 share no factor: every block once */
            assert_int_equal(ash_pmem_free(&blocks[i * 35 % 96]), 0);
        }
        assert_all_free(dma);
        assert_int_equal(ash_pmem_alloc(dma, DMA_IN, 0, ASH_PMEM_UNCACHED, &blocks[0]), 0);
        assert_int_equal(ash_pmem_free(&blocks[0]), 0);
        assert_all_free(dma);
    }
}

/* All of 1 GiB is obtainable in aligned blocks of 2 MiB, whatever was in use between. Only the ends
 * have memory behind them: nothing else may be touched. */
static void large_regions(void **state)
{
    static struct ash_pmem_block blocks[512];
    const uint64_t base = 0x80000000, size = 1ull << 30, part = 2ull << 20;
    struct ash_pmem_block none;

    (void)state;
    machine_start();
    sim_add_ram(ash_pa(base), Q);
    sim_add_ram(ash_pa(base + size - Q), Q);
    ash_pmem_init(NULL, NULL);
    struct ash_pmem *large = machine_region("large", base, size);

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 512; i++) {
            assert_int_equal(ash_pmem_alloc(large, part, part, ASH_PMEM_UNINIT, &blocks[i]), 0);
            assert_int_equal(blocks[i].pa.value, base + i * part);
        }
        assert_int_equal(ash_pmem_alloc(large, Q, 0, ASH_PMEM_UNINIT, &none), ASH_ENOMEM);
        assert_int_equal(ash_pmem_verify(large), 0);
        for (unsigned i = 0; i < 512; i++) {
            assert_int_equal(ash_pmem_free(&blocks[i * 211 % 512]), 0);
        }
        assert_int_equal(ash_pmem_verify(large), 0);
        assert_int_equal(ash_pmem_alloc(large, size, 0, ASH_PMEM_UNINIT, &none), 0);
        assert_int_equal(ash_pmem_free(&none), 0);
    }
    assert_int_equal(ash_frames_owned(ASH_OWNER_PMEM), 512 + 128); /* 2 MiB of tags, a tree */
    assert_int_equal(support_faults.count, 0);
}

static struct ash_pmem_block reported; /* what the hook is expected to complain about */

static void hook(const struct ash_fault *fault)
{
    struct ash_pmem_block same;

    assert_false(sim_irq_masked);
    support_faults.count++;
    support_faults.last = *fault;
    /* No lock is held: pmem can be called from here. */
    (void)ash_pmem_lookup(reported.pa, &same);
}

static void assert_bad(struct ash_pmem_block block, enum ash_fault_kind kind)
{
    reported = block;
    assert_fault(ash_pmem_free(&block), kind);
    assert_int_equal(support_faults.last.address, block.pa.value);
    assert_fault(ash_pmem_get(&block), kind);
    assert_fault(ash_pmem_put(&block), kind);
    assert_fault(ash_pmem_flush(&block, 0, 1), kind);
    assert_fault(ash_pmem_clean(&block, 0, 1), kind);
    assert_fault(ash_pmem_invalidate(&block, 0, 1), kind);
}

static void bad_blocks_are_reported(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block good, second, bad;
    struct ash_pmem_stats before = {.free = 0}, after = {.free = 0};

    (void)state;
    ash_fault_hook = hook;
    assert_int_equal(ash_pmem_alloc(dma, 4 * Q, 0, 0, &good), 0);
    assert_int_equal(ash_pmem_alloc(dma, 4 * Q, 0, ASH_PMEM_UNCACHED, &second), 0);
    memset(good.ptr, 0x5a, 4 * Q);
    ash_pmem_stats(dma, &before);

    bad = good;
    bad.region = NULL;
    assert_bad(bad, ASH_FAULT_FOREIGN);
    bad.region = (struct ash_pmem *)((char *)dma + 1);
    assert_bad(bad, ASH_FAULT_FOREIGN);
    bad = good;
    bad.pa.value = DMA_AT - Q;
    assert_bad(bad, ASH_FAULT_FOREIGN);
    bad.pa.value = DMA_AT + DMA_IN;
    assert_bad(bad, ASH_FAULT_FOREIGN);
    bad.pa.value = good.pa.value + Q;
    assert_bad(bad, ASH_FAULT_MISALIGNED);
    bad.pa.value = good.pa.value + 3 * Q; /* its last quantum */
    assert_bad(bad, ASH_FAULT_MISALIGNED);
    bad.pa.value = good.pa.value + 1;
    assert_bad(bad, ASH_FAULT_MISALIGNED);
    bad.pa.value = DMA_AT + 50 * Q; /* never given out */
    assert_bad(bad, ASH_FAULT_DOUBLE_FREE);
    bad.pa.value = DMA_AT + 8 * Q;
    assert_bad(bad, ASH_FAULT_DOUBLE_FREE);
    bad = good;
    bad.size = 3 * Q;
    assert_bad(bad, ASH_FAULT_CORRUPT);
    bad.size = 5 * Q;
    assert_bad(bad, ASH_FAULT_CORRUPT);
    bad = good;
    bad.flags = ASH_PMEM_UNCACHED;
    assert_bad(bad, ASH_FAULT_CORRUPT);
    bad = second;
    bad.flags = ASH_PMEM_CACHED;
    assert_bad(bad, ASH_FAULT_CORRUPT);

    ash_pmem_stats(dma, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_true(bytes_are(good.ptr, 0x5a, 4 * Q));
    assert_view(second.pa.value, second.size, true);
    assert_int_equal(ash_pmem_free(&good), 0);
    assert_bad(good, ASH_FAULT_DOUBLE_FREE);
    assert_int_equal(ash_pmem_free(&second), 0);
    assert_bad(second, ASH_FAULT_DOUBLE_FREE);
    assert_all_free(dma);
}

static void lookup_finds_the_block(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem *other = machine_region("other", DMA_AT + DMA_IN, 8 * Q);
    struct ash_pmem_block blocks[3], found;

    (void)state;
    assert_int_equal(ash_pmem_alloc_at(dma, 2 * Q, 3 * Q, ASH_PMEM_UNCACHED, &blocks[0]), 0);
    assert_int_equal(ash_pmem_alloc_at(dma, DMA_IN - Q, Q, 0, &blocks[1]), 0);
    assert_int_equal(ash_pmem_alloc_at(other, 0, 8 * Q, 0, &blocks[2]), 0);
    for (uint64_t pa = DMA_AT - Q; pa < DMA_AT + DMA_IN + 9 * Q; pa += Q / 2) {
        const struct ash_pmem_block *expected = NULL;

        for (unsigned i = 0; i < 3; i++) {
            if (pa >= blocks[i].pa.value && pa < blocks[i].pa.value + blocks[i].size) {
                expected = &blocks[i];
            }
        }
        assert_int_equal(ash_pmem_lookup(ash_pa(pa), &found), expected ? 0 : ASH_ENOENT);
        assert_true(expected == NULL ||
                    (found.region == expected->region && found.ptr == expected->ptr &&
                     found.pa.value == expected->pa.value && found.size == expected->size &&
                     found.flags == expected->flags));
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ash_pmem_lookup(blocks[i].pa, &found), 0);
        assert_int_equal(ash_pmem_free(&found), 0);
    }
    assert_all_free(dma);
    assert_all_free(other);
}

static char printed[2048];
static size_t printed_length;

static int print(const char *format, ...)
{
    va_list list;
    int length;

    assert_false(sim_irq_masked);
    va_start(list, format);
    length = vsnprintf(printed + printed_length, sizeof(printed) - printed_length, format, list);
    va_end(list);
    printed_length += (size_t)length;
    return length;
}

static void report_says_what_there_is(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block a, b;

    (void)state;
    machine_region("empty", DMA_AT + DMA_IN, 2 * Q);
    assert_int_equal(ash_pmem_alloc_at(dma, 4 * Q, 2 * Q, ASH_PMEM_UNCACHED, &a), 0);
    assert_int_equal(ash_pmem_alloc_at(dma, 6 * Q, Q, 0, &b), 0);
    assert_int_equal(ash_pmem_get(&a), 0);
    assert_int_equal(ash_pmem_alloc_at(dma, 6 * Q, Q, 0, &b), ASH_EBUSY);
    assert_int_equal(
        ash_pmem_alloc_at(dma, 8 * Q, Q, ASH_PMEM_ORDERED | ASH_PMEM_OWNER(ASH_OWNER_DMA), &b), 0);
    assert_int_equal(ash_pmem_get(&b), 0);
    assert_int_equal(ash_pmem_free(&b), 0);
    printed_length = 0;
    ash_pmem_report(print);
    assert_string_equal(
        printed,
        "dma          0x050003000      384 KiB: 368 KiB free, largest 348 KiB, high water 16 KiB, "
        "3 blocks, 1 failures\n"
        "  0x050003000       16 KiB  free\n"
        "  0x050007000        8 KiB  uncached, 1 references\n"
        "  0x050009000        4 KiB  cached\n"
        "  0x05000a000        4 KiB  free\n"
        "  0x05000b000        4 KiB  ordered, dma, 1 references, freed\n"
        "  0x05000c000      348 KiB  free\n"
        "empty        0x050063000        8 KiB: 8 KiB free, largest 8 KiB, high water 0 KiB, "
        "0 blocks, 0 failures\n"
        "  0x050063000        8 KiB  free\n");
}

static void damaged_bookkeeping_is_noticed(void **state)
{
    struct ash_pmem *dma = machine_dma();

    (void)state;
    dma->blocks++;
    assert_int_equal(ash_pmem_verify(dma), ASH_ECORRUPT);
    dma->blocks--;
    dma->leaving++;
    assert_int_equal(ash_pmem_verify(dma), ASH_ECORRUPT);
    dma->leaving--;
    dma->owned[3]++;
    assert_int_equal(ash_pmem_verify(dma), ASH_ECORRUPT);
    dma->owned[3]--;
    dma->runs.tags[0].quanta++;
    assert_int_equal(ash_pmem_verify(dma), ASH_ECORRUPT);
    dma->runs.tags[0].quanta--;
    dma->runs.tree.node[1]--;
    assert_int_equal(ash_pmem_verify(dma), ASH_ECORRUPT);
    dma->runs.tree.node[1]++;
    assert_int_equal(ash_pmem_verify(dma), 0);
    dma->high_water = 97;
    assert_int_equal(ash_pmem_verify(dma), ASH_ECORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_are_checked),
        cmocka_unit_test(regions_must_be_plain_memory),
        cmocka_unit_test(regions_are_nobody_elses),
        cmocka_unit_test(bookkeeping_can_run_out),
        cmocka_unit_test(requests_are_checked),
        cmocka_unit_test(fixed_places),
        cmocka_unit_test(to_exhaustion_and_back),
        cmocka_unit_test(large_regions),
        cmocka_unit_test(bad_blocks_are_reported),
        cmocka_unit_test(lookup_finds_the_block),
        cmocka_unit_test(report_says_what_there_is),
        cmocka_unit_test(damaged_bookkeeping_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
