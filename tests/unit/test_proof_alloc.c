/* SPDX-License-Identifier: MIT */
/*
 * pmem, dma and the synchronisation of code on the hostile machine, with a device that does not
 * look into the cache: each barrier, invalidation and cache operation that they issue must be
 * missed.
 */
#include "ashlar/dma.h"
#include "tests/unit/pmem_machine.h"
#include "tests/unit/proof.h"

#define BUFFER_AT (ZONE_AT + 0x100000) /* outside of the region */
#define BYTES     1024u

static struct ash_pmem *region;
static struct ash_pmem_block block;
static struct ash_dma_device device;
static struct ash_dma_mapping mapping;
static struct ash_dma_buffer buffer;
static unsigned char data[BYTES];

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct kind {
    const char *name;
    enum sim_format format;
};

static void start(const void *kind)
{
    machine_format = ((const struct kind *)kind)->format;
    region = machine_dma();
    device = (struct ash_dma_device){.mask = UINT32_MAX};
    mapping = (struct ash_dma_mapping){0};
    must(ash_dma_init(&device) == 0);
    sim_set_cpus(2);
    /* Whoever had this memory before left dirty lines. */
    memset(data, 0x11, sizeof data);
    must(sim_write(DMA_AT, data, BYTES) && sim_write(BUFFER_AT, data, BYTES));
    sim_rest();
}

static void start_coherent(const void *kind)
{
    start(kind);
    device.coherent = true;
    sim_coherent_devices = true;
}

static void start_uncached(const void *kind)
{
    start(kind);
    must(ash_pmem_alloc(region, 4 * Q, 0, ASH_PMEM_UNCACHED, &block) == 0);
}

/* Blocks: the owner writes, the device answers in place. */

static void talk(uint64_t pa)
{
    memset(data, 0x22, sizeof data);
    must(sim_write(pa, data, BYTES));
    ash_dma_barrier();
    sim_device_start();
    sim_device_read(ash_pa(pa), data, BYTES);
    must(data[0] == 0x22 && data[BYTES - 1] == 0x22);
    data[0] = 0x33;
    sim_device_write(ash_pa(pa), data, BYTES);
    sim_device_done();
    ash_dma_barrier();
    must(sim_read(pa, data, BYTES));
    must(data[0] == 0x33);
}

static void uncached_block(void *arg)
{
    (void)arg;
    must(ash_pmem_alloc(region, 2 * Q, 0, ASH_PMEM_UNCACHED, &block) == 0);
    sim_rest();
    talk(block.pa.value);
}

static void uncached_block_as_it_was(void *arg)
{
    (void)arg;
    must(ash_pmem_alloc(region, 2 * Q, 0, ASH_PMEM_UNCACHED | ASH_PMEM_UNINIT, &block) == 0);
    sim_rest();
    must(sim_read(block.pa.value, data, BYTES));
    must(data[0] == 0x11);
}

static void uncached_block_for_a_device(void *arg)
{
    (void)arg;
    must(ash_pmem_alloc(region, 2 * Q, 0, ASH_PMEM_UNCACHED, &block) == 0);
    sim_rest();
    sim_device_start();
    sim_device_read(block.pa, data, BYTES);
    must(data[0] == 0);
}

static void uncached_block_ends(void *arg)
{
    (void)arg;
    memset(data, 0x44, sizeof data);
    must(sim_write(block.pa.value, data, BYTES));
    must(ash_pmem_free(&block) == 0);
    sim_rest();
    must(sim_read(block.pa.value, data, BYTES));
    must(data[0] == 0x44);
}

static void cached_block(void *arg)
{
    (void)arg;
    must(ash_pmem_alloc(region, 2 * Q, 0, ASH_PMEM_CACHED, &block) == 0);
    sim_device_read(block.pa, data, BYTES);
    must(data[0] == 0);
}

