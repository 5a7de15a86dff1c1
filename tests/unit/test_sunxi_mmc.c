/* SPDX-License-Identifier: MIT */
/*
 * Allwinner's SD controller: what the driver asks of it, and what it makes of errors, of cards that
 * are busy, late, gone or another one. Under the driver stand a controller and a card as the
 * datasheet and the card's specification describe them; above it, board/block.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BOARD_DEV_MMIO_H /* registers are the ones below */
#include "ashlar/types.h"

static uint32_t mmio_read32(ash_va_t base, uint32_t offset);
static void mmio_write32(ash_va_t base, uint32_t offset, uint32_t value);

#include "board/dev/sunxi_mmc.c"
#include "port/sim/sim.h"
#include "tests/unit/sd_model.h"

#define IRQ          92u
#define SECTORS      4096u
#define CHAIN_BUS    0x00010000u
#define MEMORY_BUS   0x40000000u
#define MEMORY_BYTES (SECTORS * 512u)

const struct ash_board ash_board = {.bus_offset = 0};

static struct sd_model card;
static uint8_t medium[MEMORY_BYTES], memory[MEMORY_BYTES];
static struct sunxi_mmc_descriptor chain[64];

/* The controller (H3 datasheet 5.3) */

static uint32_t reg[0x100 / 4];
static unsigned transfers, commands[64];
static uint32_t fails_with; /* raw status that the next data command ends with, in its place */
static unsigned silent;     /* data commands that come to no end */
static bool late_dma;       /* the last data reaches memory later */
static uint32_t late_events;

#define REG(offset) reg[(offset) / 4]

static bool line(void)
{
    return (REG(MMC_GCTRL) & GCTRL_INTERRUPTS) != 0 &&
           ((REG(MMC_RISR) & REG(MMC_IMKR)) != 0 || (REG(MMC_IDST) & REG(MMC_IDIE)) != 0);
}

static uint8_t *at_bus(uint32_t bus, uint32_t bytes)
{
    assert_true(bus >= MEMORY_BUS && bus - MEMORY_BUS + bytes <= MEMORY_BYTES);
    return memory + (bus - MEMORY_BUS);
}

/* Moves BYCR bytes by the chain of descriptors, which must be just right for them. */
static void move(bool writes)
{
    uint32_t left = REG(MMC_BYCR), sector = card.high ? card.argument : card.argument / 512;
    uint8_t *data = medium + sector * 512;
    unsigned i = 0;

    assert_int_equal(REG(MMC_BKSR), 512);
    assert_int_equal(REG(MMC_DLBA), CHAIN_BUS);
    assert_int_equal(REG(MMC_GCTRL) & (GCTRL_DMA | 1u << 31), GCTRL_DMA);
    assert_true(REG(MMC_DMAC) & DMAC_ON);
    assert_true(sector * 512ull + left <= MEMORY_BYTES);
    while (left != 0) {
        struct sunxi_mmc_descriptor *d = &chain[i++];
        uint8_t *at = at_bus(d->data, d->bytes);

        assert_true(d->flags & 1u << 31);
        assert_int_equal(d->flags >> 3 & 1, i == 1);
        assert_true(d->bytes != 0 && d->bytes <= left && d->bytes < 1u << 16);
        assert_int_equal((d->bytes | d->data) & 3, 0);
        left -= d->bytes;
        assert_int_equal(d->flags >> 2 & 1, left == 0);
        if (left != 0) {
            assert_int_equal(d->next, CHAIN_BUS + i * sizeof(*d));
        }
        if (writes) {
            memcpy(data, at, d->bytes);
        } else {
            memcpy(at, data, d->bytes);
        }
        data += d->bytes;
        d->flags &= ~(1u << 31);
    }
    REG(MMC_BYCR) = 0;
}

