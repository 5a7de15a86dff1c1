/* SPDX-License-Identifier: MIT */
/*
 * The list of bounce buffers and pools of coherent objects, and what is told of them. Changes none
 * of them.
 */
#include "alloc/dma_limits.h"
#include "port/outside.h"
#include "port/spinlock.h"

static struct {
    struct ash_spinlock lock;
    struct ash_dma_member *first;
} members = {.lock = ASH_SPINLOCK(ASH_LOCK_DMA_LIST, "dma memory")};

void dma_members_start(void)
{
    spinlock_retire(&members.lock);
    spinlock_init(&members.lock, ASH_LOCK_DMA_LIST, "dma memory");
    members.first = NULL;
}

void dma_enlist(struct ash_dma_member *member, void *self,
                void (*describe)(void *self, struct ash_usage *usage))
{
    unsigned long saved = spinlock_acquire(&members.lock);

    member->self = self;
    member->describe = describe;
    member->next = members.first;
    member->link = &members.first;
    if (members.first != NULL) {
        members.first->link = &member->next;
    }
    members.first = member;
    spinlock_release(&members.lock, saved);
}

void dma_delist(struct ash_dma_member *member)
{
    unsigned long saved = spinlock_acquire(&members.lock);

    *member->link = member->next;
    if (member->next != NULL) {
        member->next->link = member->link;
    }
    spinlock_release(&members.lock, saved);
}

/* Describes the n-th; false if there is none. */
static bool nth_usage(unsigned n, struct ash_usage *usage)
{
    unsigned long saved = spinlock_acquire(&members.lock);
    struct ash_dma_member *member = members.first;

    while (member != NULL && n > 0) {
        member = member->next;
        n--;
    }
    if (member != NULL) {
        member->describe(member->self, usage);
    }
    spinlock_release(&members.lock, saved);
    return member != NULL;
}

void ash_dma_usage(ash_usage_visit visit, void *arg)
{
    struct ash_usage usage;

    if (!outside_locks(__func__)) {
        return;
    }
    for (unsigned n = 0; nth_usage(n, &usage); n++) {
        visit(&usage, arg);
    }
}
