/* SPDX-License-Identifier: MIT */
/*
 * The driver of BCM283x's DMA engine: the control blocks that it makes move what was asked for,
 * within the limits of the channel, and every end that a transfer can come to is told. The engine
 * is the test's, which reads control blocks as chapter 4.2.1 of "BCM2835 ARM Peripherals" says.
 */
#include "board/dev/bcm2835_dma.c"
#include "tests/unit/pmem_machine.h"

#define OFFSET   0x20000000
#define IRQ      36u
#define AT       (ZONE_AT + 0x100000) /* memory that is moved, outside of the region */
#define SPAN     0x40000u
#define LITE     9u
#define FULL     5u
#define REGISTER (DMA_CHANNEL_BYTES / 4)

const struct ash_board ash_board = {.bus_offset = OFFSET};

static uint32_t registers[REGISTER] __attribute__((aligned(4096)));
static struct ash_device device;
static bool present;
static void (*handler)(void *arg);
static void *handler_arg;
static uint32_t handled_irq;
static uint64_t now;
static int attach_error;

const struct ash_device *ash_platform_device(const char *name, unsigned n)
{
    return present && n == 0 && strcmp(name, "brcm,bcm2835-dma") == 0 ? &device : NULL;
}

int ash_map_device(ash_pa_t pa, uint64_t size, ash_va_t *va)
{
    assert_int_equal(size, 0x1000);
    *va = ash_va((uintptr_t)pa.value);
    return 0;
}

int ash_irq_attach(uint32_t irq, void (*function)(void *arg), void *arg)
{
    if (attach_error == 0) {
        handled_irq = irq;
        handler = function;
        handler_arg = arg;
    }
    return attach_error;
}

int ash_irq_detach(uint32_t irq)
{
    assert_int_equal(irq, handled_irq);
    handler = NULL;
    return 0;
}

uint64_t ash_now_ns(void)
{
    now += 1000000000;
    return now;
}

static struct bcm2835_dma engine;
static struct ash_pmem *region;
static unsigned blocks_run;

static void start_machine(void)
{
    region = machine_dma();
    memset(registers, 0, sizeof registers);
    device = (struct ash_device){.range = {{(uintptr_t)registers}, 0x1000}, .irq = IRQ};
    present = true;
    attach_error = 0;
    handler = NULL;
}

static void begin(unsigned channel, bool interrupts)
{
    start_machine();
    assert_int_equal(bcm2835_dma_open(&engine, channel, interrupts, region), 0);
    assert_int_equal(registers[DMA_ENABLE / 4] >> channel & 1, 1);
    assert_true(interrupts ? handled_irq == IRQ + channel : handler == NULL);
}

static void finish(void)
{
    assert_int_equal(bcm2835_dma_close(&engine), 0);
    assert_null(handler);
    assert_int_equal(support_faults.count, 0);
    assert_all_free(region);
}

static uint32_t *channel_register(uint32_t offset)
{
    return &registers[(DMA_CHANNEL(engine.channel) + offset) / 4];
}

/* The control block with that address. What the driver wrote there by plain pointers is not among
 * what the simulated machine lets a device see. */
static struct bcm2835_dma_block read_block(uint32_t bus)
{
    const volatile struct bcm2835_dma_block *block = NULL;

    for (unsigned i = 0; i < BCM2835_DMA_BLOCKS; i++) {
        block = engine.bus[i].value == bus ? engine.block[i] : block;
    }
    assert_non_null(block);
    assert_ptr_equal(block, port_ptr(ash_pa(bus - OFFSET)));
    return *block;
}

/* The source's word at `at`; the one that fills is written by a plain pointer too. */
static void read_word(const struct bcm2835_dma_block *block, uint32_t at, void *word)
{
    if (block->information & TI_SRC_INC) {
        sim_device_read(ash_pa(block->source + at - OFFSET), word, 4);
    } else {
        assert_int_equal(block->source, engine.pattern_bus.value);
        memcpy(word, port_ptr(ash_pa(block->source - OFFSET)), 4);
    }
}

