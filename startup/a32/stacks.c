/* SPDX-License-Identifier: MIT */
/*
 * The stacks of all CPUs, their per-CPU data and mailboxes, and which stack an address belongs to.
 */
#include "startup/stacks.h"

#include "port/a32/percpu.h"
#include "port/port.h"
#include "startup/a32/stacks.h"
#include "startup/mailbox.h"

unsigned char boot_stacks[ASH_CPUS][STACKS_BYTES]
    __attribute__((section(".stacks"), aligned(STACKS_ALIGN)));

struct mailbox boot_mailbox[ASH_CPUS] __attribute__((section(".noinit"), aligned(64)));

struct percpu percpu[ASH_CPUS] __attribute__((aligned(32)));

static const struct {
    uint32_t base, top;
    enum ash_stack stack;
} layout[] = {
    {STACK_FIQ_BASE, STACK_FIQ_TOP, ASH_STACK_FIQ},
    {STACK_IRQ_BASE, STACK_IRQ_TOP, ASH_STACK_IRQ},
    {STACK_ABT_BASE, STACK_ABT_TOP, ASH_STACK_ABT},
    {STACK_SVC_BASE, STACK_SVC_TOP, ASH_STACK_SVC},
    {STACK_UND_BASE, STACK_UND_TOP, ASH_STACK_UND},
    {STACK_EMERGENCY_BASE, STACK_EMERGENCY_TOP, ASH_STACK_EMERGENCY},
};

#define LAYOUT_COUNT (sizeof(layout) / sizeof(layout[0]))

bool stacks_guard(unsigned n, ash_va_t *guard)
{
    unsigned cpu = n / LAYOUT_COUNT;

    if (cpu >= ASH_CPUS) {
        return false;
    }
    *guard = ash_va((uintptr_t)boot_stacks[cpu] + layout[n % LAYOUT_COUNT].base - STACKS_GUARD);
    return true;
}

bool stacks_find(uintptr_t address, struct stacks_place *place)
{
    uintptr_t offset = address - (uintptr_t)boot_stacks;

    if (address < (uintptr_t)boot_stacks || offset >= sizeof(boot_stacks)) {
        return false;
    }
    place->cpu = (unsigned)(offset / STACKS_BYTES);
    offset %= STACKS_BYTES;
    for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
        if (offset < layout[i].top) {
            place->stack = layout[i].stack;
            place->in_guard = offset < layout[i].base;
            place->base = (uintptr_t)boot_stacks[place->cpu] + layout[i].base;
            place->top = (uintptr_t)boot_stacks[place->cpu] + layout[i].top;
            return true;
        }
    }
    return false;
}
