/* SPDX-License-Identifier: MIT */
/*
 * Random operations on a region against a model: one byte a quantum, and the definition of each
 * constraint, tried at every address.
 */
#include "tests/unit/pmem_machine.h"

#define QUANTA 96u
#define LIVE   24u
#define STEPS  6000u

struct live {
    bool used;
    struct ash_pmem_block block;
    unsigned refs;
    uint8_t pattern;
};

static struct live live[LIVE];
static uint8_t taken[QUANTA]; /* 1 where a block is */
static uint32_t high_water, failures;

static uint64_t address(unsigned quantum)
{
    return DMA_AT + quantum * Q;
}

static bool is_allowed(const struct ash_pmem_request *request, unsigned quantum, unsigned quanta)
{
    uint64_t first = address(quantum);
    uint64_t last = first + quanta * Q - 1;

    for (unsigned i = quantum; i < quantum + quanta; i++) {
        if (i >= QUANTA || taken[i]) {
            return false;
        }
    }
    return (request->align == 0 || first % request->align == 0) &&
           (request->boundary == 0 || first / request->boundary == last / request->boundary) &&
           first >= request->min && (request->max == 0 || last <= request->max);
}

static uint32_t used_quanta(void)
{
    uint32_t used = 0;

    for (unsigned i = 0; i < QUANTA; i++) {
        used += taken[i];
    }
    return used;
}

static void now_lives(struct live *slot, const struct ash_pmem_block *block, uint32_t flags)
{
    unsigned at = (unsigned)((block->pa.value - DMA_AT) / Q);

    slot->used = true;
    slot->block = *block;
    slot->refs = 0;
    slot->pattern = (uint8_t)(1 + support_random_below(255));
    assert_int_equal(block->flags, flags & ASH_PMEM_UNCACHED);
    assert_ptr_equal(block->ptr, port_ptr(block->pa));
    if ((flags & ASH_PMEM_UNINIT) == 0) {
        assert_true(bytes_are(block->ptr, 0, block->size));
    }
    assert_view(block->pa.value, block->size, (flags & ASH_PMEM_UNCACHED) != 0);
    memset(block->ptr, slot->pattern, block->size);
    memset(&taken[at], 1, block->size / Q);
    high_water = used_quanta() > high_water ? used_quanta() : high_water;
}

static void try_request(struct ash_pmem *dma, struct live *slot)
{
    unsigned quanta = 1 + support_random_below(support_random_below(4) == 0 ? 40 : 6);
    struct ash_pmem_request request = {
        .size = quanta * Q - support_random_below((uint32_t)Q),
        .flags = support_random_below(4),
    };
    struct ash_pmem_block block;
    unsigned expected = 0;
    int error;

    if (support_random_below(2)) {
        request.align = Q << support_random_below(6);
    }
    if (support_random_below(3) == 0) {
        request.boundary = Q << (6 + support_random_below(2));
    }
    if (support_random_below(3) == 0) {
        request.min = address(support_random_below(60)) + support_random_below(2) * 77;
        request.max = request.min + (quanta + support_random_below(40)) * Q;
    }
    while (expected < QUANTA && !is_allowed(&request, expected, quanta)) {
        expected++;
    }
    error = ash_pmem_alloc_request(dma, &request, &block);
    assert_int_equal(error, expected < QUANTA ? 0 : ASH_ENOMEM);
    if (error == 0) {
        assert_int_equal(block.pa.value, address(expected));
        assert_int_equal(block.size, quanta * Q);
        now_lives(slot, &block, request.flags);
    } else {
        failures++;
    }
}

static void try_place(struct ash_pmem *dma, struct live *slot)
{
    const struct ash_pmem_request open = {.size = Q};
    unsigned at = support_random_below(QUANTA);
    unsigned quanta = 1 + support_random_below(QUANTA - at < 12 ? QUANTA - at : 12);
    uint32_t flags = support_random_below(4);
    struct ash_pmem_block block;
    int error = ash_pmem_alloc_at(dma, at * Q, quanta * Q, flags, &block);

    assert_int_equal(error, is_allowed(&open, at, quanta) ? 0 : ASH_EBUSY);
    if (error == 0) {
        assert_int_equal(block.pa.value, address(at));
        assert_int_equal(block.size, quanta * Q);
        now_lives(slot, &block, flags);
    } else {
        failures++;
    }
}

static void try_free(struct live *slot)
{
    int error = ash_pmem_free(&slot->block);

    assert_int_equal(error, slot->refs != 0 ? ASH_EBUSY : 0);
    if (error == 0) {
        assert_true(bytes_are(slot->block.ptr, slot->pattern, slot->block.size));
        memset(&taken[(slot->block.pa.value - DMA_AT) / Q], 0, slot->block.size / Q);
        assert_view(slot->block.pa.value, slot->block.size, false);
        slot->used = false;
        /* A second time is reported, if nobody has taken the place meanwhile. */
        support_faults.count = 0;
        assert_int_equal(ash_pmem_free(&slot->block), ASH_ECORRUPT);
        assert_int_equal(support_faults.count, 1);
        assert_int_equal(support_faults.last.kind, ASH_FAULT_DOUBLE_FREE);
        support_faults.count = 0;
    }
}

static void assert_figures(struct ash_pmem *dma)
{
    struct ash_pmem_stats stats;
    uint32_t longest = 0, run = 0, blocks = 0;

    for (unsigned i = 0; i < QUANTA; i++) {
        run = taken[i] ? 0 : run + 1;
        longest = run > longest ? run : longest;
    }
    for (unsigned i = 0; i < LIVE; i++) {
        blocks += live[i].used;
    }
    ash_pmem_stats(dma, &stats);
    assert_int_equal(stats.range.base.value, DMA_AT);
    assert_int_equal(stats.range.size, DMA_IN);
    assert_int_equal(stats.free, (QUANTA - used_quanta()) * Q);
    assert_int_equal(stats.largest, longest * Q);
    assert_int_equal(stats.blocks, blocks);
    assert_int_equal(stats.high_water, high_water * Q);
    assert_int_equal(stats.failures, failures);
    assert_at_rest(dma);
}

static void matches_the_model(void **state)
{
    struct ash_pmem *dma = machine_dma();
    unsigned allocated = 0;

    (void)state;
    support_seed(2024);
    for (unsigned step = 0; step < STEPS; step++) {
        struct live *slot = &live[support_random_below(LIVE)];

        if (slot->used) {
            switch (support_random_below(6)) {
            case 0:
                assert_int_equal(ash_pmem_get(&slot->block), 0);
                slot->refs++;
                break;
            case 1:
                if (slot->refs != 0) {
                    assert_int_equal(ash_pmem_put(&slot->block), 0);
                    slot->refs--;
                }
                break;
            default:
                try_free(slot);
                break;
            }
        } else if (support_random_below(3) != 0) {
            try_request(dma, slot);
        } else {
            try_place(dma, slot);
        }
        allocated += slot->used;
        assert_figures(dma);
    }
    assert_true(allocated > STEPS / 4 && failures > STEPS / 50);
    assert_int_equal(support_faults.count, 0);
    for (unsigned i = 0; i < LIVE; i++) {
        while (live[i].used) {
            if (live[i].refs != 0) {
                assert_int_equal(ash_pmem_put(&live[i].block), 0);
                live[i].refs--;
            } else {
                try_free(&live[i]);
            }
        }
    }
    assert_all_free(dma);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