static void data_phase(uint32_t command)
{
    bool writes = (command & CMDR_WRITE) != 0, many = (command & CMDR_AUTO_STOP) != 0;
    uint32_t answer[4];

    transfers++;
    assert_int_equal(many, (command & 0x3f) == 18 || (command & 0x3f) == 25);
    assert_int_equal(many, REG(MMC_BYCR) > 512);
    if (silent > 0) {
        silent--;
        return;
    }
    if (fails_with != 0) {
        REG(MMC_RISR) |= fails_with;
        fails_with = 0;
        return;
    }
    move(writes);
    if (many) {
        assert_int_equal(model_command(&card, 12, 0, answer), 1);
    } else {
        model_data_done(&card);
    }
    REG(MMC_RISR) |= RISR_DATA_DONE | (many ? RISR_AUTO_STOP_DONE : 0);
    if (late_dma) {
        late_events |= 1u << (writes ? 0 : 1);
    } else {
        REG(MMC_IDST) |= 1u << 8 | 1u << (writes ? 0 : 1);
    }
}

static void start_command(uint32_t command)
{
    unsigned index = command & 0x3f, count;
    uint32_t answer[4] = {0};

    if (command & CMDR_CLOCK) {
        return;
    }
    assert_true(REG(MMC_CKCR) & CKCR_ON);
    commands[index]++;
    count = model_command(&card, index, REG(MMC_CAGR), answer);
    assert_int_equal((command & CMDR_INITIALIZE) != 0, index == 0);
    if ((command & CMDR_RESPONSE) != 0) {
        if (count != ((command & CMDR_LONG) != 0 ? 4 : 1)) {
            REG(MMC_RISR) |= 1u << 8;
            return;
        }
        for (unsigned i = 0; i < 4; i++) {
            reg[MMC_RESP / 4 + i] = count == 4 ? answer[3 - i] : i == 0 ? answer[0] : 0;
        }
    }
    REG(MMC_RISR) |= RISR_COMMAND_DONE;
    if (command & CMDR_DATA) {
        data_phase(command);
    }
}

static uint32_t mmio_read32(ash_va_t base, uint32_t offset)
{
    assert_int_equal(base.value, 0x1000);
    return REG(offset);
}

static void mmio_write32(ash_va_t base, uint32_t offset, uint32_t value)
{
    assert_int_equal(base.value, 0x1000);
    switch (offset) {
    case MMC_RISR:
    case MMC_IDST:
        REG(offset) &= ~value;
        break;
    case MMC_GCTRL:
        REG(offset) = value & ~GCTRL_RESET;
        break;
    case MMC_DMAC:
        REG(offset) = value & ~DMAC_RESET;
        break;
    case MMC_CMDR:
        REG(offset) = value & ~CMDR_START;
        assert_true(value & CMDR_START);
        start_command(value);
        break;
    default:
        REG(offset) = value;
    }
}

/* The rest of the firmware: memory, interrupts, time. */

static void (*handler)(void *arg);
static void *handler_arg;
static uint64_t now, step = 1000;
static unsigned mapped;

int ash_map_device(ash_pa_t pa, uint64_t size, ash_va_t *va)
{
    (void)size;
    *va = ash_va((uintptr_t)pa.value);
    return 0;
}

int ash_dma_init(struct ash_dma_device *device)
{
    assert_int_equal(device->mask, UINT32_MAX);
    assert_int_equal(device->alignment, 4);
    assert_false(device->coherent);
    return 0;
}

int ash_dma_exit(struct ash_dma_device *device)
{
    (void)device;
    return 0;
}

int ash_dma_alloc(struct ash_dma_device *device, struct ash_pmem *region, uint64_t size,
                  struct ash_dma_buffer *made)
{
    (void)device;
    (void)region;
    assert_true(size <= sizeof(chain));
    made->block.ptr = chain;
    made->bus = (ash_bus_t){CHAIN_BUS};
    return 0;
}

int ash_dma_free(struct ash_dma_buffer *freed)
{
    freed->block.ptr = NULL;
    return 0;
}

int ash_dma_map(struct ash_dma_device *device, ash_pa_t pa, size_t size,
                enum ash_dma_direction direction, struct ash_dma_mapping *mapping)
{
    (void)size;
    (void)direction;
    mapping->device = device;
    mapping->bus = (ash_bus_t){pa.value};
    mapped++;
    return 0;
}