static void flush(void *arg)
{
    (void)arg;
    must(ash_pmem_alloc(region, 2 * Q, 0, ASH_PMEM_CACHED | ASH_PMEM_UNINIT, &block) == 0);
    memset(data, 0x55, sizeof data);
    must(sim_write(block.pa.value, data, BYTES));
    must(ash_pmem_flush(&block, 0, BYTES) == 0);
    sim_device_read(block.pa, data, BYTES);
    must(data[0] == 0x55);
}

static void flush_uncached(void *arg)
{
    (void)arg;
    memset(data, 0x55, sizeof data);
    must(sim_write(block.pa.value, data, BYTES));
    must(ash_pmem_flush(&block, 0, BYTES) == 0);
    sim_device_start();
    sim_device_read(block.pa, data, BYTES);
    must(data[0] == 0x55);
}

/* The same by other calls: asked for at its place, freed while somebody uses it. */
static void placed_block(void *arg)
{
    (void)arg;
    must(ash_pmem_alloc_at(region, 8 * Q, 2 * Q, ASH_PMEM_UNCACHED, &block) == 0);
    must(ash_pmem_get(&block) == 0);
    sim_rest();
    talk(block.pa.value);
    must(ash_pmem_free(&block) == 0);
    talk(block.pa.value);
    must(ash_pmem_put(&block) == 0);
    sim_rest();
    must(sim_read(block.pa.value, data, BYTES));
    must(data[0] == 0x33);
}

/* A device's buffer. */
static void coherent_buffer(void *arg)
{
    (void)arg;
    buffer = (struct ash_dma_buffer){0};
    must(ash_dma_alloc(&device, region, 2 * Q, &buffer) == 0);
    sim_rest();
    talk(buffer.block.pa.value);
    must(ash_dma_free(&buffer) == 0);
    sim_rest();
}

/* Streaming */

static void transfer(enum ash_dma_direction direction)
{
    memset(data, 0x66, sizeof data);
    must(sim_write(BUFFER_AT, data, BYTES));
    must(ash_dma_map(&device, ash_pa(BUFFER_AT), BYTES, direction, &mapping) == 0);
    sim_device_start();
    if (direction != ASH_DMA_FROM_DEVICE) {
        sim_device_read(ash_pa(BUFFER_AT), data, BYTES);
        must(data[0] == 0x66);
    }
    if (direction != ASH_DMA_TO_DEVICE) {
        memset(data, 0x77, sizeof data);
        sim_device_write(ash_pa(BUFFER_AT), data, BYTES);
    }
    sim_device_done();
}

static void finish(unsigned char expected)
{
    must(ash_dma_unmap(&mapping) == 0);
    must(sim_read(BUFFER_AT, data, BYTES));
    must(data[0] == expected && data[BYTES - 1] == expected);
}

static void to_device(void *arg)
{
    (void)arg;
    transfer(ASH_DMA_TO_DEVICE);
    finish(0x66);
}

static void from_device(void *arg)
{
    (void)arg;
    transfer(ASH_DMA_FROM_DEVICE);
    finish(0x77);
}

static void both_ways(void *arg)
{
    (void)arg;
    transfer(ASH_DMA_BIDIRECTIONAL);
    finish(0x77);
}

/* A part goes to the CPU, which answers, and back to the device. */
static void part_by_part(void *arg)
{
    (void)arg;
    transfer(ASH_DMA_BIDIRECTIONAL);
    must(ash_dma_sync_for_cpu(&mapping, 256, 256, ASH_DMA_BIDIRECTIONAL) == 0);
    must(sim_read(BUFFER_AT + 256, data, 256));
    must(data[0] == 0x77);
    memset(data, 0x88, 256);
    must(sim_write(BUFFER_AT + 256, data, 256));
    must(ash_dma_sync_for_device(&mapping, 256, 256, ASH_DMA_BIDIRECTIONAL) == 0);
    sim_device_start();
    sim_device_read(ash_pa(BUFFER_AT + 256), data, 256);
    must(data[0] == 0x88);
    memset(data, 0x99, sizeof data);
    sim_device_write(ash_pa(BUFFER_AT), data, BYTES);
    sim_device_done();
    finish(0x99);
}

