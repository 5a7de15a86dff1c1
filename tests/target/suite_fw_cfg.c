/* SPDX-License-Identifier: MIT */
/*
 * QEMU's configuration device: what its DMA moves is what its data register shows.
 */
#include <string.h>

#include "board/dev/fw_cfg.h"
#include "port/port.h"
#include "tests/target/suite.h"

#define DIRECTORY_BYTES 500u /* of the directory: there are always more */
#define OFFSETS         5u

static struct fw_cfg fw;
static struct ash_pmem_block memory;

static bool begin(void)
{
    const struct ash_device *device = ash_platform_device("qemu,fw-cfg-mmio", 0);
    struct ash_pmem *region = ash_pmem_find("dma");
    int error;

    if (device == NULL || region == NULL) {
        target_skip(device == NULL ? "the tree has no fw_cfg" : "no pmem region \"dma\"");
        return false;
    }
    error = fw_cfg_open(&fw, device, region);
    if (error == 0) {
        error = ash_pmem_alloc(region, ASH_PAGE_SIZE, 0, ASH_PMEM_CACHED, &memory);
        if (error != 0) {
            (void)fw_cfg_close(&fw);
        }
    }
    if (error != 0) {
        target_fail(__FILE__, __LINE__, "no fw_cfg or memory: %s", ash_strerror(error));
    }
    return error == 0;
}

static void end(void)
{
    CHECK_EQ(ash_pmem_free(&memory), 0);
    CHECK_EQ(fw_cfg_close(&fw), 0);
}

/* A transfer of the memory from `at` on: one mapping, from its start to its end. */
static int move(uint16_t key, uint32_t offset, size_t at, uint32_t size,
                enum ash_dma_direction direction)
{
    struct ash_dma_mapping mapping = {0};
    ash_pa_t pa = ash_pa(memory.pa.value + at);
    int error = ash_dma_map(&fw.dma, pa, size, direction, &mapping);
    int done;

    if (error != 0) {
        return error;
    }
    error = direction == ASH_DMA_TO_DEVICE ? fw_cfg_write(&fw, key, offset, mapping.bus, size)
                                           : fw_cfg_read(&fw, key, offset, mapping.bus, size);
    done = ash_dma_unmap(&mapping);
    return error != 0 ? error : done;
}

static void reads_what_the_register_shows(void)
{
    static uint8_t expected[DIRECTORY_BYTES];
    size_t line;

    if (!begin()) {
        return;
    }
    line = ash_dma_cache_alignment(&fw.dma);
    fw_cfg_read_bytes(&fw, FW_CFG_DIRECTORY, expected, DIRECTORY_BYTES);
    CHECK(expected[2] != 0 || expected[3] != 0); /* the number of files */
    for (uint32_t offset = 0; offset < OFFSETS; offset++) {
        uint32_t size = (uint32_t)ash_align_down(DIRECTORY_BYTES - offset, line);
        const uint8_t *bytes = memory.ptr;

        memset(memory.ptr, 0xee, ASH_PAGE_SIZE);
        CHECK_EQ(move(FW_CFG_DIRECTORY, offset, line, size, ASH_DMA_FROM_DEVICE), 0);
        CHECK_EQ(memcmp(bytes + line, expected + offset, size), 0);
        for (size_t at = 0; at < ASH_PAGE_SIZE; at++) {
            CHECK((at >= line && at < line + size) || bytes[at] == 0xee);
        }
    }
    end();
}

static void files_are_found_by_name(void)
{
    static uint8_t bytes[6];
    struct fw_cfg_file file;

    if (!begin()) {
        return;
    }
    CHECK_EQ(fw_cfg_find(&fw, "no such file", &file), ASH_ENOENT);
    CHECK_EQ(fw_cfg_find(&fw, "", &file), ASH_ENOENT);
    CHECK_EQ(fw_cfg_find(&fw, "bootorder", &file), 0);
    CHECK(file.key >= 0x20);
    fw_cfg_read_bytes(&fw, 0, bytes, 4); /* the signature */
    CHECK_EQ(memcmp(bytes, "QEMU", 4), 0);
    end();
}

/* etc/vmcoreinfo is a file that the firmware writes: four fields of 2, 2, 4 and 8 bytes. */
static void written_files_are_read_back(void)
{
    static const uint8_t content[16] = {0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 1, 2, 3, 4, 5, 6, 7, 8};
    static uint8_t bytes[sizeof content];
    struct fw_cfg_file file;
    int error;

    if (!begin()) {
        return;
    }
    error = fw_cfg_find(&fw, "etc/vmcoreinfo", &file);
    if (error == 0) {
        CHECK_EQ(file.size, sizeof content);
        memcpy(memory.ptr, content, sizeof content);
        CHECK_EQ(move(file.key, 0, 0, sizeof content, ASH_DMA_TO_DEVICE), 0);
        fw_cfg_read_bytes(&fw, file.key, bytes, sizeof bytes);
        CHECK_EQ(memcmp(bytes, content, sizeof content), 0);
        CHECK_EQ(move(file.key, 4, 0, sizeof content, ASH_DMA_TO_DEVICE), ASH_EIO);
        CHECK_EQ(move(FW_CFG_DIRECTORY, 0, 0, 4, ASH_DMA_TO_DEVICE), ASH_EIO);
    } else {
        target_skip("QEMU was started without a file that can be written");
    }
    end();
}

static const struct target_case cases[] = {
    TARGET_CASE(reads_what_the_register_shows),
    TARGET_CASE(files_are_found_by_name),
    TARGET_CASE(written_files_are_read_back),
};

const struct target_suite suite_fw_cfg = TARGET_SUITE("fw-cfg", cases);
