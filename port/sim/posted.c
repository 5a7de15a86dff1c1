/* SPDX-License-Identifier: MIT */
/*
 * Stores to tables on their way: the CPUs' walkers see the old or the new value until a DSB of the
 * CPU that stored; and, where walks do not look into the data cache, until the line was cleaned.
 * What walkers certainly see is bank->seen.
 */
#include "port/sim/state.h"

#include <stdlib.h>
#include <string.h>

#define FRESH_MAX 64u

struct posted {
    uint64_t *entry, *seen;
    uint64_t va, size; /* that it translates */
    uint8_t cpu, rule;
    uint8_t tree; /* that the table is part of; SIM_TREES: of none yet */
};

bool sim_coherent_walks;

static struct posted *posted;
static size_t count, room;
/* Tables that are being filled: what is stored there by plain pointers becomes visible too. Older
 * ones than the last FRESH_MAX are only looked at when they are linked. */
static struct sim_spot fresh[FRESH_MAX];
static unsigned fresh_count, fresh_oldest;

void sim_posted_start(void)
{
    count = 0;
    fresh_count = 0;
}

void sim_posted_store(const struct sim_spot *spot, uint64_t *entry, uint64_t va, uint64_t size,
                      unsigned rule)
{
    const struct sim_frame *frame = sim_spot_frame(spot);

    if (count == room) {
        room = room * 2 + 512;
        posted = realloc(posted, room * sizeof *posted);
        if (posted == NULL) {
            abort();
        }
    }
    posted[count++] = (struct posted){
        .entry = entry,
        .seen = (uint64_t *)(spot->bank->seen + spot->offset),
        .va = va,
        .size = size,
        .cpu = (uint8_t)sim_cpu,
        .rule = (uint8_t)rule,
        .tree = frame->use == SIM_USE_TABLE ? frame->tree : SIM_TREES,
    };
}

void sim_posted_fresh(const struct sim_spot *page)
{
    if (fresh_count < FRESH_MAX) {
        fresh[fresh_count++] = *page;
    } else {
        fresh[fresh_oldest++ % FRESH_MAX] = *page;
    }
}

static void show_fresh(void)
{
    for (unsigned i = 0; i < fresh_count;) {
        if (sim_spot_frame(&fresh[i])->use == SIM_USE_FRESH) {
            memcpy(fresh[i].bank->seen + fresh[i].offset, fresh[i].bank->memory + fresh[i].offset,
                   ASH_PAGE_SIZE);
            i++;
        } else {
            fresh[i] = fresh[--fresh_count];
        }
    }
}

void sim_posted_visible(bool nsh)
{
    bool bypass = sim_coherent_walks || sim_this()->mmu_off;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        struct posted *store = &posted[i];

        if (store->cpu != sim_cpu) {
            posted[kept++] = *store;
        } else if (nsh) {
            store->rule = store->rule != 0 ? 13 : 0;
            posted[kept++] = *store;
        } else if (bypass || *store->seen == *store->entry) {
            *store->seen = *store->entry;
            sim_this()->isb_due |= store->rule != 0;
        } else {
            store->rule = store->rule != 0 ? 42 : 0; /* it is in the data cache still */
            posted[kept++] = *store;
        }
    }
    count = kept;
    if (bypass && !nsh) {
        show_fresh();
    }
}

bool sim_posted_any(void)
{
    for (size_t i = 0; i < count; i++) {
        if (posted[i].cpu == sim_cpu && posted[i].rule != 0) {
            return true;
        }
    }
    return false;
}

unsigned sim_posted_covers(uint64_t va)
{
    for (size_t i = 0; i < count; i++) {
        bool elsewhere =
            posted[i].tree < SIM_TREES && !(sim_trees[posted[i].tree].installed & sim_cpu_bit());

        if (posted[i].rule != 0 && !elsewhere && va - posted[i].va < posted[i].size) {
            return posted[i].rule;
        }
    }
    return 0;
}

void sim_posted_rest(void)
{
    for (size_t i = 0; i < count; i++) {
        const struct posted *store = &posted[i];

        if (store->cpu != sim_cpu || store->rule == 0) {
            continue;
        }
        sim_broken(store->rule, "the entry for %#llx is relied on before walks see it: %s",
                   (unsigned long long)store->va,
                   store->rule == 42 ? "it was not cleaned" : "no DSB came after it");
    }
}