/* The CPU writes more while the device only reads. */
static void more_to_device(void *arg)
{
    (void)arg;
    transfer(ASH_DMA_TO_DEVICE);
    must(ash_dma_sync_for_cpu(&mapping, 0, BYTES, ASH_DMA_TO_DEVICE) == 0);
    memset(data, 0xbb, sizeof data);
    must(sim_write(BUFFER_AT, data, BYTES));
    must(ash_dma_sync_for_device(&mapping, 0, BYTES, ASH_DMA_TO_DEVICE) == 0);
    sim_device_start();
    sim_device_read(ash_pa(BUFFER_AT), data, BYTES);
    must(data[0] == 0xbb && data[BYTES - 1] == 0xbb);
    sim_device_done();
    finish(0xbb);
}

/* The CPU looks at what has come, and the device goes on. */
static void more_from_device(void *arg)
{
    (void)arg;
    transfer(ASH_DMA_FROM_DEVICE);
    must(ash_dma_sync_for_cpu(&mapping, 0, BYTES, ASH_DMA_FROM_DEVICE) == 0);
    must(sim_read(BUFFER_AT, data, BYTES));
    must(data[0] == 0x77);
    must(ash_dma_sync_for_device(&mapping, 0, BYTES, ASH_DMA_FROM_DEVICE) == 0);
    sim_device_start();
    memset(data, 0xcc, sizeof data);
    sim_device_write(ash_pa(BUFFER_AT), data, BYTES);
    sim_device_done();
    finish(0xcc);
}

/* A part is the CPU's, and written to, when all of it ends: it must not be lost. */
static void part_stays(void *arg)
{
    (void)arg;
    transfer(ASH_DMA_BIDIRECTIONAL);
    must(ash_dma_sync_for_cpu(&mapping, 256, 256, ASH_DMA_BIDIRECTIONAL) == 0);
    memset(data, 0xaa, 256);
    must(sim_write(BUFFER_AT + 256, data, 256));
    sim_device_done();
    must(ash_dma_unmap(&mapping) == 0);
    must(sim_read(BUFFER_AT + 256, data, 256));
    must(data[0] == 0xaa);
    must(sim_read(BUFFER_AT, data, 256));
    must(data[0] == 0x77);
    must(sim_read(BUFFER_AT + 512, data, 512));
    must(data[0] == 0x77);
}

static void write_and_map_coherent(void *arg)
{
    (void)arg;
    transfer(ASH_DMA_BIDIRECTIONAL);
    finish(0x77);
}

/* Code that is loaded: written, made executable, synchronised, run. */
static void load_code(void *arg)
{
    static const uint32_t code[2] = {0xe3a00007, 0xe12fff1e};
    uint32_t fetched;

    (void)arg;
    must(sim_write(BUFFER_AT, code, sizeof code));
    must(ash_mmu_protect(&machine_map, ash_va(BUFFER_AT), Q, ASH_MMU_EXEC) == 0);
    port_code_sync(port_ptr(ash_pa(BUFFER_AT)), sizeof code);
    sim_rest();
    must(sim_fetch(BUFFER_AT + 4, &fetched) && fetched == code[1]);
}

/* Pages change type by break-before-make. */
#define RETYPED                                                                                    \
    D_AT(SIM_DSB_ISHST, 1, RULE(7)), D(SIM_TLBI_PAGE, RULE(7)), D_AT(SIM_DSB_ISH, 1, RULE(7)),     \
        W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(7)), GLOBAL_BY_ASID,                                  \
        NEEDLESS(SIM_ISB, SIM_DROPPED, 1, "the break needs no ISB: that of the make comes"),       \
        D_AT(SIM_ISB, 2, RULE(1))

#define BREAK_ISB   "the break needs no ISB: that of the make comes"
#define OWN_BARRIER "the owner's own barrier orders the zeros as well"

