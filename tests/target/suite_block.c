/* SPDX-License-Identifier: MIT */
/*
 * A real disk behind real DMA: all of it (of a card of many gigabytes, a part) is read into pmem
 * and summed up, a pattern is written to its end; the host compares both with the file. Half of
 * each is polled, half by interrupt.
 */
#include "ashlar/block.h"
#include "ashlar/irq.h"
#include "port/port.h"
#include "tests/target/crc32.h"
#include "tests/target/suite.h"

#define PARTS           4u
#define PART_BYTES      (256u << 10)
#define PART_SECTORS    (PART_BYTES / ASH_BLOCK_SECTOR)
#define MOST_SECTORS    ((128u << 20) / ASH_BLOCK_SECTOR) /* that are read */
#define SECTOR_WORDS    (ASH_BLOCK_SECTOR / 4)
#define PATTERN_SECTORS ((64u << 10) / ASH_BLOCK_SECTOR)
#define TIMEOUT_NS      5000000000u
#define PATTERN_MAGIC   0x41534800u

static struct ash_block *disk;
static struct ash_block_info info;
static struct ash_pmem_block memory;

/* The disk and PARTS buffers; false if the case cannot run (skipped or failed). */
static bool begin(void)
{
    struct ash_pmem *region = ash_pmem_find("dma");
    int error;

    if (ash_block_count() == 0) {
        target_skip("no disk");
        return false;
    }
    if (region == NULL) {
        target_skip("no pmem region \"dma\"");
        return false;
    }
    error = ash_pmem_alloc(region, PARTS * PART_BYTES, 0, ASH_PMEM_CACHED, &memory);
    if (error == 0) {
        error = ash_block_open(0, region, &disk);
        if (error != 0) {
            (void)ash_pmem_free(&memory);
        }
    }
    if (error == ASH_ENODEV) {
        target_skip("no card in the slot");
        return false;
    }
    if (error != 0) {
        target_fail(__FILE__, __LINE__, "no disk or memory: %s", ash_strerror(error));
        return false;
    }
    ash_block_get_info(disk, &info);
    ash_block_set_timeout(disk, TIMEOUT_NS);
    return true;
}

static void end(void)
{
    int error = ash_block_close(disk);

    if (error == 0) {
        error = ash_pmem_free(&memory);
    }
    if (error != 0) {
        target_fail(__FILE__, __LINE__, "not given back: %s", ash_strerror(error));
    }
}

static ash_pa_t part_pa(uint32_t part)
{
    return ash_pa(memory.pa.value + (uint64_t)part * PART_BYTES);
}

static uint32_t *part_words(uint32_t part)
{
    return (uint32_t *)memory.ptr + part * (PART_BYTES / 4);
}

/* The CRC of [first, end), carried on from *crc; PARTS reads are in flight. */
static int sum_up(uint64_t first, uint64_t last, uint32_t *crc)
{
    static struct ash_block_request request[PARTS];
    uint64_t asked = first, summed = first;
    uint32_t in_flight = 0, part = 0;
    int error = 0;

    while (summed < last) {
        while (error == 0 && in_flight < PARTS && asked < last) {
            struct ash_block_request *next = &request[(part + in_flight) % PARTS];
            uint64_t left = last - asked;

            next->op = ASH_BLOCK_READ;
            next->sector = asked;
            next->count = left < PART_SECTORS ? (uint32_t)left : PART_SECTORS;
            next->memory = part_pa((part + in_flight) % PARTS);
            next->done = NULL;
            error = ash_block_submit(disk, next);
            if (error == 0) {
                asked += next->count;
                in_flight++;
            }
        }
        if (in_flight == 0) {
            return error;
        }
        if (error == 0) {
            error = ash_block_wait(disk, &request[part]);
        } else {
            (void)ash_block_wait(disk, &request[part]);
        }
        if (error == 0) {
            *crc = crc32_update(*crc, part_words(part), request[part].count * SECTOR_WORDS);
        }
        summed += request[part].count;
        part = (part + 1) % PARTS;
        in_flight--;
    }
    return error;
}

static bool interrupts_work;

/* Calls step(first half, polled) and step(second half, by interrupt). */
static int in_both_modes(uint64_t first, uint64_t count, int (*step)(uint64_t first, uint64_t end))
{
    unsigned long saved = port_irq_save();
    int error = step(first, first + count / 2);

    if (error == 0 && interrupts_work) {
        error = ash_block_set_mode(disk, ASH_BLOCK_INTERRUPT);
    }
    if (error == 0) {
        ash_irq_enable();
        error = step(first + count / 2, first + count);
        ash_irq_disable();
        (void)ash_block_set_mode(disk, ASH_BLOCK_POLLED);
    }
    port_irq_restore(saved);
    return error;
}

/* Nobody polls or waits here: the interrupt alone finishes the request. Where it does not, the
 * other cases poll, instead of waiting for the end of each request's time. */