/* One control block: what it says happens, and the next is returned. */
static uint32_t run_block(uint32_t bus, bool *interrupt)
{
    static unsigned char bytes[SPAN];
    struct bcm2835_dma_block block;
    uint32_t most = engine.channel < 7 ? 0x3fffffff : 0xffff;

    assert_int_equal(bus % 32, 0);
    block = read_block(bus);
    assert_true(block.length > 0 && block.length <= most && block.length <= SPAN);
    assert_int_equal(block.information & ~(TI_INTEN | TI_WAIT_RESP | TI_DEST_INC | TI_SRC_INC), 0);
    assert_true(block.information & TI_DEST_INC);
    assert_int_equal(block.stride | block.reserved[0] | block.reserved[1], 0);
    for (uint32_t at = 0; at < block.length; at += 4) {
        read_word(&block, at, bytes + at);
    }
    sim_device_write(ash_pa(block.destination - OFFSET), bytes, block.length);
    *interrupt = (block.information & TI_INTEN) != 0;
    blocks_run++;
    return block.next;
}

/* The engine does all that it was told, and ends as it does. */
static void run(void)
{
    uint32_t bus = *channel_register(DMA_CONBLK_AD);
    bool interrupt = false;

    assert_int_equal(*channel_register(DMA_CS) & CS_ACTIVE, CS_ACTIVE);
    blocks_run = 0;
    while (bus != 0) {
        assert_false(interrupt); /* it comes at the end, once */
        bus = run_block(bus, &interrupt);
        assert_true(blocks_run <= BCM2835_DMA_BLOCKS);
    }
    sim_device_done();
    *channel_register(DMA_CS) = CS_END | (interrupt ? CS_INT : 0);
    assert_int_equal(interrupt, handler != NULL);
    if (interrupt) {
        handler(handler_arg);
    }
}

static struct ash_dma_segment segment(uint64_t pa, uint64_t size)
{
    return (struct ash_dma_segment){{pa + OFFSET}, size};
}

static void blocks_end_where_either_list_does(void **state)
{
    const struct ash_dma_segment from[] = {segment(AT, 64), segment(AT + 256, 0),
                                           segment(AT + 512, 192)};
    const struct ash_dma_segment to[] = {segment(AT + 4096, 128), segment(AT + 8192, 128)};

    (void)state;
    begin(FULL, false);
    assert_int_equal(bcm2835_dma_copy(&engine, to, 2, from, 3), 0);
    run();
    assert_int_equal(blocks_run, 3);
    assert_int_equal(bcm2835_dma_wait(&engine), 0);
    finish();

    begin(LITE, true); /* 64 KiB are one block too many */
    assert_int_equal(
        bcm2835_dma_fill(&engine, (struct ash_dma_segment[]){segment(AT, 0x10000)}, 1, 1), 0);
    run();
    assert_int_equal(blocks_run, 2);
    assert_int_equal(bcm2835_dma_wait(&engine), 0);
    finish();
}

/* Cuts [0, total) of `at` into pieces of whole words, in order, with holes between them. */
static unsigned cut(uint64_t at, uint32_t total, struct ash_dma_segment *to, unsigned most)
{
    unsigned count = 0;

    while (total > 0) {
        uint32_t size = count + 1 == most ? total : 4 * (1 + support_random_below(total / 4));

        to[count++] = segment(at, size);
        at += size + 4 * support_random_below(8);
        total -= size;
    }
    return count;
}

static void gather(const struct ash_dma_segment *from, unsigned count, unsigned char *bytes)
{
    for (unsigned i = 0; i < count; i++) {
        sim_device_read(ash_pa(from[i].bus.value - OFFSET), bytes, from[i].size);
        bytes += from[i].size;
    }
}

