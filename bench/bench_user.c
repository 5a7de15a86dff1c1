/* SPDX-License-Identifier: MIT */
/*
 * Calls of user mode: from the SVC to the instruction behind it, counted by the program itself. A
 * null call looks at its number, does nothing and has the result 0; once it is served on the spot,
 * and once by ending the run, which is begun again.
 */
#include "ashlar/space.h"
#include "ashlar/user.h"
#include "bench/bench.h"

#define CALLS 256u

enum { NULL_CALL, COUNTED };

extern const char bench_user_start[], bench_user_end[];
void bench_user_counts(bool yes);

static struct {
    char byte[ASH_PAGE_SIZE];
} code __attribute__((aligned(ASH_PAGE_SIZE)));
static struct bench bench;

/* The program tells what it has counted: with the call, and what counting costs. */
static void note(const struct ash_user *user)
{
    bench_add_count(&bench,
                    (uint32_t)ash_user_argument(user, 0) - (uint32_t)ash_user_argument(user, 1));
}

static bool serve(struct ash_user *user)
{
    if (ash_user_number(user) == NULL_CALL) {
        ash_user_return(user, 0);
        return true;
    }
    return false;
}

static void row(const char *name, bool (*call)(struct ash_user *))
{
    static struct ash_user user;
    struct ash_trap trap;

    ash_user_init(&user, "bench", ash_space_base(), ash_space_base());
    user.call = call;
    bench_start(&bench, name);
    while (bench.count < CALLS) {
        BENCH_CHECK(ash_user_run(&user, &trap) == ASH_USER_CALL);
        if (ash_user_number(&user) == COUNTED) {
            note(&user);
        } else {
            BENCH_CHECK(call == NULL);
            ash_user_return(&user, 0);
        }
    }
    bench_print(&bench, 1);
}

void bench_user(void)
{
    static struct ash_space space;

    port_copy(&code, bench_user_start, (uintptr_t)bench_user_end - (uintptr_t)bench_user_start);
    port_code_sync(&code, sizeof code);
    BENCH_CHECK(ash_space_create(&space, "bench") == 0);
    BENCH_CHECK(ash_space_map(&space, ash_space_base(), ash_pa((uintptr_t)&code), sizeof code,
                              ASH_MMU_USER | ASH_MMU_EXEC) == 0);
    ash_space_switch(&space);
    bench_user_counts(true);
    row("user-null-call", serve);
    row("user-run-call", NULL);
    bench_user_counts(false);
    ash_space_leave();
    BENCH_CHECK(ash_space_unmap(&space, ash_space_base(), sizeof code) == 0);
    BENCH_CHECK(ash_space_destroy(&space) == 0);
}