static const struct proof_expected opened[] = {
    RETYPED,
    D_AT(SIM_DSB_ISHST, 2, RULE(1)),
    W(SIM_DSB_ISHST, SIM_NSH, RULE(1) | RULE(13)),
    D(SIM_CACHE_CLEAN_INVALIDATE, RULE(24)),
    W(SIM_CACHE_CLEAN_INVALIDATE, SIM_UNFINISHED, RULE(24)),
    NEEDLESS(SIM_DSB_SY, SIM_DROPPED, 0, OWN_BARRIER),
    NEEDLESS(SIM_DSB_SY, SIM_STORES_ONLY, 0, OWN_BARRIER),
    D(SIM_DMB_SY, RULE(21)),
};

static const struct proof_expected opened_for_device[] = {
    RETYPED,
    D_AT(SIM_DSB_ISHST, 2, RULE(1)),
    W(SIM_DSB_ISHST, SIM_NSH, RULE(1) | RULE(13)),
    D(SIM_CACHE_CLEAN_INVALIDATE, RULE(24)),
    W(SIM_CACHE_CLEAN_INVALIDATE, SIM_UNFINISHED, RULE(24)),
    D(SIM_DSB_SY, RULE(21)),
    W(SIM_DSB_SY, SIM_STORES_ONLY, RULE(21)),
};

static const struct proof_expected closed[] = {
    RETYPED,
    D_AT(SIM_DSB_ISHST, 2, RULE(1)),
    D(SIM_DSB_SY, RULE(24)),
    W(SIM_DSB_SY, SIM_STORES_ONLY, RULE(24)),
};

static const struct proof_expected opened_and_closed[] = {
    D(SIM_DSB_ISHST, RULE(7) | RULE(1)),
    W(SIM_DSB_ISHST, SIM_NSH, RULE(1) | RULE(13)),
    D(SIM_TLBI_PAGE, RULE(7)),
    D(SIM_DSB_ISH, RULE(7)),
    W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(7)),
    GLOBAL_BY_ASID,
    OR_LATER(SIM_ISB, SIM_DROPPED, RULE(1), BREAK_ISB),
    D(SIM_CACHE_CLEAN_INVALIDATE, RULE(24)),
    W(SIM_CACHE_CLEAN_INVALIDATE, SIM_UNFINISHED, RULE(24)),
    OR_LATER(SIM_DSB_SY, SIM_DROPPED, RULE(24), OWN_BARRIER),
    OR_LATER(SIM_DSB_SY, SIM_STORES_ONLY, RULE(24), OWN_BARRIER),
    D(SIM_DMB_SY, RULE(21)),
};

static const struct proof_expected cleaned[] = {
    D(SIM_CACHE_CLEAN, RULE(21)),
    W(SIM_CACHE_CLEAN, SIM_UNFINISHED, RULE(21)),
    D(SIM_CACHE_CLEAN_INVALIDATE, RULE(21)),
    W(SIM_CACHE_CLEAN_INVALIDATE, SIM_UNFINISHED, RULE(21)),
    D(SIM_DSB_SY, RULE(21)),
    W(SIM_DSB_SY, SIM_STORES_ONLY, RULE(21)),
};

#define STORES_WAIT "the invalidation after it ends with a DSB SY"
static const struct proof_expected streamed[] = {
    D(SIM_CACHE_CLEAN, RULE(21)),
    W(SIM_CACHE_CLEAN, SIM_UNFINISHED, RULE(21)),
    D(SIM_CACHE_CLEAN_INVALIDATE, RULE(21)),
    W(SIM_CACHE_CLEAN_INVALIDATE, SIM_UNFINISHED, RULE(21)),
    D(SIM_CACHE_INVALIDATE, RULE(21)),
    W(SIM_CACHE_INVALIDATE, SIM_UNFINISHED, RULE(21)),
    NEEDLESS(SIM_DMB_SY, SIM_DROPPED, 0, STORES_WAIT),
};

