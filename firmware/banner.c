/* SPDX-License-Identifier: MIT */
/*
 * What was found at boot, and what was made of it.
 */
#include <stdio.h>

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "ashlar/frames.h"
#include "firmware/prompt.h"
#include "port/image.h"

static void print_range(const char *what, const char *name, uint64_t start, uint64_t end)
{
    uint64_t kib = (end - start) >> 10;

    printf("  %-9s 0x%08llx - 0x%08llx  %6llu %s  %s\n", what, (unsigned long long)start,
           (unsigned long long)end, (unsigned long long)(kib >= 10240 ? kib >> 10 : kib),
           kib >= 10240 ? "MiB" : "KiB", name);
}

static void print_part(const char *name, const char *start, const char *end)
{
    print_range("image", name, (uintptr_t)start, (uintptr_t)end);
}

static void print_built_in(void)
{
    static const char *const parts[] = {"console", "interrupt controller", "timer"};
    const char *before = "  not usable in the tree, from the built-in table: ";

    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (ash_platform.built_in & 1u << i) {
            printf("%s%s", before, parts[i]);
            before = ", ";
        }
    }
    if (ash_platform.built_in != 0) {
        printf("\n");
    }
}

static void print_source(void)
{
    switch (ash_platform.source) {
    case ASH_PLATFORM_REGISTER:
        printf("  device tree at %#llx, named by the loader\n",
               (unsigned long long)ash_platform.tree.base.value);
        print_built_in();
        break;
    case ASH_PLATFORM_FIXED:
        printf("  device tree at %#llx\n", (unsigned long long)ash_platform.tree.base.value);
        print_built_in();
        break;
    case ASH_PLATFORM_FALLBACK:
        printf("  no usable device tree (%s): built-in table\n",
               ash_strerror(ash_platform.source_error));
        break;
    }
}

void banner_print(void)
{
    static const char *const entries[] = {
        [ASH_ENTRY_SVC] = "AArch32, entered in SVC",
        [ASH_ENTRY_HYP] = "AArch32, entered in Hyp",
        [ASH_ENTRY_SECURE] = "AArch32, entered in Secure SVC",
        [ASH_ENTRY_EL1] = "AArch64, entered in EL1",
        [ASH_ENTRY_EL2] = "AArch64, entered in EL2",
        [ASH_ENTRY_EL3] = "AArch64, entered in EL3",
    };

    printf("\nAshlar on %s, %s%s\n", ash_board.name, entries[ash_boot_info.entry],
           ash_boot_info.caches_were_on ? " with MMU or caches on" : "");
    print_source();
    for (unsigned i = 0; i < ash_platform.ram_count; i++) {
        print_range("RAM", "", ash_platform.ram[i].base.value,
                    ash_platform.ram[i].base.value + ash_platform.ram[i].size);
    }
    for (unsigned i = 0; i < ash_platform.flash_count; i++) {
        print_range("flash", "", ash_platform.flash[i].base.value,
                    ash_platform.flash[i].base.value + ash_platform.flash[i].size);
    }
    for (unsigned i = 0; i < ash_platform.reserved_count; i++) {
        print_range(
            "reserved", ash_platform.reserved[i].name, ash_platform.reserved[i].range.base.value,
            ash_platform.reserved[i].range.base.value + ash_platform.reserved[i].range.size);
    }
    print_part("code, executed in place", __text_start, __text_end);
    print_part("code of the C library", __libtext_start, __libtext_end);
    print_part("constants", __rodata_start, __rodata_end);
    print_part("code in RAM", __ramtext_start, __ramtext_end);
    print_part("RAM of the image, stacks included", __ram_start, __ram_end);
    printf("  MMU on: %lu tables, write implies execute-never; %u devices, %u CPUs\n",
           (unsigned long)ash_boot_map.counters.tables, ash_platform.device_count,
           ash_platform.cpu_count);
    printf("  boot: %lu cycles from reset to main\n\n", (unsigned long)ash_boot_info.cycles);
}
