/* SPDX-License-Identifier: MIT */
/*
 * What spinlocks do besides the ticket: wait, be listed and reported, and at ASH_CHECK 2 be taken
 * in the order of their ranks. Owns the list of locks and what each CPU holds.
 */
#include "port/outside.h"
#include "port/spinlock.h"

#include "ashlar/fault.h"

unsigned long ash_lock_acquire(struct ash_spinlock *lock)
{
    return spinlock_acquire(lock);
}

void ash_lock_release(struct ash_spinlock *lock, unsigned long saved)
{
    spinlock_release(lock, saved);
}

#if ASH_LOCKS_NAMED

/* The list's own lock is served from the start, as nobody lists it, and the last of the list. */
static struct ash_spinlock list_lock = {.rank = ASH_LOCK_LOCKS, .name = "locks", .listed = 1};
static struct ash_spinlock *list = &list_lock;
static uint32_t list_count = 1;

static const char *const rank_words[] = {
#define RANK_WORDS(rank, words) [rank] = (words),
    [ASH_LOCK_NONE] = "no rank", ASH_LOCK_RANKS(RANK_WORDS)
#undef RANK_WORDS
};

#if ASH_CPUS > 1
static void wait_for_turn(struct ash_spinlock *lock, uint32_t ticket)
{
    do {
        port_wait_event();
    } while (port_load_acquire(&lock->serving) != ticket);
    lock->waited++;
}
#endif

/* As spinlock_acquire, but for the listing: that is done under this very lock. */
static unsigned long list_acquire(void)
{
    unsigned long saved = port_irq_save();

#if ASH_CHECK >= 2
    if (!spinlock_check_acquire(&list_lock)) {
        return saved;
    }
#endif
#if ASH_CPUS > 1
    uint32_t ticket = port_fetch_add_relaxed(&list_lock.next, 1);

    if (port_load_acquire(&list_lock.serving) != ticket) {
        wait_for_turn(&list_lock, ticket);
    }
#endif
    return saved;
}

/* By the first to hold the lock. */
static void enlist(struct ash_spinlock *lock)
{
    unsigned long saved = list_acquire();

    lock->following = list;
    lock->link = &list;
    list->link = &lock->following;
    list = lock;
    list_count++;
    spinlock_release(&list_lock, saved);
    port_store_release(&lock->listed, 1);
}

void spinlock_retire(struct ash_spinlock *lock)
{
    unsigned long saved = list_acquire();

    if (lock->link != NULL) { /* which changes when the lock before it goes */
        *lock->link = lock->following;
        lock->following->link = lock->link;
        lock->link = NULL;
        list_count--;
    }
    spinlock_release(&list_lock, saved);
}

#if ASH_CPUS > 1
void spinlock_wait(struct ash_spinlock *lock, uint32_t ticket)
{
    /* When tickets have gone round, ticket 0 waits like any other. */
    if (ticket == 0 && port_load_acquire(&lock->listed) == 0) {
        enlist(lock);
        port_store_release(&lock->serving, ticket);
        return;
    }
    wait_for_turn(lock, ticket);
}
#endif

/* A copy of the n-th lock of a rank; false if there is none. */
static bool nth(unsigned rank, unsigned n, struct ash_spinlock *copy)
{
    unsigned long saved = list_acquire();
    struct ash_spinlock *lock = list;
    bool found = false;

    for (uint32_t left = list_count; left > 0 && lock != NULL && !found;
         left--, lock = lock->following) {
        if (lock->rank == rank && n-- == 0) {
            copy->name = lock->name;
            copy->next = port_load_acquire(&lock->next);
            copy->waited = port_load_acquire(&lock->waited);
            found = true;
        }
    }
    spinlock_release(&list_lock, saved);
    return found;
}

void ash_locks_report(ash_print_fn print)
{
    struct ash_spinlock lock;

    if (!outside_locks(__func__)) {
        return;
    }
    print("rank           lock                  taken     waited\n");
    for (unsigned rank = ASH_LOCK_NONE; rank < ASH_LOCK_RANK_END; rank++) {
        for (unsigned n = 0; nth(rank, n, &lock); n++) {
            print("%-14s %-16s %10lu %10lu\n", rank_words[rank],
                  lock.name != NULL ? lock.name : "unnamed", (unsigned long)lock.next,
                  (unsigned long)lock.waited);
        }
    }
}

#else

void ash_locks_report(ash_print_fn print)
{
    if (!outside_locks(__func__)) {
        return;
    }
    print("%s\n", ASH_CPUS == 1 ? "one CPU: locks mask interrupts, and nothing is counted"
                                : "ASH_CHECK is 0: locks have no names and no counters");
}

#endif