static const struct proof_expected streamed_part[] = {
    D(SIM_CACHE_CLEAN_INVALIDATE, RULE(21)),
    W(SIM_CACHE_CLEAN_INVALIDATE, SIM_UNFINISHED, RULE(21)),
    NEEDLESS(SIM_CACHE_CLEAN_INVALIDATE, SIM_DROPPED, 2,
             "what the CPU wrote may stay in its cache"),
    NEEDLESS(SIM_CACHE_CLEAN_INVALIDATE, SIM_UNFINISHED, 2,
             "what the CPU wrote may stay in its cache"),
    D(SIM_CACHE_INVALIDATE, RULE(21)),
    W(SIM_CACHE_INVALIDATE, SIM_UNFINISHED, RULE(21)),
    NEEDLESS(SIM_CACHE_INVALIDATE, SIM_UNFINISHED, 2, "that of the last part ends with a DSB SY"),
    NEEDLESS(SIM_DMB_SY, SIM_DROPPED, 0, STORES_WAIT),
};

static const struct proof_expected streamed_to[] = {
    D(SIM_CACHE_CLEAN, RULE(21)),
    W(SIM_CACHE_CLEAN, SIM_UNFINISHED, RULE(21)),
    D(SIM_DMB_SY, RULE(21)),
};

/* The CPU only writes, or only reads, what it was handed in between. */
#define NO_LOADS  "the CPU loads nothing there before the barrier of the end"
#define NO_STORES "the CPU stored nothing there, and the lines are dropped at the end"
static const struct proof_expected streamed_to_twice[] = {
    D(SIM_CACHE_CLEAN, RULE(21)),
    W(SIM_CACHE_CLEAN, SIM_UNFINISHED, RULE(21)),
    OR_LATER(SIM_DMB_SY, SIM_DROPPED, RULE(21), NO_LOADS),
};

static const struct proof_expected streamed_from_twice[] = {
    D(SIM_CACHE_CLEAN_INVALIDATE, RULE(21)),
    W(SIM_CACHE_CLEAN_INVALIDATE, SIM_UNFINISHED, RULE(21)),
    NEEDLESS(SIM_CACHE_CLEAN_INVALIDATE, SIM_DROPPED, 2, NO_STORES),
    NEEDLESS(SIM_CACHE_CLEAN_INVALIDATE, SIM_UNFINISHED, 2, NO_STORES),
    D(SIM_CACHE_INVALIDATE, RULE(21)),
    W(SIM_CACHE_INVALIDATE, SIM_UNFINISHED, RULE(21)),
    NEEDLESS(SIM_DMB_SY, SIM_DROPPED, 0, STORES_WAIT),
};

static const struct proof_expected coherent_to_twice[] = {
    D(SIM_DSB_SY, RULE(21)),
    W(SIM_DSB_SY, SIM_STORES_ONLY, RULE(21)),
    OR_LATER(SIM_DMB_SY, SIM_DROPPED, RULE(21), NO_LOADS),
};

static const struct proof_expected coherent_from_twice[] = {
    D(SIM_DSB_SY, RULE(21)),
    W(SIM_DSB_SY, SIM_STORES_ONLY, RULE(21)),
    NEEDLESS(SIM_DSB_SY, SIM_DROPPED, 2, NO_STORES),
    NEEDLESS(SIM_DSB_SY, SIM_STORES_ONLY, 2, NO_STORES),
    D(SIM_DMB_SY, RULE(21)),
};

static const struct proof_expected coherent[] = {
    D(SIM_DSB_SY, RULE(21)),
    W(SIM_DSB_SY, SIM_STORES_ONLY, RULE(21)),
    D(SIM_DMB_SY, RULE(21)),
};

