/* SPDX-License-Identifier: MIT */
/*
 * Calls of user mode: from the SVC to the instruction behind it, counted by the program itself. The
 * null call is one that processes do not have, so that it is all the way there and back; once it is
 * served on the spot, and once by ending the run, which is begun again.
 */
#include "ashlar/call.h"
#include "ashlar/space.h"
#include "ashlar/user.h"
#include "bench/bench.h"
#include "process/process.h"

#define CALLS     256u
#define NULL_CALL 1000u
#if UINTPTR_MAX > UINT32_MAX
#define NUMBER_IN 9
#else
#define NUMBER_IN 8
#endif

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

static void row(const char *name, bool (*call)(struct ash_user *), unsigned number)
{
    static struct ash_process process;
    struct ash_user *user = &process.user;
    struct ash_trap trap;

    ash_user_init(user, "bench", ash_space_base(), ash_space_base());
    ASH_USER_GENERAL(user)[NUMBER_IN] = number;
    user->call = call;
    bench_start(&bench, name);
    while (bench.count < CALLS) {
        BENCH_CHECK(ash_user_run(user, &trap) == ASH_USER_CALL);
        if (ash_user_number(user) == ASH_CALL_EXIT) {
            note(user);
        } else {
            BENCH_CHECK(call == NULL);
            ash_user_return(user, ASH_ENOSYS);
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
    row("user-null-call", process_call, NULL_CALL);
    row("user-brk-call", process_call, ASH_CALL_BRK);
    row("user-run-call", NULL, NULL_CALL);
    bench_user_counts(false);
    ash_space_leave();
    BENCH_CHECK(ash_space_unmap(&space, ash_space_base(), sizeof code) == 0);
    BENCH_CHECK(ash_space_destroy(&space) == 0);
}
