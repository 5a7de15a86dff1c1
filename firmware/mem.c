/* SPDX-License-Identifier: MIT */
/*
 * The prompt's `mem`: what lies where, with the permissions that the tables really give, and then
 * the tables themselves as runs.
 */
#include <stdio.h>

#include "ashlar/boot.h"
#include "ashlar/pmem.h"
#include "firmware/prompt.h"
#include "port/image.h"
#include "startup/boot_map.h"

static void print_area(const char *name, uint64_t start, uint64_t end)
{
    struct ash_mmu_mapping mapping;

    if (start >= end) {
        return;
    }
    printf("  %-24.24s 0x%08llx-0x%08llx  ", name, (unsigned long long)start,
           (unsigned long long)(end - 1));
    if (end > boot_map_limit()) {
        printf("beyond the identity map\n");
    } else if (ash_mmu_query(&ash_boot_map, ash_va((uintptr_t)(end - 1)), &mapping) != 0) {
        printf("not mapped\n");
    } else {
        printf("%-8s r%c%c\n", ash_mmu_type_name(mapping.attr),
               mapping.attr & ASH_MMU_WRITE ? 'w' : '-', mapping.attr & ASH_MMU_EXEC ? 'x' : '-');
    }
}

static void print_image_area(const char *name, const char *start, const char *end)
{
    print_area(name, (uintptr_t)start, (uintptr_t)end);
}

static void print_areas(const struct ash_platform *platform)
{
    struct ash_pmem_stats stats;
    struct ash_pmem *region;

    print_area("page 0", 0, ASH_PAGE_SIZE);
    print_image_area(".reset", __reset_start, __reset_end);
    print_image_area(".text", __text_start, __text_end);
    print_image_area(".libtext", __libtext_start, __libtext_end);
    print_image_area(".rodata", __rodata_start, __rodata_end);
    print_image_area(".ramtext", __ramtext_start, __ramtext_end);
    print_image_area(".data .bss .stacks", __ramtext_end, __ram_end);
    for (unsigned i = 0; (region = ash_pmem_region(i)) != NULL; i++) {
        ash_pmem_stats(region, &stats);
        print_area(ash_pmem_name(region), stats.range.base.value,
                   stats.range.base.value + stats.range.size);
    }
    for (unsigned i = 0; i < platform->ram_count; i++) {
        print_area("RAM", platform->ram[i].base.value,
                   platform->ram[i].base.value + platform->ram[i].size);
    }
    for (unsigned i = 0; i < platform->reserved_count; i++) {
        print_area(platform->reserved[i].name, platform->reserved[i].range.base.value,
                   platform->reserved[i].range.base.value + platform->reserved[i].range.size);
    }
    for (unsigned i = 0; i < platform->flash_count; i++) {
        print_area("flash", platform->flash[i].base.value,
                   platform->flash[i].base.value + platform->flash[i].size);
    }
    for (unsigned i = 0; i < platform->device_count; i++) {
        print_area(platform->device[i].name, platform->device[i].range.base.value,
                   platform->device[i].range.base.value + platform->device[i].range.size);
    }
}

void mem_print(void)
{
    printf("what lies where (type and permission of its last page):\n");
    print_areas(&ash_platform);
    printf("the tables:\n");
    ash_mmu_dump(&ash_boot_map, printf);
}