static const struct proof_expected loaded[] = {
    D(SIM_DSB_ISHST, RULE(3)),
    W(SIM_DSB_ISHST, SIM_NSH, RULE(13)),
    D(SIM_TLBI_PAGE, RULE(3)),
    GLOBAL_BY_ASID,
    D(SIM_BRANCH_SYNC, RULE(33)),
    NEEDLESS(SIM_DSB_ISH, SIM_DROPPED, 0, "the code sync after it ends with a DSB"),
    NEEDLESS(SIM_DSB_ISH, SIM_NSH, 0, "the code sync after it ends with a DSB"),
    NEEDLESS(SIM_DSB_ISH, SIM_STORES_ONLY, 0, "the code sync after it ends with a DSB"),
    NEEDLESS(SIM_ISB, SIM_DROPPED, 0, "the code sync after it ends with an ISB"),
    D(SIM_CODE_SYNC, RULE(22)),
    W(SIM_CODE_SYNC, SIM_DATA_ONLY, RULE(22)),
    W(SIM_CODE_SYNC, SIM_INSTRUCTIONS_ONLY, RULE(22)),
};

static const struct proof_expected loaded_aarch64[] = {
    D(SIM_DSB_ISHST, RULE(3)),
    W(SIM_DSB_ISHST, SIM_NSH, RULE(13)),
    D(SIM_TLBI_PAGE, RULE(3)),
    GLOBAL_BY_ASID,
    NEEDLESS(SIM_BRANCH_SYNC, SIM_DROPPED, 0, "AArch64 has no branch predictors to tell"),
    NEEDLESS(SIM_DSB_ISH, SIM_DROPPED, 0, "the code sync after it ends with a DSB"),
    NEEDLESS(SIM_DSB_ISH, SIM_NSH, 0, "the code sync after it ends with a DSB"),
    NEEDLESS(SIM_DSB_ISH, SIM_STORES_ONLY, 0, "the code sync after it ends with a DSB"),
    NEEDLESS(SIM_ISB, SIM_DROPPED, 0, "the code sync after it ends with an ISB"),
    D(SIM_CODE_SYNC, RULE(22)),
    W(SIM_CODE_SYNC, SIM_DATA_ONLY, RULE(22)),
    W(SIM_CODE_SYNC, SIM_INSTRUCTIONS_ONLY, RULE(22)),
};

static const struct proof proofs[] = {
    PROOF(uncached_block, start, opened),
    PROOF(uncached_block_as_it_was, start, opened),
    PROOF(uncached_block_for_a_device, start, opened_for_device),
    PROOF(uncached_block_ends, start_uncached, closed),
    PROOF(placed_block, start, opened_and_closed),
    PROOF(coherent_buffer, start, opened_and_closed),
    PROOF(cached_block, start, cleaned),
    PROOF(flush, start, cleaned),
    PROOF(flush_uncached, start_uncached, cleaned),
    PROOF(to_device, start, streamed_to),
    PROOF(from_device, start, streamed),
    PROOF(both_ways, start, streamed),
    PROOF(part_by_part, start, streamed),
    PROOF(more_to_device, start, streamed_to_twice),
    PROOF(more_from_device, start, streamed_from_twice),
    PROOF(more_to_device, start_coherent, coherent_to_twice),
    PROOF(more_from_device, start_coherent, coherent_from_twice),
    PROOF(part_stays, start, streamed_part),
    PROOF(write_and_map_coherent, start_coherent, coherent),
};

static const struct proof code_aarch32[] = {PROOF(load_code, start, loaded)};
static const struct proof code_aarch64[] = {PROOF(load_code, start, loaded_aarch64)};

static void every_step_is_needed(void **state)
{
    static const struct kind lpae = {"LPAE", SIM_LPAE}, a64 = {"AArch64", SIM_A64};
    struct proof_result result = {0};

    (void)state;
    proof_attack_all(proofs, COUNT(proofs), lpae.name, &lpae, &result);
    proof_attack_all(proofs, COUNT(proofs), a64.name, &a64, &result);
    proof_attack_all(code_aarch32, COUNT(code_aarch32), lpae.name, &lpae, &result);
    proof_attack_all(code_aarch64, COUNT(code_aarch64), a64.name, &a64, &result);
    printf("# %u runs were stopped, %u steps are redundant\n", result.stopped, result.redundant);
    assert_int_equal(result.wrong, 0);
    assert_true(result.stopped > 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
