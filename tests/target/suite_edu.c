/* SPDX-License-Identifier: MIT */
/*
 * A PCI device that reaches a part of memory only: what it can reach it moves itself, the rest goes
 * through a bounce buffer, and if it reaches none of the RAM it is refused.
 */
#include <string.h>

#include "ashlar/frames.h"
#include "board/dev/edu.h"
#include "board/dev/fw_cfg.h"
#include "board/pci.h"
#include "port/port.h"
#include "tests/target/suite.h"

#define BITS_FILE "opt/ashlar/edu-bits"
#define FLAGS     ASH_FRAMES_OWNER(ASH_OWNER_TEST)
#define KEPT      256u /* blocks that are looked through for one out of reach */

static struct edu edu;
static struct pci_host host;
static struct ash_pmem *region;

/* The host says with what the device was made: it does not itself. 0: it is not there. */
static unsigned bits_of_device(void)
{
    static struct fw_cfg fw;
    struct fw_cfg_file file;
    uint8_t text[2];
    unsigned bits = 0;

    if (fw_cfg_open(&fw, ash_platform_device("qemu,fw-cfg-mmio", 0), region) != 0) {
        return 0;
    }
    if (fw_cfg_find(&fw, BITS_FILE, &file) == 0 && file.size == sizeof text) {
        fw_cfg_read_bytes(&fw, file.key, text, sizeof text);
        bits = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
    }
    (void)fw_cfg_close(&fw);
    return bits;
}

/* False: there is no device, or none that reaches RAM. */
static bool begin(bool reaching)
{
    unsigned bits;
    int error;

    region = ash_pmem_find("dma");
    bits = region == NULL ? 0 : bits_of_device();
    if (bits == 0) {
        target_skip("the machine has no PCI device \"edu\"");
        return false;
    }
    error = board_find_pci(&host);
    if (error != 0) {
        target_fail(__FILE__, __LINE__, "no PCI: %s", ash_strerror(error));
        return false;
    }
    if (!reaching) {
        return true;
    }
    error = edu_open(&edu, &host, ((uint64_t)1 << bits) - 1, region);
    if (error == ASH_ERANGE && bits < 31) {
        target_skip("the device reaches no RAM");
    } else if (error != 0) {
        target_fail(__FILE__, __LINE__, "edu: %s", ash_strerror(error));
    }
    return error == 0;
}

/* Writes [at, at + size) of the bytes to the device, and reads it to another place. */
static int there_and_back(uint64_t from, uint64_t to, uint32_t offset, uint32_t size, bool *bounced)
{
    struct ash_dma_mapping out = {0}, in = {0};
    int error = ash_dma_map(&edu.dma, ash_pa(from), size, ASH_DMA_TO_DEVICE, &out);
    int done;

    if (error != 0) {
        return error;
    }
    *bounced = out.bus.value != from;
    error = edu_write(&edu, offset, out.bus, size);
    done = ash_dma_unmap(&out);
    error = error != 0 ? error : done;
    if (error == 0) {
        error = ash_dma_map(&edu.dma, ash_pa(to), size, ASH_DMA_FROM_DEVICE, &in);
    }
    if (error == 0) {
        *bounced = *bounced && in.bus.value != to;
        error = edu_read(&edu, offset, in.bus, size);
        done = ash_dma_unmap(&in);
        error = error != 0 ? error : done;
    }
    return error;
}