int ash_dma_unmap(struct ash_dma_mapping *mapping)
{
    mapping->device = NULL;
    mapped--;
    return 0;
}

void ash_dma_barrier(void)
{
}

int ash_irq_attach(uint32_t irq, void (*function)(void *arg), void *arg)
{
    assert_int_equal(irq, IRQ);
    handler = function;
    handler_arg = arg;
    return 0;
}

int ash_irq_detach(uint32_t irq)
{
    assert_int_equal(irq, IRQ);
    handler = NULL;
    return 0;
}

uint64_t ash_now_ns(void)
{
    now += step;
    return now;
}

static void set_clock(enum sd_speed speed)
{
    (void)speed;
    assert_int_equal(REG(MMC_CKCR) & CKCR_ON, 0); /* never while the card has it */
}

void board_find_block_devices(void)
{
    static const struct ash_device device = {.range = {{0x1000}, 0x1000}, .irq = IRQ};

    assert_int_equal(sunxi_mmc_probe(&device, set_clock), 0);
}

/* The cases. */

static struct ash_block *disk;
static struct ash_block_info info;

static void insert(uint32_t sectors, uint32_t serial)
{
    uint32_t size = sectors / 1024 - 1;

    card = (struct sd_model){.high = true, .powers_up = 2, .cid = {1, 2, 3, serial}};
    card.csd[0] = 1u << 30;
    card.csd[1] = 0;
    card.csd[2] = size << 16;
}

static int fresh(void **state)
{
    (void)state;
    insert(SECTORS, 1);
    memset(reg, 0, sizeof(reg));
    memset(commands, 0, sizeof(commands));
    fails_with = silent = transfers = 0;
    late_dma = false;
    late_events = 0;
    for (unsigned i = 0; i < MEMORY_BYTES; i++) {
        medium[i] = (uint8_t)(i * 7 + i / 512);
    }
    memset(memory, 0, sizeof(memory));
    assert_int_equal(ash_block_count(), 1);
    assert_int_equal(ash_block_open(0, (struct ash_pmem *)&disk, &disk), 0);
    ash_block_set_timeout(disk, 1000000);
    ash_block_get_info(disk, &info);
    return 0;
}

static int closed(void **state)
{
    (void)state;
    assert_int_equal(mapped, 0);
    assert_int_equal(ash_block_close(disk), 0);
    assert_int_equal(REG(MMC_IMKR) | REG(MMC_DMAC), 0);
    return 0;
}

static void data_goes_where_it_should(void **state)
{
    static const uint32_t counts[] = {1, 2, 63, 64, 65, 128, 2048};

    (void)state;
    assert_int_equal(info.sectors, SECTORS);
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint32_t bytes = counts[i] * 512, at = SECTORS - counts[i];

        memset(memory, 0, sizeof(memory));
        assert_int_equal(ash_block_read(disk, 7, counts[i], ash_pa(MEMORY_BUS + 1024)), 0);
        assert_memory_equal(memory + 1024, medium + 7 * 512, bytes);
        assert_int_equal(memory[1023] | memory[1024 + bytes], 0);
        assert_int_equal(ash_block_write(disk, at, counts[i], ash_pa(MEMORY_BUS + 1024)), 0);
        assert_memory_equal(memory + 1024, medium + at * 512, bytes);
    }
}

static void requests_go_one_by_one(void **state)
{
    struct ash_block_request request[MMC_DEPTH];

    (void)state;
    silent = 1; /* the first keeps the card */
    for (unsigned i = 0; i < MMC_DEPTH; i++) {
        request[i] = (struct ash_block_request){
            .op = ASH_BLOCK_READ, .count = 1, .sector = i, .memory = ash_pa(MEMORY_BUS + 512 * i)};
        assert_int_equal(ash_block_submit(disk, &request[i]), 0);
    }
    assert_int_equal(ash_block_submit(disk, &request[0]), ASH_EBUSY);
    ash_block_poll(disk);
    assert_int_equal(transfers, 1);
    assert_false(ash_block_done(&request[0]));
    move(false); /* and now it is through */
    model_data_done(&card);
    REG(MMC_RISR) |= RISR_DATA_DONE;
    REG(MMC_IDST) |= IDST_RECEIVED;
    ash_block_poll(disk);
    assert_int_equal(transfers, MMC_DEPTH);
    for (unsigned i = 0; i < MMC_DEPTH; i++) {
        assert_int_equal(ash_block_wait(disk, &request[i]), 0);
    }
    assert_memory_equal(memory, medium, 512 * MMC_DEPTH);
}

