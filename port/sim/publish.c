/* SPDX-License-Identifier: MIT */
/*
 * Ordinary memory that others follow a pointer to without a lock. The machine does not see plain
 * stores, but between two operations it sees what they have changed: when the pointer is a new one,
 * what it leads to must be as it was at this CPU's last barrier.
 */
#include "port/sim/state.h"

#include <string.h>

static struct {
    const void *const *link;
    const void *last;            /* that the link led to */
    const unsigned char *memory; /* where it may lead to */
    unsigned char then[ASH_PAGE_SIZE];
} watched;

void sim_publish_start(void)
{
    watched.link = NULL;
}

void sim_watch_link(const void *link, const void *page)
{
    watched.link = link;
    watched.last = *watched.link;
    watched.memory = page;
    sim_publish_barrier();
}

void sim_publish_barrier(void)
{
    if (watched.link != NULL) {
        memcpy(watched.then, watched.memory, sizeof watched.then);
    }
}

void sim_publish_check(void)
{
    if (watched.link == NULL || *watched.link == watched.last) {
        return;
    }
    watched.last = *watched.link;
    if ((uintptr_t)watched.last - (uintptr_t)watched.memory < sizeof watched.then &&
        memcmp(watched.then, watched.memory, sizeof watched.then) != 0) {
        sim_broken(2, "a pointer is stored before a barrier orders what it leads to");
    }
}
