/* SPDX-License-Identifier: MIT */
/*
 * Guarded stacks, and the list of them that exception reports read.
 *
 * The list is changed under vmap's lock, by one store each; it is read without a lock, in an
 * exception, perhaps of code that holds the lock. A report on one CPU while another destroys a
 * stack may read a node that is none any more, and then ends early.
 */
#include "alloc/vmap.h"
#include "ashlar/trap.h"
#include "port/outside.h"
#include "port/port.h"

static bool stack_find(uintptr_t address, struct ash_stack_place *place)
{
    uintptr_t page = address >> ASH_PAGE_SHIFT;
    const struct vmap_area *area = *(struct vmap_area *const volatile *)&vmap_state.stacks;

    while (area != NULL && page - area->page >= area->pages) {
        area = *(struct vmap_area *const volatile *)&area->stack.next;
    }
    if (area == NULL) {
        return false;
    }
    place->name = area->stack.name;
    place->base = vmap_area_va(area).value;
    place->top = place->base + ((area->pages - 1) << ASH_PAGE_SHIFT);
    place->in_guard = address < place->base;
    return true;
}

/* What a reader meets is complete: the node first, then the link to it. */
static void publish(struct vmap_area **link, struct vmap_area *area)
{
    port_dmb_ish();
    *(struct vmap_area *volatile *)link = area;
}

void *ash_stack_create(const char *name, size_t bytes)
{
    if (!outside_interrupts(__func__)) {
        return NULL;
    }

    struct vmap_area *area = name == NULL ? NULL : vmap_memory_open(bytes, ASH_OWNER_STACK);
    unsigned long saved;
    void *base;

    if (area == NULL) {
        return NULL;
    }
    base = (void *)vmap_area_va(area).value;
    saved = spinlock_acquire(&vmap_state.lock);
    area->kind = VMAP_STACK;
    area->stack.name = name;
    area->stack.next = vmap_state.stacks;
    publish(&vmap_state.stacks, area);
    ash_stack_find_hook = stack_find;
    spinlock_release(&vmap_state.lock, saved);
    return base;
}

void ash_stack_destroy(void *stack)
{
    struct vmap_area *area, **link;
    unsigned long saved;

    if (!outside_interrupts(__func__)) {
        return;
    }
    if (stack == NULL) {
        return;
    }
    area = vmap_claim(stack, 1u << VMAP_STACK, __builtin_return_address(0));
    if (area == NULL) {
        return;
    }
    saved = spinlock_acquire(&vmap_state.lock);
    for (link = &vmap_state.stacks; *link != area; link = &(*link)->stack.next) {
    }
    publish(link, area->stack.next);
    spinlock_release(&vmap_state.lock, saved);
    vmap_memory_close(area);
}