static void any_lists_are_moved_whole(void **state)
{
    static unsigned char wanted[SPAN], seen[SPAN];
    struct ash_dma_segment from[8], to[8];

    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        bool lite = support_random_below(2) == 0;
        uint32_t total = 4 * (1 + support_random_below(lite ? 0x8000 : 0x400));
        unsigned sources, targets;

        begin(lite ? LITE : FULL, support_random_below(2) == 0);
        sources = cut(AT, total, from, 1 + support_random_below(8));
        targets = cut(AT + SPAN, total, to, 1 + support_random_below(8));
        for (uint32_t i = 0; i < total; i++) {
            wanted[i] = (unsigned char)support_random();
        }
        for (unsigned i = 0, done = 0; i < sources; i++) {
            sim_device_write(ash_pa(from[i].bus.value - OFFSET), wanted + done, from[i].size);
            done += (unsigned)from[i].size;
        }
        assert_int_equal(bcm2835_dma_copy(&engine, to, targets, from, sources), 0);
        run();
        assert_int_equal(bcm2835_dma_wait(&engine), 0);
        gather(to, targets, seen);
        assert_memory_equal(seen, wanted, total);
        assert_int_equal(bcm2835_dma_fill(&engine, to, targets, 0x01020304), 0);
        run();
        assert_int_equal(bcm2835_dma_wait(&engine), 0);
        gather(to, targets, seen);
        for (uint32_t i = 0; i < total; i++) {
            assert_int_equal(seen[i], 4 - i % 4);
        }
        finish();
    }
}

static void errors_and_silence_are_told(void **state)
{
    const struct ash_dma_segment one = segment(AT, 64);

    (void)state;
    for (unsigned interrupts = 0; interrupts < 2; interrupts++) {
        begin(FULL, interrupts != 0);
        assert_int_equal(bcm2835_dma_fill(&engine, &one, 1, 0), 0);
        *channel_register(DMA_CS) = CS_ERROR;
        assert_int_equal(bcm2835_dma_wait(&engine), ASH_EIO);
        assert_int_equal(*channel_register(DMA_CS), CS_RESET);
        assert_int_equal(*channel_register(DMA_DEBUG), DEBUG_ERRORS);
        assert_int_equal(bcm2835_dma_wait(&engine), ASH_ENOENT);

        assert_int_equal(bcm2835_dma_fill(&engine, &one, 1, 0), 0);
        assert_int_equal(bcm2835_dma_wait(&engine), ASH_ETIMEDOUT); /* it stays active */
        assert_int_equal(*channel_register(DMA_CS), CS_RESET);

        assert_int_equal(bcm2835_dma_fill(&engine, &one, 1, 0), 0);
        run();
        assert_int_equal(bcm2835_dma_wait(&engine), 0);
        finish();
    }
}

static void what_is_wrong_is_refused(void **state)
{
    struct ash_dma_segment one = segment(AT, 64), two = segment(AT + 64, 60);

    (void)state;
    begin(FULL, false);
    assert_int_equal(bcm2835_dma_copy(&engine, &one, 1, &two, 1), ASH_EINVAL);
    assert_int_equal(bcm2835_dma_copy(&engine, &one, 0, &two, 0), ASH_EINVAL);
    two = (struct ash_dma_segment){{UINT32_MAX - 63}, 64};
    assert_int_equal(bcm2835_dma_copy(&engine, &one, 1, &two, 1), 0);
    assert_int_equal(bcm2835_dma_wait(&engine), ASH_ETIMEDOUT);
    two.bus.value += 4;
    assert_int_equal(bcm2835_dma_copy(&engine, &one, 1, &two, 1), ASH_ERANGE);
    two.bus.value = 0x100000000u;
    assert_int_equal(bcm2835_dma_fill(&engine, &two, 1, 0), ASH_ERANGE);
    one.bus.value += 2;
    assert_int_equal(bcm2835_dma_fill(&engine, &one, 1, 0), ASH_EALIGN);
    assert_int_equal(engine.count, 0);
    finish();
}

static void what_did_not_start_leaves_nothing(void **state)
{
    (void)state;
    start_machine();
    present = false;
    assert_int_equal(bcm2835_dma_open(&engine, FULL, false, region), ASH_ENODEV);
    present = true;
    attach_error = ASH_EEXIST;
    assert_int_equal(bcm2835_dma_open(&engine, FULL, true, region), ASH_EEXIST);
    assert_all_free(region);
    attach_error = 0;
    assert_int_equal(bcm2835_dma_open(&engine, FULL, true, region), 0);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_end_where_either_list_does),
        cmocka_unit_test(any_lists_are_moved_whole),
        cmocka_unit_test(errors_and_silence_are_told),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(what_did_not_start_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
