/* SPDX-License-Identifier: MIT */
/*
 * A board's table and a loader's device tree become one platform. Pure but for reading the tree.
 */
#include "board/table.h"

#include "ashlar/errors.h"
#include "board/platform.h"
#include "port/port.h"

static void add_table(struct ash_platform *platform, const struct board_table *table)
{
    platform->console = table->console;
    platform->irq = table->irq;
    platform->timer_irq = table->timer_irq;
    platform->timer_hz = table->timer_hz;
    platform->flash_count = table->flash.size != 0;
    platform->flash[0] = table->flash;
    platform->cpu_count = table->cpus;
    if (!platform->secure && table->psci != ASH_PSCI_NONE) {
        platform->psci = table->psci;
    }
    for (unsigned i = 0; i < table->cpus && i < ASH_PLATFORM_CPUS; i++) {
        platform->cpu_id[i] = table->cluster + i;
    }
    platform->device_count = table->device_count;
    port_copy(platform->device, table->device, table->device_count * sizeof(table->device[0]));
    for (unsigned i = 0; i < table->reserved_count; i++) {
        platform_add_reserved(platform, table->reserved[i].range, table->reserved[i].kind,
                              table->reserved[i].name);
    }
}

int table_read_tree(struct ash_platform *platform, const void *tree, uint64_t room,
                    struct ash_range image, bool secure)
{
    uint64_t end = image.base.value + image.size;
    int error = platform_from_tree(platform, tree, room, secure);

    if (error != 0) {
        return error;
    }
    if (platform_ram_from(platform, image.base) < image.size) {
        return ASH_ERANGE;
    }
    for (unsigned i = 0; i < platform->reserved_count; i++) {
        const struct ash_range *range = &platform->reserved[i].range;

        if (range->base.value < end && range->base.value + range->size > image.base.value) {
            return ASH_EBUSY;
        }
    }
    return 0;
}

void table_platform(const void *hint, const struct board_table *table, struct ash_range image,
                    bool secure, struct ash_platform *platform)
{
    uint64_t offset = (uintptr_t)hint - table->ram.base.value;
    int error = ASH_ENOENT;

    /* Page 0 is nobody's, and a tree is aligned by 8. */
    if ((uintptr_t)hint >= ASH_PAGE_SIZE && (uintptr_t)hint % 8 == 0 && offset < table->ram.size) {
        error = table_read_tree(platform, hint, table->ram.size - offset, image, secure);
    }
    if (error == 0) {
        platform->source = ASH_PLATFORM_REGISTER;
    } else {
        platform_clear(platform);
        platform->source = ASH_PLATFORM_FALLBACK;
        platform->source_error = error;
        platform->secure = secure;
        (void)platform_add_ram(platform, table->ram);
    }
    add_table(platform, table);
}