/* The clock is the time that a write takes. */
static void writes_end_when_the_card_has_them(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= 2; count++) {
        card.programs = 5;
        card.statuses = 0;
        assert_int_equal(ash_block_write(disk, 0, count, ash_pa(MEMORY_BUS)), 0);
        assert_int_equal(card.statuses, 6);
        assert_int_equal(card.state, MODEL_TRAN);
    }
}

static void reads_end_when_memory_has_them(void **state)
{
    struct ash_block_request request = {
        .op = ASH_BLOCK_READ, .count = 4, .memory = ash_pa(MEMORY_BUS)};

    (void)state;
    late_dma = true;
    assert_int_equal(ash_block_submit(disk, &request), 0);
    ash_block_poll(disk);
    assert_false(ash_block_done(&request));
    REG(MMC_IDST) |= late_events;
    ash_block_poll(disk);
    assert_true(ash_block_done(&request));
}

static void works(void)
{
    memset(memory, 0, 1024);
    assert_int_equal(ash_block_read(disk, 3, 2, ash_pa(MEMORY_BUS)), 0);
    assert_memory_equal(memory, medium + 3 * 512, 1024);
}

static void each_error_is_told_and_gone(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 16; bit++) {
        /* 5.3.6, raw status: not the ends of phases, nor requests of data, nor the voltage */
        if ((0x443d >> bit & 1) != 0) {
            continue;
        }
        fails_with = 1u << bit;
        card.stops = 0;
        assert_int_equal(ash_block_read(disk, 0, 8, ash_pa(MEMORY_BUS)), ASH_EIO);
        assert_int_equal(card.stops, 1);
        works();
    }
    fails_with = 1u << 7;
    assert_int_equal(ash_block_write(disk, 0, 1, ash_pa(MEMORY_BUS)), ASH_EIO);
    works();
}

static void errors_of_programming_are_told(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= 2; count++) {
        card.programs = 3;
        card.told = 1u << 26; /* write protected */
        card.told_by = 13;
        assert_int_equal(ash_block_write(disk, 0, count, ash_pa(MEMORY_BUS)), ASH_EIO);
        works();
    }
    /* A card that looked ahead of the last sector says so, and it is no error. */
    card.told = 1u << 31;
    card.told_by = 17;
    assert_int_equal(ash_block_read(disk, SECTORS - 1, 1, ash_pa(MEMORY_BUS)), 0);
}

static void lost_requests_time_out(void **state)
{
    struct ash_block_request other = {
        .op = ASH_BLOCK_READ, .count = 1, .memory = ash_pa(MEMORY_BUS)};

    (void)state;
    silent = 1;
    assert_int_equal(ash_block_submit(disk, &other), 0);
    assert_int_equal(ash_block_read(disk, 0, 8, ash_pa(MEMORY_BUS)), ASH_ETIMEDOUT);
    assert_true(ash_block_done(&other));
    assert_int_equal(other.result, ASH_ETIMEDOUT);
    assert_int_equal(card.stops, 1);
    assert_int_equal(card.resets, 1); /* at open only: it settled */
    works();
}

/* Pulled and pushed: the card knows nothing of us. */
static void a_card_that_was_out_comes_back(void **state)
{
    (void)state;
    insert(SECTORS, 1);
    assert_int_equal(ash_block_read(disk, 0, 8, ash_pa(MEMORY_BUS)), ASH_EIO);
    assert_int_equal(card.resets, 1);
    works();
}