/* In two pages: the second gets what the first has, at the same places and nowhere else. */
static void check_copies(uint8_t *bytes, bool out_of_reach)
{
    static const struct {
        uint32_t at, offset, size;
    } part[] = {{0, 0, EDU_BYTES}, {128, 1, 64}, {3, 4000, 95}, {4095, 7, 1}};
    uint64_t pa = (uintptr_t)bytes;

    for (unsigned i = 0; i < sizeof part / sizeof part[0]; i++) {
        bool bounced;

        for (size_t at = 0; at < ASH_PAGE_SIZE; at++) {
            bytes[at] = (uint8_t)(at * 7 + i + 1);
        }
        memset(bytes + ASH_PAGE_SIZE, 0, ASH_PAGE_SIZE);
        CHECK_EQ(there_and_back(pa + part[i].at, pa + ASH_PAGE_SIZE + part[i].at, part[i].offset,
                                part[i].size, &bounced),
                 0);
        CHECK_EQ(bounced, out_of_reach);
        for (size_t at = 0; at < ASH_PAGE_SIZE; at++) {
            bool inside = at >= part[i].at && at < part[i].at + part[i].size;

            CHECK_EQ(bytes[ASH_PAGE_SIZE + at], inside ? bytes[at] : 0);
        }
    }
}

static void moves_memory_in_reach(void)
{
    struct ash_pmem_block block;

    if (!begin(true)) {
        return;
    }
    CHECK_EQ(ash_pmem_alloc(region, 2 * ASH_PAGE_SIZE, 0, ASH_PMEM_CACHED, &block), 0);
    check_copies(block.ptr, false);
    CHECK_EQ(ash_pmem_free(&block), 0);
    CHECK_EQ(edu_close(&edu), 0);
}

static void bad_transfers_are_refused(void)
{
    struct ash_dma_mapping mapping = {0};
    ash_bus_t bus = {0};

    if (!begin(true)) {
        return;
    }
    CHECK_EQ(edu_write(&edu, 0, bus, 0), ASH_EINVAL);
    CHECK_EQ(edu_write(&edu, 0, bus, EDU_BYTES + 1), ASH_ERANGE);
    CHECK_EQ(edu_read(&edu, EDU_BYTES, bus, 1), ASH_ERANGE);
    CHECK_EQ(edu_read(&edu, UINT32_MAX, bus, 2), ASH_ERANGE);
    CHECK_EQ(
        ash_dma_map(&edu.dma, ash_pa((uintptr_t)&edu), EDU_BYTES + 1, ASH_DMA_TO_DEVICE, &mapping),
        ASH_ERANGE);
    CHECK_EQ(edu_close(&edu), 0);
}

/* Two neighbouring pages that the device does not reach; false if there are none. */
static bool take_out_of_reach(ash_frame_t *frame)
{
    static ash_frame_t kept[KEPT];
    unsigned count = 0;
    bool found = false;

    while (!found && count < KEPT && ash_frames_alloc(ASH_MAX_ORDER, FLAGS, &kept[count]) == 0) {
        found = ash_frame_pa(kept[count]).value > edu.dma.mask;
        count++;
    }
    *frame = found ? kept[--count] : ASH_FRAME_NONE;
    while (count > 0) {
        ash_frames_free(kept[--count], ASH_MAX_ORDER);
    }
    return found;
}

static void memory_out_of_reach_bounces(void)
{
    ash_frame_t frame;

    if (!begin(true)) {
        return;
    }
    if (take_out_of_reach(&frame)) {
        check_copies(port_ptr(ash_frame_pa(frame)), true);
        ash_frames_free(frame, ASH_MAX_ORDER);
    } else {
        target_skip("all directly mapped RAM is in reach");
    }
    CHECK_EQ(edu_close(&edu), 0);
}

/* With the 28 bits that QEMU gives it by default; the address would be cut off silently. */
static void a_device_that_reaches_no_ram_is_refused(void)
{
    if (!begin(false)) {
        return;
    }
    CHECK_EQ(edu_open(&edu, &host, 0x0fffffff, region), ASH_ERANGE);
}

static const struct target_case cases[] = {
    TARGET_CASE(moves_memory_in_reach),
    TARGET_CASE(bad_transfers_are_refused),
    TARGET_CASE(memory_out_of_reach_bounces),
    TARGET_CASE(a_device_that_reaches_no_ram_is_refused),
};

const struct target_suite suite_edu = TARGET_SUITE("edu", cases);
