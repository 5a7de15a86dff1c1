/* SPDX-License-Identifier: MIT */
/*
 * Device trees read twice: by Ashlar's reader and by libfdt, an independent one. A difference
 * aborts with a message. For unit tests and for the fuzzer.
 */
#ifndef ASHLAR_UNIT_FDT_ORACLE_H
#define ASHLAR_UNIT_FDT_ORACLE_H

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ashlar/platform.h"
#include "board/dev/fdt.h"
#include "board/platform.h"

#define ORACLE_SAME(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static inline void oracle_same_properties(const struct fdt_walk *walk, const void *blob, int node)
{
    uint32_t cursor = fdt_here(walk)->properties;
    struct fdt_value value, found;
    int property;

    fdt_for_each_property_offset(property, blob, node)
    {
        const char *name;
        int length;
        const void *bytes = fdt_getprop_by_offset(blob, property, &name, &length);

        ORACLE_SAME(bytes != NULL && fdt_value_next(walk->tree, &cursor, &value));
        ORACLE_SAME(strcmp(value.name, name) == 0);
        ORACLE_SAME(value.size == (uint32_t)length && value.bytes == bytes);
        ORACLE_SAME(fdt_value_find(walk, name, &found));
        ORACLE_SAME(found.bytes == fdt_getprop(blob, node, name, NULL));
    }
    ORACLE_SAME(!fdt_value_next(walk->tree, &cursor, &value));
}

/* Cells as they are written; libfdt refuses more than 4, the reader keeps them. */
static inline void oracle_same_cells(const struct fdt_walk *walk, const void *blob, int node)
{
    int length;
    const fdt32_t *cells = fdt_getprop(blob, node, "#address-cells", &length);

    ORACLE_SAME(fdt_here(walk)->address_cells ==
                (cells != NULL && length >= 4 ? fdt32_to_cpu(*cells) : 2));
    cells = fdt_getprop(blob, node, "#size-cells", &length);
    ORACLE_SAME(fdt_here(walk)->size_cells ==
                (cells != NULL && length >= 4 ? fdt32_to_cpu(*cells) : 1));
}

/** Every node and property, in the same order, with the same contents. */
static inline void oracle_same_tree(const struct fdt *tree, const void *blob)
{
    struct fdt_walk walk;
    int depth = -1, node = -1;
    uint64_t base, size;
    struct ash_range range;
    unsigned n = 0;

    for (int i = 0; i < fdt_num_mem_rsv(blob); i++) {
        ORACLE_SAME(fdt_get_mem_rsv(blob, i, &base, &size) == 0);
        ORACLE_SAME(fdt_reservation(tree, n++, &range));
        ORACLE_SAME(range.base.value == base && range.size == size);
    }
    /* libfdt ends the list at an empty range, the specification (5.3.1) at one that is all zero. */
    ORACLE_SAME(!fdt_reservation(tree, n, &range) || range.size == 0);
    fdt_walk_start(&walk, tree);
    while ((node = fdt_next_node(blob, node, &depth)) >= 0 && depth >= 0) {
        ORACLE_SAME(fdt_walk_next(&walk));
        ORACLE_SAME((int)walk.depth == depth);
        ORACLE_SAME(strcmp(fdt_here(&walk)->name, fdt_get_name(blob, node, NULL)) == 0);
        oracle_same_properties(&walk, blob, node);
        oracle_same_cells(&walk, blob, node);
    }
    ORACLE_SAME(!fdt_walk_next(&walk));
}

/** What must hold of a platform, whatever the tree said. */
static inline void oracle_platform_sound(const struct ash_platform *platform)
{
    uint64_t end = 0;

    ORACLE_SAME(platform->ram_count >= 1 && platform->ram_count <= ASH_PLATFORM_RAM);
    ORACLE_SAME(platform->reserved_count <= ASH_PLATFORM_RESERVED);
    ORACLE_SAME(platform->flash_count <= ASH_PLATFORM_FLASH);
    ORACLE_SAME(platform->device_count <= ASH_PLATFORM_DEVICES);
    ORACLE_SAME(platform->cpu_count >= 1);
    for (unsigned i = 0; i < platform->ram_count; i++) {
        const struct ash_range *bank = &platform->ram[i];

        ORACLE_SAME(bank->size != 0 && (i == 0 || bank->base.value >= end));
        ORACLE_SAME(bank->base.value < PLATFORM_PA_END);
        ORACLE_SAME(bank->size <= PLATFORM_PA_END - bank->base.value);
        end = bank->base.value + bank->size;
    }
    for (unsigned i = 0; i < platform->reserved_count; i++) {
        const struct ash_reserved *reserved = &platform->reserved[i];

        ORACLE_SAME(reserved->range.size != 0 && reserved->range.base.value < PLATFORM_PA_END);
        ORACLE_SAME(reserved->range.size <= PLATFORM_PA_END - reserved->range.base.value);
        ORACLE_SAME(memchr(reserved->name, 0, sizeof(reserved->name)) != NULL);
    }
    for (unsigned i = 0; i < platform->device_count; i++) {
        const struct ash_device *device = &platform->device[i];

        ORACLE_SAME(device->range.size != 0 && device->irq < 1020);
        ORACLE_SAME(device->range.base.value + device->range.size <= PLATFORM_PA_END);
        ORACLE_SAME(memchr(device->name, 0, sizeof(device->name)) != NULL);
    }
    ORACLE_SAME(memchr(platform->bootargs, 0, sizeof(platform->bootargs)) != NULL);
    ORACLE_SAME(platform->irq.version == 0 || platform->irq.version == 2 ||
                platform->irq.version == 3);
    ORACLE_SAME(platform->power_off.line <= 7 && platform->restart.line <= 7);
}

/**
 * Reads a blob that may be anything: the reader must not crash (the sanitizers see to that) and
 * must agree with libfdt where both think it well-formed. True if the reader does.
 */
static inline bool oracle_read(const void *blob, size_t room)
{
    static struct ash_platform platform;
    struct fdt tree;
    struct fdt_walk walk, other;
    struct ash_range range;
    uint32_t cell;

    for (unsigned secure = 0; secure < 2; secure++) {
        if (platform_from_tree(&platform, blob, room, secure != 0) == 0) {
            oracle_platform_sound(&platform);
        }
    }
    if (fdt_open(&tree, blob, room) != 0) {
        return false;
    }
    ORACLE_SAME(tree.used <= tree.size && tree.size <= room);
    if (fdt_check_full(blob, room) == 0) {
        oracle_same_tree(&tree, blob);
    }
    fdt_walk_start(&walk, &tree);
    while (fdt_walk_next(&walk)) {
        struct fdt_value value;
        uint32_t cursor = fdt_here(&walk)->properties;

        for (uint32_t n = 0; n < 4; n++) {
            (void)fdt_reg(&walk, n, &range);
            (void)fdt_reg_local(&walk, n, &range);
        }
        while (fdt_value_next(&tree, &cursor, &value)) {
            (void)fdt_value_string(&value);
            (void)fdt_value_lists(&value, "x");
            (void)fdt_value_cell(&value, 0, &cell);
        }
        other = walk;
        fdt_walk_skip(&other);
        if (fdt_walk_next(&other)) {
            ORACLE_SAME(other.depth <= walk.depth);
        }
    }
    (void)fdt_walk_alias(&other, &tree, "serial0:115200");
    (void)fdt_walk_path(&other, &tree, "/soc/uart@1000/child");
    (void)fdt_walk_phandle(&other, &tree, 1);
    return true;
}

#endif
