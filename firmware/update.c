/* SPDX-License-Identifier: MIT */
/*
 * The prompt's `slots` and `update`: what lies in the slots, and a new image from a disk.
 */
#include "ashlar/update.h"

#include <stdio.h>
#include <stdlib.h>

#include "ashlar/block.h"
#include "ashlar/pmem.h"
#include "firmware/prompt.h"

void slots_print(const char *argument)
{
    struct ash_slot_info slot[ASH_SLOTS];
    enum ash_slot_fault fault[ASH_SLOTS];
    uint32_t version[ASH_SLOTS];
    int error = ash_update_slots(slot);

    (void)argument;
    if (error != 0) {
        printf("no slots: %s\n", ash_strerror(error));
        return;
    }
    for (unsigned i = 0; i < ASH_SLOTS; i++) {
        printf("slot %c  0x%08llx-0x%08llx  %s", 'A' + (int)i,
               (unsigned long long)slot[i].range.base.value,
               (unsigned long long)(slot[i].range.base.value + slot[i].range.size - 1),
               ash_slot_fault_name(slot[i].fault));
        if (slot[i].fault == ASH_SLOT_VALID) {
            printf(", version %lu, %lu bytes", (unsigned long)slot[i].header.version,
                   (unsigned long)slot[i].header.length);
        }
        printf("%s\n", slot[i].running ? "; runs now" : "");
        fault[i] = slot[i].fault;
        version[i] = slot[i].header.version;
    }
    if (ash_slot_choose(fault, version) < 0) {
        printf("none starts at a reset\n");
    } else {
        printf("slot %c starts at a reset\n", 'A' + ash_slot_choose(fault, version));
    }
}

struct disk_source {
    struct ash_block *disk;
    uint64_t first; /* sector */
};

static int read_disk(void *arg, uint64_t offset, void *memory, size_t bytes)
{
    const struct disk_source *source = arg;

    return ash_block_read(source->disk, source->first + offset / ASH_BLOCK_SECTOR,
                          (uint32_t)(bytes / ASH_BLOCK_SECTOR), ash_pa((uintptr_t)memory));
}

/* One line a step, and one each 256 KiB. */
static void tell(void *arg, enum ash_update_step step, uint32_t done, uint32_t total)
{
    (void)arg;
    if (done % (256u << 10) == 0 || done == total) {
        printf("update: %s, %lu of %lu KiB\n", ash_update_step_name(step),
               (unsigned long)(done >> 10), (unsigned long)(total >> 10));
    }
}

static void update_from(struct ash_block *disk, uint64_t sector)
{
    struct ash_update_options options = {tell, NULL};
    struct ash_update_result result;
    struct disk_source from = {disk, sector};
    struct ash_update_source source = {read_disk, &from, 0};
    struct ash_block_info info;
    int error;

    ash_block_get_info(disk, &info);
    source.bytes = sector < info.sectors ? (info.sectors - sector) * ASH_BLOCK_SECTOR : 0;
    error = ash_update_run(&source, &options, &result);
    if (error == 0) {
        printf("update: slot %c holds version %lu, which starts at the next reset\n",
               'A' + (int)result.slot, (unsigned long)result.version);
        return;
    }
    printf("update: %s: %s\n", result.what, ash_strerror(error));
    if (result.status != 0) {
        printf("update: status of the flash: 0x%08lx\n", (unsigned long)result.status);
    }
}

/* [DISK [SECTOR]] */
void update_run(const char *argument)
{
    unsigned long disk_number = 0;
    unsigned long long sector = 0;
    struct ash_block *disk;
    char *end = (char *)argument;
    int error;

    if (*argument != '\0') {
        disk_number = strtoul(argument, &end, 0);
        if (end != argument && *end == ' ') {
            sector = strtoull(end, &end, 0);
        }
    }
    if (*end != '\0' || (end == argument && *argument != '\0') || *argument == '-') {
        printf("update wants the number of a disk, and of the sector on it where the images begin; "
               "0 0 if it is not told\n");
        return;
    }
    error = ash_block_open((unsigned)disk_number, ash_pmem_find("dma"), &disk);
    if (error != 0) {
        printf("update: disk %lu: %s\n", disk_number, ash_strerror(error));
        return;
    }
    update_from(disk, sector);
    (void)ash_block_close(disk);
}