#if ASH_CHECK >= 2

#define HELD_MOST    8u
#define WORDS_LENGTH 160u

/* What a CPU holds, in the order taken. It changes with interrupts masked, by its CPU only. */
static struct {
    unsigned count;
    struct ash_spinlock *lock[HELD_MOST];
    char words[WORDS_LENGTH]; /* of the last fault */
} held[ASH_CPUS];

void spinlock_forget_held(void)
{
    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        held[cpu].count = 0;
    }
}

static char *append(char *to, const char *end, const char *from)
{
    while (*from != '\0' && to < end) {
        *to++ = *from++;
    }
    return to;
}

static char *append_lock(char *to, const char *end, const struct ash_spinlock *lock)
{
    to = append(to, end, rank_words[lock->rank < ASH_LOCK_RANK_END ? lock->rank : ASH_LOCK_NONE]);
    to = append(to, end, " \"");
    to = append(to, end, lock->name != NULL ? lock->name : "unnamed");
    return append(to, end, "\"");
}

/* "the lock <of what> <verb> <the other>" */
static void misuse(struct ash_spinlock *lock, const char *verb, const struct ash_spinlock *other,
                   const void *caller)
{
    char *words = held[port_cpu()].words;
    const char *end = words + WORDS_LENGTH - 1;
    char *to = append_lock(words, end, lock);
    struct ash_fault fault;

    to = append(to, end, verb);
    if (other != NULL) {
        to = append_lock(to, end, other);
    }
    *to = '\0';
    fault.kind = ASH_FAULT_LOCK;
    fault.module = "locks";
    fault.what = words;
    fault.address = (uintptr_t)lock;
    fault.caller = caller;
    ash_fault_hook(&fault);
}

/* The number of the lock among those that the CPU holds, plus 1; 0: none of them. */
static unsigned number_of(unsigned cpu, const struct ash_spinlock *lock)
{
    unsigned n = held[cpu].count;

    while (n > 0 && held[cpu].lock[n - 1] != lock) {
        n--;
    }
    return n;
}

static const struct ash_spinlock *out_of_order(unsigned cpu, const struct ash_spinlock *lock)
{
    for (unsigned n = held[cpu].count; n > 0; n--) {
        if (held[cpu].lock[n - 1]->rank >= lock->rank) {
            return held[cpu].lock[n - 1];
        }
    }
    return NULL;
}

/* An interrupt in the middle leaves it as it was, but the CPU must stay the same. */
const struct ash_spinlock *spinlock_held(void)
{
    unsigned long saved = port_irq_save();
    unsigned cpu = port_cpu();
    const struct ash_spinlock *lock =
        held[cpu].count == 0 ? NULL : held[cpu].lock[held[cpu].count - 1];

    port_irq_restore(saved);
    return lock;
}

bool spinlock_check_acquire(struct ash_spinlock *lock)
{
    const void *caller = __builtin_return_address(0);
    unsigned cpu = port_cpu();
    const struct ash_spinlock *other = out_of_order(cpu, lock);
    bool twice = number_of(cpu, lock) != 0;

    if (twice) {
        misuse(lock, " is taken by the CPU that holds it", NULL, caller);
    } else if (lock->rank == ASH_LOCK_NONE || lock->rank >= ASH_LOCK_RANK_END) {
        misuse(lock, " is taken: it needs a rank (ASH_SPINLOCK)", NULL, caller);
    } else if (other != NULL) {
        misuse(lock, " is taken by a CPU that holds ", other, caller);
    }
    if (held[cpu].count == HELD_MOST) {
        misuse(lock, " is one more than a CPU may hold, above ", held[cpu].lock[HELD_MOST - 1],
               caller);
        return !twice;
    }
    held[cpu].lock[held[cpu].count++] = lock;
#if ASH_CPUS == 1
    if (lock->listed == 0) {
        lock->listed = 1;
        enlist(lock);
    }
    lock->next++;
#endif
    return !twice;
}

bool spinlock_check_release(struct ash_spinlock *lock)
{
    const void *caller = __builtin_return_address(0);
    unsigned cpu = port_cpu();
    unsigned n = number_of(cpu, lock);

    if (n == 0) {
        const struct ash_spinlock *top =
            held[cpu].count == 0 ? NULL : held[cpu].lock[held[cpu].count - 1];

        misuse(lock,
               top == NULL ? " is released by a CPU that holds none"
                           : " is released by a CPU that does not hold it, but ",
               top, caller);
        return false;
    }
    for (held[cpu].count--; n <= held[cpu].count; n++) {
        held[cpu].lock[n - 1] = held[cpu].lock[n];
    }
    return number_of(cpu, lock) == 0;
}

#endif
