/* SPDX-License-Identifier: MIT */
/*
 * Which stack an address belongs to. Owns the data of the CPUs and their mailboxes as well.
 */
#include "startup/stacks.h"

#include "ashlar/config.h"
#include "port/percpu.h"
#include "port/port.h"
#include "startup/mailbox.h"

struct mailbox boot_mailbox[ASH_CPUS] __attribute__((section(".noinit"), aligned(64)));

_Static_assert(PERCPU_INSIDE_START == PORT_INSIDE_START, "two names, for assembler and C");

struct percpu percpu[ASH_CPUS] __attribute__((aligned(PERCPU_SIZE)));

static uintptr_t block_of(unsigned cpu)
{
    return (uintptr_t)stacks_layout.blocks + cpu * stacks_layout.bytes;
}

bool stacks_guard(unsigned n, ash_va_t *guard)
{
    unsigned cpu = n / stacks_layout.count;

    if (cpu >= ASH_CPUS) {
        return false;
    }
    *guard = ash_va(block_of(cpu) + stacks_layout.part[n % stacks_layout.count].base -
                    stacks_layout.guard);
    return true;
}

bool stacks_find(uintptr_t address, struct stacks_place *place)
{
    uintptr_t offset = address - block_of(0);

    if (address < block_of(0) || offset >= ASH_CPUS * stacks_layout.bytes) {
        return false;
    }
    place->cpu = (unsigned)(offset / stacks_layout.bytes);
    offset %= stacks_layout.bytes;
    for (unsigned i = 0; i < stacks_layout.count; i++) {
        const struct stacks_part *part = &stacks_layout.part[i];

        if (offset < part->top) {
            place->stack = part->stack;
            place->in_guard = offset < part->base;
            place->base = block_of(place->cpu) + part->base;
            place->top = block_of(place->cpu) + part->top;
            return true;
        }
    }
    return false;
}

uintptr_t stacks_top(unsigned cpu, enum ash_stack stack)
{
    unsigned i = 0;

    while (i + 1 < stacks_layout.count && stacks_layout.part[i].stack != stack) {
        i++;
    }
    return block_of(cpu) + stacks_layout.part[i].top;
}
