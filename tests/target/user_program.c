/* SPDX-License-Identifier: MIT */
/*
 * See user_program.h.
 */
#include "tests/target/user_program.h"

#include "port/port.h"

struct user_page user_page[3] __attribute__((aligned(ASH_PAGE_SIZE)));

uintptr_t user_code(const char *piece)
{
    return USER_CODE + (uintptr_t)(piece - user_code_start);
}

uintptr_t *user_register(struct ash_user *user, unsigned n)
{
    return (uintptr_t *)&ASH_USER_GENERAL(user)[n];
}

void user_start(struct ash_user *user, const char *piece, uintptr_t first, uintptr_t second)
{
    ash_user_init(user, "test", ash_va(user_code(piece)), ash_va(USER_STACK));
    *user_register(user, 0) = first;
    *user_register(user, 1) = second;
}

void user_code_load(void)
{
    port_copy((void *)(uintptr_t)user_page[0].word, user_code_start,
              (uintptr_t)user_code_end - (uintptr_t)user_code_start);
    port_code_sync((const void *)(uintptr_t)user_page[0].word, ASH_PAGE_SIZE);
}

static const char *(*the_body)(void);

static const char *with_pages(void)
{
    const char *wrong;

    user_code_load();
    WANT(ash_mmu_map(&own_map, ash_va(USER_CODE), ash_pa((uintptr_t)&user_page[0]), ASH_PAGE_SIZE,
                     ASH_MMU_USER | ASH_MMU_EXEC) == 0);
    WANT(ash_mmu_map(&own_map, ash_va(USER_DATA), ash_pa((uintptr_t)&user_page[1]), ASH_PAGE_SIZE,
                     ASH_MMU_USER | ASH_MMU_WRITE) == 0);
    WANT(ash_mmu_map(&own_map, ash_va(USER_DATA + ASH_PAGE_SIZE), ash_pa((uintptr_t)&user_page[2]),
                     ASH_PAGE_SIZE, ASH_MMU_USER) == 0);
    wrong = the_body();
    WANT(ash_mmu_unmap(&own_map, ash_va(USER_CODE), ASH_PAGE_SIZE) == 0);
    WANT(ash_mmu_unmap(&own_map, ash_va(USER_DATA), 2 * ASH_PAGE_SIZE) == 0);
    return wrong;
}

void user_program_with(const char *(*body)(void))
{
    the_body = body;
    own_map_with(with_pages, (struct ash_mmu_config){0});
}