static void completions_interrupt(void)
{
    static struct ash_block_request request;
    unsigned long saved;
    uint64_t start;
    int mode, error;

    if (!begin()) {
        return;
    }
    mode = ash_block_set_mode(disk, ASH_BLOCK_INTERRUPT);
    request.op = ASH_BLOCK_READ;
    request.count = 8;
    request.sector = 0;
    request.memory = part_pa(0);
    error = ash_block_submit(disk, &request);
    saved = port_irq_save();
    ash_irq_enable();
    start = ash_now_ns();
    while (error == 0 && !ash_block_done(&request) && ash_now_ns() - start < TIMEOUT_NS) {
    }
    ash_irq_disable();
    port_irq_restore(saved);
    interrupts_work = mode == 0 && error == 0 && ash_block_done(&request);
    if (error == 0) {
        error = ash_block_wait(disk, &request);
    }
    end();
    CHECK_EQ(error, 0);
    CHECK(interrupts_work);
}

static uint32_t disk_crc;

static int read_step(uint64_t first, uint64_t last)
{
    return sum_up(first, last, &disk_crc);
}

static void crc_is_the_standard_one(void)
{
    /* The check value of "123456789" needs bytes; these are zlib's for one and for two words. */
    static const uint32_t words[2] = {0x34333231, 0x38373635};

    CHECK_EQ(crc32_update(0, words, 1), 0x9be3e0a3);
    CHECK_EQ(crc32_update(0, words, 2), 0x9ae0daaf);
    CHECK_EQ(crc32_update(crc32_update(0, words, 1), words + 1, 1), 0x9ae0daaf);
}

static void reads_the_whole_disk(void)
{
    uint64_t start, sectors;
    int error;

    if (!begin()) {
        return;
    }
    disk_crc = 0;
    start = ash_now_ns();
    sectors = info.sectors < MOST_SECTORS ? info.sectors : MOST_SECTORS;
    error = in_both_modes(0, sectors, read_step);
    if (error == 0) {
        target_note("disk 0 bytes %llu crc32 %08x", (unsigned long long)sectors * ASH_BLOCK_SECTOR,
                    (unsigned)disk_crc);
        target_note("read in %u ms", (unsigned)((ash_now_ns() - start) / 1000000));
    }
    end();
    CHECK_EQ(error, 0);
}

static uint32_t pattern_word(uint64_t sector, uint32_t i)
{
    return PATTERN_MAGIC ^ (uint32_t)(sector * SECTOR_WORDS + i);
}

static int write_step(uint64_t first, uint64_t last)
{
    uint32_t *words = part_words(0);
    int error;

    for (uint64_t sector = first; sector < last; sector++) {
        for (uint32_t i = 0; i < SECTOR_WORDS; i++) {
            *words++ = pattern_word(sector, i);
        }
    }
    error = ash_block_write(disk, first, (uint32_t)(last - first), part_pa(0));
    return error != 0 ? error : ash_block_flush(disk);
}

static int compare_step(uint64_t first, uint64_t last)
{
    const uint32_t *words = part_words(1);
    int error;

    port_zero(part_words(1), PART_BYTES);
    error = ash_block_read(disk, first, (uint32_t)(last - first), part_pa(1));
    for (uint64_t sector = first; error == 0 && sector < last; sector++) {
        for (uint32_t i = 0; i < SECTOR_WORDS; i++) {
            if (*words++ != pattern_word(sector, i)) {
                return ASH_ECORRUPT;
            }
        }
    }
    return error;
}

static void writes_a_pattern(void)
{
    uint64_t first;
    int error;

    if (!begin()) {
        return;
    }
    if (info.read_only || info.sectors < PATTERN_SECTORS) {
        end();
        target_skip("the disk cannot be written");
        return;
    }
    first = info.sectors - PATTERN_SECTORS;
    error = in_both_modes(first, PATTERN_SECTORS, write_step);
    if (error == 0) {
        target_note("disk 0 pattern %llu %u", (unsigned long long)first, PATTERN_SECTORS);
        error = in_both_modes(first, PATTERN_SECTORS, compare_step);
    }
    end();
    CHECK_EQ(error, 0);
}

static void single_sectors_agree_with_the_whole(void)
{
    enum { SECTORS = 48 };
    static struct ash_block_request request[SECTORS];
    int error;
    bool same = true;

    if (!begin()) {
        return;
    }
    error = ash_block_read(disk, 1, SECTORS, part_pa(0));
    /* As many as fit are in flight, last sector first, finished in any order. */
    for (uint32_t i = 0; i < SECTORS && error == 0; i++) {
        request[i].op = ASH_BLOCK_READ;
        request[i].count = 1;
        request[i].sector = SECTORS - i;
        request[i].memory = ash_pa(part_pa(1).value + (SECTORS - 1 - i) * ASH_BLOCK_SECTOR);
        request[i].done = NULL;
        do {
            ash_block_poll(disk);
            error = ash_block_submit(disk, &request[i]);
        } while (error == ASH_EBUSY);
    }
    for (uint32_t i = 0; i < SECTORS && error == 0; i++) {
        error = ash_block_wait(disk, &request[i]);
    }
    for (uint32_t i = 0; i < SECTORS * SECTOR_WORDS; i++) {
        same = same && part_words(0)[i] == part_words(1)[i];
    }
    end();
    CHECK_EQ(error, 0);
    CHECK(same);
}

