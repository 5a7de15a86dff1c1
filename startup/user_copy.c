/* SPDX-License-Identifier: MIT */
/*
 * Copies between the firmware and user mode. Each access has the rights of user mode, so the
 * processor itself refuses what the program could not have done; it also passes by PAN.
 */
#include "ashlar/errors.h"
#include "ashlar/space.h"
#include "ashlar/trap.h"
#include "ashlar/user.h"
#include "port/port.h"

#define WORD sizeof(uintptr_t)

struct copy {
    uintptr_t user; /* address */
    unsigned char *own;
    size_t size;
    volatile size_t done;
};

/* Whether a word may be copied next. */
static bool by_word(const struct copy *copy)
{
    return ash_is_aligned((copy->user + copy->done) | (uintptr_t)(copy->own + copy->done), WORD) &&
           copy->size - copy->done >= WORD;
}

static void read_all(void *argument)
{
    struct copy *copy = argument;

    while (copy->done < copy->size) {
        ash_va_t va = ash_va(copy->user + copy->done);

        if (by_word(copy)) {
            *(uintptr_t *)(void *)(copy->own + copy->done) = port_user_load(va);
            copy->done += WORD;
        } else {
            copy->own[copy->done] = port_user_load8(va);
            copy->done += 1;
        }
    }
}

static void write_all(void *argument)
{
    struct copy *copy = argument;

    while (copy->done < copy->size) {
        ash_va_t va = ash_va(copy->user + copy->done);

        if (by_word(copy)) {
            port_user_store(va, *(const uintptr_t *)(void *)(copy->own + copy->done));
            copy->done += WORD;
        } else {
            port_user_store8(va, copy->own[copy->done]);
            copy->done += 1;
        }
    }
}

/* The page was a hole in a break-before-make by another CPU, and is none any more. */
static bool passes_now(const struct ash_trap *trap)
{
    struct ash_space *space = ash_space_current();
    ash_mmu_attr_t access = ASH_MMU_USER | (trap->write ? ASH_MMU_WRITE : 0);

    return trap->cause == ASH_CAUSE_TRANSLATION && trap->address_valid && space != NULL &&
           ash_space_retry(space, ash_va(trap->address), access) == 0;
}

static int run(struct copy *copy, void (*function)(void *), size_t *done)
{
    struct ash_trap trap;
    int error = ASH_EFAULT;

    copy->done = 0;
    /* What wraps would come out at the firmware's lowest addresses: not even begun. */
    if (copy->size <= UINTPTR_MAX - copy->user) {
        do { /* what was copied before a fault is copied */
            error = ash_trap_catch(function, copy, &trap);
        } while (error != 0 && passes_now(&trap));
    }
    if (done != NULL) {
        *done = copy->done;
    }
    return error;
}

int ash_user_read(void *to, ash_va_t from, size_t size, size_t *done)
{
    struct copy copy = {.user = from.value, .own = to, .size = size};

    return run(&copy, read_all, done);
}

int ash_user_write(ash_va_t to, const void *from, size_t size, size_t *done)
{
    struct copy copy = {.user = to.value, .own = (unsigned char *)(uintptr_t)from, .size = size};

    return run(&copy, write_all, done);
}
