/* SPDX-License-Identifier: MIT */
/*
 * Figures and the list of spaces. Reads under the lock, prints without; changes nothing.
 */
#include "port/outside.h"
#include "vm/space.h"

#define MOST 32u /* spaces that are printed */

void ash_spaces_stats(struct ash_spaces_stats *stats)
{
    unsigned long saved = spinlock_acquire(&spaces_state.lock);

    *stats = (struct ash_spaces_stats){
        .bits = spaces_state.bits,
        .asid_bits = spaces_state.asid_bits,
        .count = spaces_state.count,
        .generations = spaces_state.asids.rolls,
        .renewals = spaces_state.renewals,
    };
    spinlock_release(&spaces_state.lock, saved);
}

struct line {
    char name[ASH_SPACE_NAME];
    uint64_t context;
    bool valid;    /* it has an ASID in this generation */
    unsigned cpus; /* that have it, a bit each */
};

static unsigned cpus_of(const struct ash_space *space)
{
    unsigned cpus = 0;

    for (unsigned i = 0; i < ASH_CPUS; i++) {
        if (asid_holder_load(&spaces_state.asids.cpu[i].now) == &space->context) {
            cpus |= 1u << i;
        }
    }
    return cpus;
}

/* The n-th space; false if there are not so many. */
static bool line_of(unsigned n, struct line *line)
{
    unsigned long saved = spinlock_acquire(&spaces_state.lock);
    const struct ash_space *space = spaces_state.first;

    for (; space != NULL && n > 0; n--) {
        space = space->next;
    }
    if (space != NULL) {
        port_copy(line->name, space->name, sizeof line->name);
        line->context = port_entry_load(&space->context);
        line->cpus = cpus_of(space);
        line->valid =
            line->cpus != 0 || asid_same_generation(line->context, spaces_state.asids.generation);
    }
    spinlock_release(&spaces_state.lock, saved);
    return space != NULL;
}

static void print_line(const struct line *line, ash_print_fn print)
{
    print("  %-*s", ASH_SPACE_NAME - 1, line->name);
    if (line->valid) {
        print("  ASID %5u", asid_of(line->context));
    } else {
        print("  no ASID   ");
    }
    for (unsigned i = 0; i < ASH_CPUS; i++) {
        if (line->cpus & 1u << i) {
            print("  CPU %u", i);
        }
    }
    print("\n");
}

void ash_spaces_report(ash_print_fn print)
{
    struct ash_spaces_stats stats;
    struct line line;
    unsigned n = 0;

    if (!outside_locks(__func__)) {
        return;
    }
    ash_spaces_stats(&stats);
    if (stats.bits == 0) {
        print("  this board has no spaces\n");
        return;
    }
    print("  %u bits of addresses from 0x%llx, ASIDs of %u bits\n", stats.bits,
          (unsigned long long)spaces_state.config.base.value, stats.asid_bits);
    print("  %lu spaces; %lu switches took the lock, %lu generations of ASIDs have ended\n",
          (unsigned long)stats.count, (unsigned long)stats.renewals,
          (unsigned long)stats.generations);
    for (; n < MOST && line_of(n, &line); n++) {
        print_line(&line, print);
    }
    if (stats.count > n) {
        print("  and %lu made before them\n", (unsigned long)(stats.count - n));
    }
}
