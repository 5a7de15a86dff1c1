/* SPDX-License-Identifier: MIT */
/*
 * See boot_console.h. Owns the place of the one console that the identity map does not reach; asks
 * nobody but the board and its platform, as there is no vmap yet.
 */
#include "startup/boot_console.h"

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "startup/boot_map.h"

static struct ash_range console_pages; /* size 0: the identity map has it, or there is none */

static uint64_t console_va(void)
{
    return ash_board.vmap.base.value + ash_board.vmap.size - console_pages.size;
}

int boot_console_map(const struct ash_platform *platform)
{
    const struct ash_range *console = &platform->console;
    uint64_t start = ash_align_down(console->base.value, ASH_PAGE_SIZE);
    uint64_t end;
    int error;

    if (console->size == 0 || ash_board.console_move == NULL ||
        !ash_range_end(console->base.value, console->size, &end) ||
        !ash_align_up(end, ASH_PAGE_SIZE, &end) || end <= boot_map_limit() ||
        end - start >= ash_board.vmap.size) {
        return 0;
    }
    console_pages.base = ash_pa(start);
    console_pages.size = end - start;
    error = ash_mmu_map(&ash_boot_map, ash_va((uintptr_t)console_va()), console_pages.base,
                        console_pages.size, ASH_MMU_DEVICE | ASH_MMU_WRITE);
    if (error != 0) {
        console_pages.size = 0;
    }
    return error;
}

void boot_console_move(void)
{
    uint64_t offset = ash_platform.console.base.value - console_pages.base.value;

    if (console_pages.size != 0) {
        ash_board.console_move(ash_va((uintptr_t)(console_va() + offset)));
    }
}

struct ash_range boot_console_vmap(void)
{
    struct ash_range vmap = ash_board.vmap;

    vmap.size -= console_pages.size;
    return vmap;
}

bool boot_console_find(uint64_t start, uint64_t end, ash_va_t *va)
{
    if (console_pages.size == 0 || start < console_pages.base.value ||
        end > console_pages.base.value + console_pages.size) {
        return false;
    }
    *va = ash_va((uintptr_t)(console_va() + (start - console_pages.base.value)));
    return true;
}
