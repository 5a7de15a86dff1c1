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
static uint32_t high_water, failures, held;

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

/* The lowest place in [from, end), or QUANTA. */
static unsigned lowest(const struct ash_pmem_request *request, unsigned from, unsigned end,
                       unsigned quanta)
{
    for (unsigned at = from; at + quanta <= end; at++) {
        if (is_allowed(request, at, quanta)) {
            return at;
        }
    }
    return QUANTA;
}

static bool all_free(unsigned at, unsigned quanta)
{
    const struct ash_pmem_request open = {.size = Q};

    return is_allowed(&open, at, quanta);
}

/* A power of two at a multiple of itself: the lowest place. All else: the lowest place in the run
 * that has the lowest aligned block in which it fits wherever that lies; without one the lowest
 * place. */
static unsigned expected_place(const struct ash_pmem_request *request, unsigned quanta)
{
    unsigned align = request->align == 0 ? 1 : (unsigned)(request->align / Q), fits = align;

    while (fits < quanta) {
        fits *= 2;
    }
    for (unsigned at = 0; at < QUANTA && !(fits == quanta && align == quanta); at++) {
        if (address(at) >= request->min && address(at) / Q % fits == 0 && all_free(at, fits)) {
            unsigned begin = at, end = at, place;

            while (begin > 0 && !taken[begin - 1]) {
                begin--;
            }
            while (end < QUANTA && !taken[end]) {
                end++;
            }
            place = lowest(request, begin, end, quanta);
            if (place < QUANTA) {
                return place;
            }
            break;
        }
    }
    return lowest(request, 0, QUANTA, quanta);
}

static uint32_t random_flags(void)
{
    static const uint32_t views[] = {ASH_PMEM_CACHED, ASH_PMEM_UNCACHED, ASH_PMEM_ORDERED};

    return views[support_random_below(3)] | (support_random_below(2) ? ASH_PMEM_UNINIT : 0);
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
    assert_int_equal(block->flags, flags & (ASH_PMEM_UNCACHED | ASH_PMEM_ORDERED));
    assert_ptr_equal(block->ptr, port_ptr(block->pa));
    if ((flags & ASH_PMEM_UNINIT) == 0) {
        assert_true(bytes_are(block->ptr, 0, block->size));
    }
    assert_memory(block->pa.value, block->size, block->flags);
    memset(block->ptr, slot->pattern, block->size);
    memset(&taken[at], 1, block->size / Q);
    high_water = used_quanta() > high_water ? used_quanta() : high_water;
}

static void try_request(struct ash_pmem *dma, struct live *slot)
{
    unsigned quanta = 1 + support_random_below(support_random_below(4) == 0 ? 40 : 6);
    struct ash_pmem_request request = {
        .size = quanta * Q - support_random_below((uint32_t)Q),
        .flags = random_flags(),
    };
    struct ash_pmem_block block;
    unsigned expected;
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
    expected = expected_place(&request, quanta);
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
    uint32_t flags = random_flags();
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
    unsigned refs = slot->refs;

    assert_int_equal(ash_pmem_free(&slot->block), 0);
    for (; slot->refs > 0; slot->refs--) { /* held: nothing has changed yet */
        assert_true(bytes_are(slot->block.ptr, slot->pattern, slot->block.size));
        assert_memory(slot->block.pa.value, slot->block.size, slot->block.flags);
        assert_at_rest(slot->block.region);
        assert_int_equal(ash_pmem_put(&slot->block), 0);
    }
    held += refs > 0;
    assert_true(bytes_are(slot->block.ptr, slot->pattern, slot->block.size));
    memset(&taken[(slot->block.pa.value - DMA_AT) / Q], 0, slot->block.size / Q);
    assert_view(slot->block.pa.value, slot->block.size, false);
    slot->used = false;
    /* A second time is reported, as nobody has taken the place meanwhile. */
    support_faults.count = 0;
    assert_int_equal(ash_pmem_free(&slot->block), ASH_ECORRUPT);
    assert_int_equal(support_faults.count, 1);
    assert_int_equal(support_faults.last.kind, ASH_FAULT_DOUBLE_FREE);
    support_faults.count = 0;
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
    assert_true(allocated > STEPS / 4 && failures > STEPS / 50 && held > 50);
    assert_int_equal(support_faults.count, 0);
    for (unsigned i = 0; i < LIVE; i++) {
        if (live[i].used) {
            try_free(&live[i]);
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
