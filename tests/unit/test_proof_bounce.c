/* SPDX-License-Identifier: MIT */
/*
 * Mappings that go through a bounce buffer, on the hostile machine: each barrier and cache
 * operation on the copy must be missed. What is left of its slots must read zero to the device.
 */
#include "ashlar/dma.h"
#include "tests/unit/pmem_machine.h"
#include "tests/unit/proof.h"

#define OFFSET  0x20000000
#define FAR_AT  (FIXED_AT + 0x10000) /* the device does not reach it */
#define BYTES   1000u
#define PART    256u
#define POOL_IN (4 * Q)

static struct ash_pmem *region;
static struct ash_dma_device device;
static struct ash_dma_bounce bounce;
static struct ash_dma_mapping mapping;
static unsigned char data[ASH_DMA_SLOT];

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct kind {
    const char *name;
    bool coherent;
};

static void start(const void *kind)
{
    region = machine_dma();
    mapping = (struct ash_dma_mapping){0};
    bounce = (struct ash_dma_bounce){.slots = 0};
    device = (struct ash_dma_device){
        .mask = 0x7fffffff, .bus_offset = OFFSET, .keep = 127, .bounce = &bounce};
    device.coherent = ((const struct kind *)kind)->coherent;
    must(ash_dma_bounce_create(&bounce, "copies", region, POOL_IN, &device) == 0);
    must(ash_dma_init(&device) == 0);
    sim_coherent_devices = device.coherent;
    memset(data, 0x11, sizeof data);
    must(sim_write(FAR_AT, data, BYTES));
    sim_rest();
}

/* Whoever had the slots before has left something there. */
static void start_used(const void *kind)
{
    start(kind);
    must(ash_dma_map(&device, ash_pa(FAR_AT + 4096), sizeof data, ASH_DMA_BIDIRECTIONAL,
                     &mapping) == 0);
    memset(data, 0xee, sizeof data);
    sim_device_write(mapping.work, data, sizeof data);
    must(ash_dma_unmap(&mapping) == 0);
}

static void cpu_writes(uint64_t offset, int value, size_t size)
{
    memset(data, value, size);
    must(sim_write(FAR_AT + offset, data, size));
}

static void cpu_finds(uint64_t offset, int value, size_t size)
{
    must(sim_read(FAR_AT + offset, data, size));
    must(bytes_are(data, value, size));
}

static void device_writes(uint64_t offset, int value, size_t size)
{
    memset(data, value, size);
    sim_device_write(ash_pa(mapping.work.value + offset), data, size);
}

static void device_finds(uint64_t offset, int value, size_t size)
{
    sim_device_read(ash_pa(mapping.work.value + offset), data, size);
    must(bytes_are(data, value, size));
}

static void transfer(enum ash_dma_direction direction)
{
    cpu_writes(0x64, 0x66, BYTES);
    must(ash_dma_map(&device, ash_pa(FAR_AT + 0x64), BYTES, direction, &mapping) == 0);
    must(ash_dma_is_bounced(&mapping));
    sim_device_start();
    device_finds(0, 0x66, BYTES);
    if (direction != ASH_DMA_TO_DEVICE) {
        device_writes(0, 0x77, BYTES);
    }
    sim_device_done();
}

