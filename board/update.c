/* SPDX-License-Identifier: MIT */
/*
 * The updater's public calls: which slot is free, and what flash and CPUs have to do with it. What
 * is written in which order is update_write.c's.
 */
#include "ashlar/update.h"

#include "ashlar/boot.h"
#include "board/dev/cfi.h"
#include "board/slot_check.h"
#include "board/slots.h"
#include "board/update.h"
#include "port/port.h"

static int update_unlock_flash(void *flash, uint32_t offset)
{
    return cfi_unlock(flash, offset);
}

static int update_erase_flash(void *flash, uint32_t offset)
{
    return cfi_erase(flash, offset);
}

static int update_program_flash(void *flash, uint32_t offset, const void *words, size_t bytes)
{
    return cfi_program(flash, offset, words, bytes);
}

static const void *update_view(const struct ash_range *range)
{
    return (const void *)(uintptr_t)range->base.value;
}

/* Flash that no tree tells of is not mapped, nor is more of the running slot than its image. */
static bool update_is_mapped(uint64_t address)
{
    struct ash_mmu_mapping mapping;

    return ash_mmu_query(&ash_boot_map, ash_va((uintptr_t)address), &mapping) == 0;
}

static int update_look(const struct board_slots *slots, unsigned number, struct ash_slot_info *info)
{
    uint64_t base = slots->slot[number].base.value, size = slots->slot[number].size;
    uint64_t end;

    info->range = slots->slot[number];
    info->running = slots->running == (int)number;
    if (!update_is_mapped(base)) {
        return ASH_ENODEV;
    }
    port_copy(&info->header, update_view(&info->range), sizeof(info->header));
    end = base + ASH_SLOT_HEADER_BYTES + info->header.length;
    info->fault =
        slot_check_header(&info->header, (uint32_t)base, (uint32_t)size, ash_slot_machine());
    if (info->fault == ASH_SLOT_VALID && !update_is_mapped(end - 1)) {
        info->fault = ASH_SLOT_BAD_LENGTH;
    }
    if (info->fault == ASH_SLOT_VALID) {
        info->fault = slot_check(update_view(&info->range), (uint32_t)base, (uint32_t)size,
                                 ash_slot_machine());
    }
    return 0;
}

int ash_update_slots(struct ash_slot_info slot[ASH_SLOTS])
{
    struct board_slots slots;
    int error = board_find_slots(&slots);

    for (unsigned i = 0; error == 0 && i < ASH_SLOTS; i++) {
        error = update_look(&slots, i, &slot[i]);
    }
    return error;
}

const char *ash_update_step_name(enum ash_update_step step)
{
    static const char *const names[ASH_UPDATE_STEPS] = {"checking", "erasing", "programming",
                                                        "verifying", "committing"};

    return (unsigned)step < ASH_UPDATE_STEPS ? names[step] : "unknown";
}

/* This program runs from a slot that starts again after a power cut. */
static int update_check_running(const struct board_slots *slots, struct ash_slot_info *info,
                                const char **what)
{
    if (slots->running < 0) {
        *what = "this image does not run from a slot";
        return ASH_EPERM;
    }
    if (update_look(slots, (unsigned)slots->running, info) != 0 || info->fault != ASH_SLOT_VALID) {
        *what = "the running slot would not start again";
        return ASH_ECORRUPT;
    }
    return 0;
}

static int update_with_flash(struct cfi_flash *flash, struct update_target *target,
                             const struct ash_update_source *source,
                             const struct update_image *image,
                             const struct ash_update_options *options, const char **what)
{
    int error = cfi_open(flash);

    *what = "no flash of a kind that is known";
    if (error == 0) {
        target->sector = flash->sector;
        error = update_write(target, source, image, options, what);
    }
    return error;
}

int ash_update_run(const struct ash_update_source *source, const struct ash_update_options *options,
                   struct ash_update_result *result)
{
    static struct cfi_flash flash;
    struct ash_slot_info running;
    struct board_slots slots;
    struct update_image image;
    static struct update_target target = {.flash = &flash,
                                          .unlock = update_unlock_flash,
                                          .erase = update_erase_flash,
                                          .program = update_program_flash};
    const struct ash_range *free_slot;
    int error = board_find_slots(&slots);

    target.machine = ash_slot_machine();
    result->slot = 0;
    result->version = 0;
    result->status = 0;
    result->what = "this board has no slots";
    if (error == 0) {
        error = update_check_running(&slots, &running, &result->what);
    }
    if (error != 0) {
        return error;
    }
    result->slot = 1u - (unsigned)slots.running;
    free_slot = &slots.slot[result->slot];
    target.view = update_view(free_slot);
    target.place = (uint32_t)free_slot->base.value;
    target.room = (uint32_t)free_slot->size;
    target.running_version = running.header.version;
    error = update_find(&target, source, options, &image, &result->what);
    if (error != 0) {
        return error;
    }
    result->version = image.header.version;
    error = update_park_cpus(&result->what);
    if (error != 0) {
        return error;
    }
    flash.bank = ash_va((uintptr_t)slots.bank.value);
    flash.base = ash_va((uintptr_t)free_slot->base.value);
    flash.bytes = target.room;
    flash.memory = update_view(&slots.memory);
    flash.memory_bytes = (size_t)slots.memory.size;
    flash.status = 0;
    error = update_with_flash(&flash, &target, source, &image, options, &result->what);
    update_release_cpus();
    result->status = error == ASH_EIO || error == ASH_EPERM ? flash.status : 0;
    return error;
}
