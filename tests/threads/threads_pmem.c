/* SPDX-License-Identifier: MIT */
/*
 * Contiguous memory on several threads: blocks that one thread frees and another still holds, all
 * of an owner's at once, figures and look-ups beside that; and clients in two spaces, connected,
 * granted, revoked and ended by all.
 */
#include "ashlar/frames.h"
#include "ashlar/pmem_share.h"
#include "tests/threads/threads.h"

#define STEPS  200u
#define SPACES 2u
#define BITS   30u
#define BASE   UINT64_C(0xc0000000)
#define Q      ASH_PMEM_QUANTUM

static struct ash_pmem *region;
static struct ash_space spaces[SPACES];

/* A block on its way to a thread that puts its reference back. full: 0, 1 while it is written or
 * read, 2. */
static struct {
    uint32_t full;
    struct ash_pmem_block block;
} mail[2 * THREADS_MOST];

static void start(void)
{
    const struct ash_spaces_config config = {
        .format = &ash_mmu_format_lpae, .base = {BASE}, .bits = BITS};
    ash_frame_t block;

    threads_boot();
    ash_spaces_init(&config);
    ash_pmem_init(NULL, NULL);
    MUST(ash_frames_alloc(8, ASH_FRAMES_OWNER(ASH_OWNER_PMEM), &block) == 0);
    MUST(ash_pmem_add("shared", (struct ash_range){ash_frame_pa(block), (uint64_t)1 << 20}) == 0);
    region = ash_pmem_find("shared");
    for (unsigned i = 0; i < SPACES; i++) {
        MUST(ash_space_create(&spaces[i], "client") == 0);
    }
}

static void put_one(unsigned n)
{
    if (port_exchange32(&mail[n].full, 2, 1)) {
        struct ash_pmem_block block = mail[n].block;

        port_store_release(&mail[n].full, 0);
        MUST(ash_pmem_put(&block) == 0);
    }
}

/* Freed here; whoever is last gives it back. */
static void hand_over(void)
{
    unsigned n = threads_random_below(2 * THREADS_MOST);
    struct ash_pmem_block block;

    put_one(n);
    if (ash_pmem_alloc(region, Q + threads_random_below(20000), 0, ASH_PMEM_UNINIT, &block) != 0) {
        return;
    }
    threads_mark(block.ptr, 64, port_cpu() + 1);
    MUST(ash_pmem_get(&block) == 0);
    threads_check(block.ptr, 64, port_cpu() + 1);
    if (port_exchange32(&mail[n].full, 0, 1)) {
        mail[n].block = block;
        port_store_release(&mail[n].full, 2);
    } else {
        MUST(ash_pmem_put(&block) == 0);
    }
    MUST(ash_pmem_free(&block) == 0);
}

/* Each thread is an owner. */
static void release_mine(void)
{
    unsigned owner = ASH_OWNER_FIRST + port_cpu();
    struct ash_pmem_block block, found;
    uint32_t count = 0;

    for (unsigned i = 0; i < 4; i++) {
        if (ash_pmem_alloc(region, Q << threads_random_below(3), 0,
                           ASH_PMEM_OWNER(owner) | ASH_PMEM_UNINIT, &block) == 0) {
            MUST(ash_pmem_lookup(block.pa, &found) == 0 && found.size == block.size);
            count++;
        }
    }
    MUST((ash_pmem_owned(owner) != 0) == (count != 0));
    MUST(ash_pmem_release(owner) == count);
    MUST(ash_pmem_owned(owner) == 0);
}

static void share(void)
{
    ash_va_t va = ash_va((uintptr_t)BASE + (port_cpu() + 1) * 16 * (uintptr_t)Q);
    struct ash_pmem_share client[SPACES];
    struct ash_pmem_block block;
    bool withdraw = threads_random_below(2) != 0;

    if (ash_pmem_alloc(region, 4 * Q, 0, 0, &block) != 0) {
        return;
    }
    for (unsigned i = 0; i < SPACES; i++) {
        MUST(ash_pmem_connect(&client[i], &spaces[i], va, &block, ASH_MMU_WRITE) == 0);
        MUST(ash_pmem_grant(&client[i], Q, 2 * Q) == 0);
        MUST(ash_pmem_revoke(&client[i], Q, Q) == 0);
        MUST(ash_pmem_granted(&client[i]) == Q);
    }
    if (withdraw) {
        MUST(ash_pmem_withdraw(&block) == SPACES);
    }
    MUST(ash_pmem_free(&block) == 0);
    for (unsigned i = SPACES; i-- > 0;) {
        MUST(ash_pmem_granted(&client[i]) == (withdraw ? 0 : Q));
        ash_pmem_disconnect(&client[i]);
    }
}

static void work(void *arg)
{
    struct ash_pmem_stats stats;

    (void)arg;
    for (unsigned step = 0; step < STEPS; step++) {
        hand_over();
        release_mine();
        if (step % 4 == 0) {
            share();
        }
        ash_pmem_stats(region, &stats);
        MUST(stats.free <= stats.range.size && stats.largest <= stats.free);
    }
}

int main(void)
{
    for (unsigned threads = 2; threads <= THREADS_MOST; threads++) {
        struct ash_pmem_stats stats;

        start();
        threads_run(threads, work, NULL);
        for (unsigned n = 0; n < 2 * THREADS_MOST; n++) {
            put_one(n);
        }
        ash_pmem_stats(region, &stats);
        MUST(stats.free == stats.range.size && stats.blocks == 0 && stats.leaving == 0);
        MUST(ash_pmem_verify(region) == 0);
        for (unsigned i = 0; i < SPACES; i++) {
            MUST(ash_space_destroy(&spaces[i]) == 0);
        }
    }
    return 0;
}