static void finish(int expected)
{
    must(ash_dma_unmap(&mapping) == 0);
    cpu_finds(0x64, expected, BYTES);
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

static void padding(void *arg)
{
    uint64_t before, after;

    (void)arg;
    transfer(ASH_DMA_FROM_DEVICE);
    before = mapping.work.value - bounce.block.pa.value;
    after = ASH_DMA_SLOT - before - BYTES;
    must(before == 0x64);
    sim_device_read(bounce.block.pa, data, (size_t)before);
    must(bytes_are(data, 0, before));
    sim_device_read(ash_pa(mapping.work.value + BYTES), data, (size_t)after);
    must(bytes_are(data, 0, after));
    finish(0x77);
}

/* From the first line of the copy on, which is not the mapping's first byte. */
#define FIRST (128u - 0x64)

static void part_by_part(void *arg)
{
    (void)arg;
    transfer(ASH_DMA_BIDIRECTIONAL);
    must(ash_dma_sync_for_cpu(&mapping, FIRST, PART, ASH_DMA_BIDIRECTIONAL) == 0);
    cpu_finds(0x64 + FIRST, 0x77, PART);
    cpu_writes(0x64 + FIRST, 0x88, PART);
    device_writes(0, 0x99, FIRST);
    must(ash_dma_sync_for_device(&mapping, FIRST, PART, ASH_DMA_BIDIRECTIONAL) == 0);
    sim_device_start();
    device_finds(0, 0x99, FIRST);
    device_finds(FIRST, 0x88, PART);
    device_finds(FIRST + PART, 0x77, BYTES - FIRST - PART);
    device_writes(0, 0xaa, BYTES);
    sim_device_done();
    finish(0xaa);
}

static void more_to_device(void *arg)
{
    (void)arg;
    transfer(ASH_DMA_TO_DEVICE);
    must(ash_dma_sync_for_cpu(&mapping, 3, 500, ASH_DMA_TO_DEVICE) == 0);
    cpu_writes(0x64 + 3, 0xbb, 500);
    must(ash_dma_sync_for_device(&mapping, 3, 500, ASH_DMA_TO_DEVICE) == 0);
    sim_device_start();
    device_finds(3, 0xbb, 500);
    sim_device_done();
    must(ash_dma_unmap(&mapping) == 0);
    cpu_finds(0x64 + 3, 0xbb, 500);
}

/* A part is the CPU's, and written to, when all of it ends. */
static void part_stays(void *arg)
{
    (void)arg;
    transfer(ASH_DMA_FROM_DEVICE);
    must(ash_dma_sync_for_cpu(&mapping, FIRST, PART, ASH_DMA_FROM_DEVICE) == 0);
    cpu_writes(0x64 + FIRST, 0xcc, PART);
    device_writes(0, 0xdd, FIRST);
    device_writes(FIRST + PART, 0xdd, BYTES - FIRST - PART);
    sim_device_done();
    must(ash_dma_unmap(&mapping) == 0);
    cpu_finds(0x64, 0xdd, FIRST);
    cpu_finds(0x64 + FIRST, 0xcc, PART);
    cpu_finds(0x64 + FIRST + PART, 0xdd, BYTES - FIRST - PART);
}

#define NOBODY_LOOKS "no one looks at the rest of the slots here"
#define LATER        "maintenance after it ends with a DSB SY"

/* The first two clean what the copy leaves over. */
static const struct proof_expected cleaned[] = {
    D(SIM_CACHE_CLEAN, RULE(21)),
    W(SIM_CACHE_CLEAN, SIM_UNFINISHED, RULE(21)),
    NEEDLESS(SIM_CACHE_CLEAN, SIM_DROPPED, 1, NOBODY_LOOKS),
    NEEDLESS(SIM_CACHE_CLEAN, SIM_DROPPED, 2, NOBODY_LOOKS),
    NEEDLESS(SIM_CACHE_CLEAN, SIM_UNFINISHED, 1, LATER),
    NEEDLESS(SIM_CACHE_CLEAN, SIM_UNFINISHED, 2, LATER),
    D(SIM_DMB_SY, RULE(21)),
};

static const struct proof_expected streamed[] = {
    NEEDLESS(SIM_CACHE_CLEAN, SIM_DROPPED, 0, NOBODY_LOOKS),
    NEEDLESS(SIM_CACHE_CLEAN, SIM_UNFINISHED, 0, LATER),
    D(SIM_CACHE_CLEAN_INVALIDATE, RULE(21)),
    W(SIM_CACHE_CLEAN_INVALIDATE, SIM_UNFINISHED, RULE(21)),
    D(SIM_CACHE_INVALIDATE, RULE(21)),
    W(SIM_CACHE_INVALIDATE, SIM_UNFINISHED, RULE(21)),
    NEEDLESS(SIM_DMB_SY, SIM_DROPPED, 0, LATER),
};

static const struct proof_expected padded[] = {
    D(SIM_CACHE_CLEAN, RULE(21)),
    NEEDLESS(SIM_CACHE_CLEAN, SIM_UNFINISHED, 0, LATER),
    D(SIM_CACHE_CLEAN_INVALIDATE, RULE(21)),
    W(SIM_CACHE_CLEAN_INVALIDATE, SIM_UNFINISHED, RULE(21)),
    D(SIM_CACHE_INVALIDATE, RULE(21)),
    W(SIM_CACHE_INVALIDATE, SIM_UNFINISHED, RULE(21)),
    NEEDLESS(SIM_DMB_SY, SIM_DROPPED, 0, LATER),
};

static const struct proof_expected coherent[] = {
    D(SIM_DSB_SY, RULE(21)),
    W(SIM_DSB_SY, SIM_STORES_ONLY, RULE(21)),
    D(SIM_DMB_SY, RULE(21)),
};

static const struct proof incoherent_proofs[] = {
    PROOF(to_device, start_used, cleaned),     PROOF(from_device, start_used, streamed),
    PROOF(both_ways, start_used, streamed),    PROOF(padding, start_used, padded),
    PROOF(part_by_part, start_used, streamed), PROOF(more_to_device, start_used, cleaned),
    PROOF(part_stays, start_used, streamed),
};

static const struct proof coherent_proofs[] = {
    PROOF(to_device, start, coherent),    PROOF(from_device, start, coherent),
    PROOF(both_ways, start, coherent),    PROOF(padding, start, coherent),
    PROOF(part_by_part, start, coherent), PROOF(more_to_device, start, coherent),
    PROOF(part_stays, start, coherent),
};

static void every_step_is_needed(void **state)
{
    static const struct kind alone = {"not coherent", false}, together = {"coherent", true};
    struct proof_result result = {0};

    (void)state;
    proof_attack_all(incoherent_proofs, COUNT(incoherent_proofs), alone.name, &alone, &result);
    proof_attack_all(coherent_proofs, COUNT(coherent_proofs), together.name, &together, &result);
    printf("# %u runs were stopped, %u steps are redundant\n", result.stopped, result.redundant);
    assert_int_equal(result.wrong, 0);
    assert_true(result.stopped > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