static volatile uint32_t called_back;

static void count_done(struct ash_block_request *done)
{
    called_back += done->result == 0;
}

static void depth_is_a_limit(void)
{
    static struct ash_block_request request[64];
    int error = 0, full = 0, close_error = 0, wait_error = 0;
    uint32_t submitted = 0;

    if (!begin()) {
        return;
    }
    called_back = 0;
    while (submitted <= info.depth && submitted < 64 && error == 0) {
        request[submitted].op = ASH_BLOCK_READ;
        request[submitted].count = 8;
        request[submitted].sector = 0;
        request[submitted].memory = ash_pa(part_pa(0).value + submitted * 8 * ASH_BLOCK_SECTOR);
        request[submitted].done = count_done;
        error = ash_block_submit(disk, &request[submitted]);
        submitted += error == 0;
    }
    full = error;
    close_error = ash_block_close(disk);
    for (uint32_t i = 0; i < submitted; i++) {
        error = ash_block_wait(disk, &request[i]);
        wait_error = wait_error != 0 ? wait_error : error;
    }
    end();
    CHECK_EQ(full, ASH_EBUSY);
    CHECK_EQ(submitted, info.depth);
    CHECK(info.depth >= 8);
    CHECK_EQ(close_error, ASH_EBUSY);
    CHECK_EQ(wait_error, 0);
    CHECK_EQ(called_back, submitted);
}

static void refuses_what_is_wrong(void)
{
    struct ash_block_request request = {.op = ASH_BLOCK_READ};
    struct ash_pmem *region = ash_pmem_find("dma");
    struct ash_block *other;
    int none, again, no_region, beyond, wraps, nothing, past_end, large, strange;

    if (!begin()) {
        return;
    }
    none = ash_block_open(ash_block_count(), region, &other);
    again = ash_block_open(0, region, &other);
    no_region = ash_block_open(0, NULL, &other);
    beyond = ash_block_read(disk, info.sectors - 1, 2, part_pa(0));
    wraps = ash_block_read(disk, UINT64_MAX, 2, part_pa(0));
    request.memory = part_pa(0);
    nothing = ash_block_submit(disk, &request);
    request.sector = info.sectors - 1;
    request.count = 2;
    past_end = ash_block_submit(disk, &request);
    request.sector = 0;
    request.count = info.max_sectors + 1;
    large = ash_block_submit(disk, &request);
    request.count = 1;
    request.op = (enum ash_block_op)17;
    strange = ash_block_submit(disk, &request);
    end();
    CHECK_EQ(none, ASH_ENODEV);
    CHECK_EQ(again, ASH_EBUSY);
    CHECK_EQ(no_region, ASH_EINVAL);
    CHECK_EQ(beyond, ASH_ERANGE);
    CHECK_EQ(wraps, ASH_ERANGE);
    CHECK_EQ(nothing, ASH_EINVAL);
    CHECK_EQ(past_end, ASH_ERANGE);
    CHECK_EQ(large, ASH_ERANGE);
    CHECK_EQ(strange, ASH_EINVAL);
}

/* No time at all: the device is reset under its requests and works again afterwards. */
static void comes_back_from_a_timeout(void)
{
    struct ash_block_request request = {.op = ASH_BLOCK_READ};
    unsigned timed_out = 0;
    int error = 0, after = 0;

    if (!begin()) {
        return;
    }
    for (unsigned i = 0; i < 4 && after == 0 && (error == 0 || error == ASH_ETIMEDOUT); i++) {
        request.memory = part_pa(0);
        request.count = info.max_sectors < PART_SECTORS ? info.max_sectors : PART_SECTORS;
        ash_block_set_timeout(disk, 0);
        error = ash_block_submit(disk, &request);
        if (error == 0) {
            error = ash_block_wait(disk, &request);
        }
        timed_out += error == ASH_ETIMEDOUT;
        ash_block_set_timeout(disk, TIMEOUT_NS);
        after = ash_block_read(disk, 0, 8, part_pa(1));
    }
    end();
    target_note("%u of 4 requests timed out", timed_out);
    CHECK(error == 0 || error == ASH_ETIMEDOUT);
    CHECK_EQ(after, 0);
}

static const struct target_case cases[] = {
    TARGET_CASE(crc_is_the_standard_one),
    TARGET_CASE(completions_interrupt),
    TARGET_CASE(reads_the_whole_disk),
    TARGET_CASE(writes_a_pattern),
    TARGET_CASE(single_sectors_agree_with_the_whole),
    TARGET_CASE(depth_is_a_limit),
    TARGET_CASE(refuses_what_is_wrong),
    TARGET_CASE(comes_back_from_a_timeout),
};
const struct target_suite suite_block = TARGET_SUITE("block", cases);
