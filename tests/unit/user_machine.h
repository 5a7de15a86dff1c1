/* SPDX-License-Identifier: MIT */
/*
 * Programs on the machine of spaces: what they may do at an address, what they find there, and a
 * user mode in which one step is one thing that a program does.
 */
#ifndef ASHLAR_UNIT_USER_MACHINE_H
#define ASHLAR_UNIT_USER_MACHINE_H

#include "ashlar/process.h"
#include "tests/unit/space_machine.h"

/* What a program may do with the byte at va, in the current space. */
enum user_right { USER_READ = 1, USER_WRITE = 2, USER_FETCH = 4 };
static inline unsigned user_rights(ash_va_t va)
{
    static const unsigned accesses[] = {SIM_READ, SIM_WRITE, SIM_FETCH};
    unsigned rights = 0;

    for (unsigned i = 0; i < 3; i++) {
        if (sim_access(va.value, accesses[i] | SIM_UNPRIVILEGED).fault == SIM_OK) {
            rights |= 1u << i;
        }
    }
    must(sim_access(va.value, SIM_FETCH).fault != SIM_OK); /* the firmware does not run it */
    return rights;
}

/* One right for each page of a range. */
static inline void user_expect(ash_va_t va, uint64_t size, unsigned rights)
{
    for (uint64_t done = 0; done < size; done += PAGE) {
        must(user_rights(ash_va(va.value + (uintptr_t)done)) == rights);
    }
}

/* Frames that programs hold, and tables of spaces. */
struct user_held {
    uint32_t pages, tables;
};
static inline struct user_held user_held(void)
{
    return (struct user_held){ash_frames_owned(ASH_OWNER_USER), ash_frames_owned(ASH_OWNER_SPACE)};
}
static inline bool user_holds(struct user_held before)
{
    struct user_held now = user_held();

    return now.pages == before.pages && now.tables == before.tables;
}

/* Runs try(arg) with the n-th allocation of frames failing, for every n: then nothing is held that
 * was not before, and unchanged(arg) looks further. Returns how many it takes. */
static inline unsigned user_fail_each(int (*try)(void *arg), void (*unchanged)(void *arg),
                                      void *arg)
{
    struct user_held before = user_held();

    for (unsigned n = 1;; n++) {
        int error;

        support_fail_at = n;
        error = try(arg);
        if (support_fail_at != 0) {
            support_fail_at = 0;
            must(error == 0);
            return n - 1;
        }
        must(error == ASH_ENOMEM);
        must(user_holds(before));
        unchanged(arg);
    }
}

/* User mode (tests/unit/user_machine.c) */

/** What the program does in the next run: one call, or something that ends the run. */
struct user_step {
    enum ash_user_event event;
    uintptr_t number, argument[3];
    struct ash_trap trap;
};
extern struct user_step user_step;

/** How the last run of user_call() ended; ASH_PROCESS_INTERRUPT: the program would go on. */
extern enum ash_process_event user_event;

/** A run in which the program makes this call. What it returns. */
intptr_t user_call(struct ash_process *process, uintptr_t number, uintptr_t a, uintptr_t b,
                   uintptr_t c);

/** What the program itself stores and finds, up to the first byte that it may not access: how many
 *  bytes that were. */
size_t user_store(struct ash_process *process, ash_va_t to, const void *from, size_t size);
size_t user_load(struct ash_process *process, void *to, ash_va_t from, size_t size);

#endif