static void another_card_is_not_taken_for_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        insert(SECTORS, 2);
        assert_int_equal(ash_block_read(disk, 0, 8, ash_pa(MEMORY_BUS)), ASH_EIO);
        assert_int_equal(ash_block_write(disk, 0, 8, ash_pa(MEMORY_BUS)), ASH_EIO);
        card.state = MODEL_IDLE;
    }
    assert_int_equal(transfers, 0);
    insert(SECTORS, 1);
    assert_int_equal(ash_block_read(disk, 0, 8, ash_pa(MEMORY_BUS)), ASH_EIO);
    works();
}

static void a_card_that_goes_meanwhile_is_dead(void **state)
{
    struct ash_block_request request = {
        .op = ASH_BLOCK_READ, .count = 8, .memory = ash_pa(MEMORY_BUS)};

    (void)state;
    for (unsigned other = 0; other < 2; other++) {
        silent = 1;
        assert_int_equal(ash_block_submit(disk, &request), 0);
        insert(SECTORS, 2);
        card.absent = other == 0;
        assert_int_equal(ash_block_wait(disk, &request), ASH_ETIMEDOUT);
        assert_int_equal(ash_block_submit(disk, &request), ASH_EIO);
        assert_int_equal(ash_block_close(disk), 0);
        insert(SECTORS, 2);
        assert_int_equal(ash_block_open(0, (struct ash_pmem *)&disk, &disk), 0);
        ash_block_set_timeout(disk, 1000000);
        works();
        insert(SECTORS, 1);
        (void)ash_block_close(disk);
        assert_int_equal(ash_block_open(0, (struct ash_pmem *)&disk, &disk), 0);
        ash_block_set_timeout(disk, 1000000);
    }
}

static void interrupts_are_few_and_taken_back(void **state)
{
    struct ash_block_request request[2];
    unsigned taken = 0;

    (void)state;
    assert_int_equal(ash_block_set_mode(disk, ASH_BLOCK_INTERRUPT), 0);
    assert_false(line());
    card.programs = 1;
    for (unsigned i = 0; i < 2; i++) {
        request[i] = (struct ash_block_request){.op = i == 0 ? ASH_BLOCK_WRITE : ASH_BLOCK_READ,
                                                .count = 4,
                                                .memory = ash_pa(MEMORY_BUS + 4096 * i)};
        assert_int_equal(ash_block_submit(disk, &request[i]), 0);
    }
    while (line()) {
        handler(handler_arg);
        assert_true(++taken < 10);
    }
    assert_true(ash_block_done(&request[0]) && ash_block_done(&request[1]));
    assert_int_equal(request[0].result | request[1].result, 0);
    handler(handler_arg);                               /* another's, on the same line */
    assert_int_equal(REG(MMC_IMKR) | REG(MMC_IDIE), 0); /* nothing to wait for */
    assert_int_equal(ash_block_set_mode(disk, ASH_BLOCK_POLLED), 0);
    works();
    assert_false(line());
}

static void no_card_is_told_at_open(void **state)
{
    (void)state;
    insert(SECTORS, 1);
    card.absent = true;
    assert_int_equal(ash_block_count(), 1);
    assert_int_equal(ash_block_open(0, (struct ash_pmem *)&disk, &disk), ASH_ENODEV);
    card.absent = false;
    assert_int_equal(ash_block_open(0, (struct ash_pmem *)&disk, &disk), 0);
    works();
    assert_int_equal(ash_block_close(disk), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(data_goes_where_it_should),
        CASE(requests_go_one_by_one),
        CASE(writes_end_when_the_card_has_them),
        CASE(reads_end_when_memory_has_them),
        CASE(each_error_is_told_and_gone),
        CASE(errors_of_programming_are_told),
        CASE(lost_requests_time_out),
        CASE(a_card_that_was_out_comes_back),
        CASE(another_card_is_not_taken_for_it),
        CASE(a_card_that_goes_meanwhile_is_dead),
        CASE(interrupts_are_few_and_taken_back),
        cmocka_unit_test(no_card_is_told_at_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
