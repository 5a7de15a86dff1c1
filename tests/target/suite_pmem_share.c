/* SPDX-License-Identifier: MIT */
/*
 * Contiguous memory shared with spaces, on the processor: what clients see by real accesses, in
 * which memory type, and that a client on another CPU never fails while its pages are taken away
 * and given back.
 */
#include "ashlar/cpu.h"
#include "ashlar/frames.h"
#include "ashlar/pmem_share.h"
#include "port/port.h"
#include "tests/target/on_cpus.h"
#include "tests/target/probe.h"
#include "tests/target/suite.h"
#include "tests/target/user_program.h"

#define Q      ASH_PMEM_QUANTUM
#define PAGES  6u
#define ROUNDS 300u
#define AT     (ash_space_base().value + 48 * Q)

static struct ash_space a, b;
static struct ash_pmem_share in_a, in_b;
static struct ash_pmem *region;
static struct ash_pmem_block block;
static struct ash_pmem_stats before;
static uint32_t frames;

static volatile uint32_t *owned(unsigned page)
{
    return (volatile uint32_t *)((char *)block.ptr + page * Q);
}

static volatile uint32_t *client(unsigned page)
{
    return (volatile uint32_t *)(AT + page * Q);
}

static bool begin(void)
{
    region = ash_pmem_find("dma");
    if (region == NULL || ash_space_size() == 0) {
        target_skip("no region \"dma\", or this build has no spaces");
        return false;
    }
    frames = ash_frames_owned(ASH_OWNERS);
    ash_pmem_stats(region, &before);
    return true;
}

static int connect_both(uint32_t view, ash_mmu_attr_t access)
{
    int error = ash_pmem_alloc(region, PAGES * Q, 0, view, &block);

    if (error == 0) {
        error = ash_space_create(&a, "client a");
    }
    if (error == 0) {
        error = ash_space_create(&b, "client b");
    }
    if (error == 0) {
        error = ash_pmem_connect(&in_a, &a, ash_va(AT), &block, access);
    }
    if (error == 0) {
        error = ash_pmem_connect(&in_b, &b, ash_va(AT), &block, access);
    }
    for (unsigned page = 0; error == 0 && page < PAGES; page++) {
        *owned(page) = 100 + page;
    }
    return error;
}

static void end(void)
{
    struct ash_pmem_stats after;

    ash_space_leave();
    CHECK_EQ(ash_space_destroy(&a), 0);
    CHECK_EQ(ash_space_destroy(&b), 0);
    ash_pmem_stats(region, &after);
    CHECK_EQ(after.free, before.free);
    CHECK_EQ(after.blocks, before.blocks);
    CHECK_EQ(ash_pmem_verify(region), 0);
    CHECK_EQ(ash_frames_owned(ASH_OWNERS), frames);
}

static void clients_see_what_is_granted(void)
{
    static const struct {
        uint32_t view;
        ash_mmu_attr_t type;
    } rows[] = {
        {ASH_PMEM_CACHED, ASH_MMU_NORMAL},
        {ASH_PMEM_UNCACHED, ASH_MMU_UNCACHED},
        {ASH_PMEM_ORDERED, ASH_MMU_DEVICE},
    };

    for (unsigned i = 0; i < 3; i++) {
        ash_mmu_attr_t sink = ASH_MMU_NORMAL | ASH_MMU_WRITE;

        if (!begin()) {
            return;
        }
        CHECK_EQ(connect_both(rows[i].view, ASH_MMU_WRITE), 0);
        ash_space_switch(&a);
        for (unsigned page = 0; page < PAGES; page++) {
            CHECK_EQ(*client(page), 0);
            CHECK(probe_translates(AT + page * Q, ash_frame_pa(in_a.sink).value, sink));
        }
        *client(0) = 77;
        CHECK_EQ(*owned(0), 100);
        CHECK_EQ(ash_pmem_grant(&in_a, Q, 3 * Q), 0);
        CHECK_EQ(ash_pmem_grant(&in_b, 2 * Q, Q), 0);
        CHECK(probe_translates(AT + 3 * Q, block.pa.value + 3 * Q, rows[i].type | ASH_MMU_WRITE));
        for (unsigned page = 1; page < 4; page++) {
            CHECK_EQ(*client(page), 100 + page);
            *client(page) = 200 + page;
            CHECK_EQ(*owned(page), 200 + page);
        }
        ash_space_switch(&b);
        for (unsigned page = 0; page < PAGES; page++) {
            CHECK_EQ(*client(page), page == 2 ? 202 : 0);
        }
        ash_space_switch(&a);
        CHECK_EQ(ash_pmem_revoke(&in_a, 2 * Q, 2 * Q), 0);
        CHECK_EQ(*client(2), 0);
        CHECK_EQ(*client(3), 0);
        *client(2) = 999;
        CHECK_EQ(*owned(2), 202);
        CHECK_EQ(*client(1), 201);
        CHECK(probe_translates(AT + 2 * Q, ash_frame_pa(in_a.sink).value, sink));
        CHECK_EQ(ash_pmem_granted(&in_a), Q);
        CHECK_EQ(ash_pmem_revoke(&in_a, 2 * Q, Q), ASH_ENOENT);
        CHECK_EQ(ash_pmem_grant(&in_a, 0, 2 * Q), ASH_EEXIST);
        CHECK_EQ(ash_mmu_verify(&a.map, NULL), 0);
        ash_pmem_disconnect(&in_a);
        CHECK(!port_translate(ash_va(AT), PORT_READ, &(struct port_translation){0}));
        ash_pmem_disconnect(&in_b);
        CHECK_EQ(ash_pmem_free(&block), 0);
        end();
    }
}

/* The owner frees what others still see; and takes it from them first. */
static void owners_go_first(void)
{
    struct ash_pmem_stats stats;

    for (unsigned withdraw = 0; withdraw < 2; withdraw++) {
        if (!begin()) {
            return;
        }
        CHECK_EQ(connect_both(ASH_PMEM_UNCACHED, 0), 0);
        CHECK_EQ(ash_pmem_grant(&in_a, 0, PAGES * Q), 0);
        ash_space_switch(&a);
        CHECK_EQ(*client(5), 105);
        CHECK(probe_faults_with(AT, true, ASH_CAUSE_PERMISSION, 3));
        if (withdraw) {
            CHECK_EQ(ash_pmem_withdraw(&block), 2);
            CHECK_EQ(*client(5), 0);
        }
        CHECK_EQ(ash_pmem_free(&block), 0);
        ash_pmem_stats(region, &stats);
        CHECK_EQ(stats.blocks, before.blocks + (withdraw ? 0 : 1));
        CHECK_EQ(*client(5), withdraw ? 0 : 105);
        ash_pmem_disconnect(&in_b);
        ash_pmem_disconnect(&in_a);
        end();
    }
}

static struct ash_user user;
static struct ash_trap trap;

/* A program in the current space runs the piece; true if it called behind it. */
static bool runs(const char *piece, uintptr_t first, uintptr_t second)
{
    enum ash_user_event event;

    user_start(&user, piece, first, second);
    do {
        event = ash_user_run(&user, &trap);
    } while (event == ASH_USER_INTERRUPT);
    return event == ASH_USER_CALL;
}

static void programs_are_clients(void)
{
    struct ash_pmem_share *shares[] = {&in_a, &in_b};
    struct ash_space *spaces[] = {&a, &b};
    ash_va_t code = ash_va(USER_CODE);

    if (!begin()) {
        return;
    }
    if (ash_space_base().value > USER_CODE) {
        target_skip("this build has small spaces");
        return;
    }
    user_code_load();
    CHECK_EQ(connect_both(ASH_PMEM_CACHED, ASH_MMU_USER | ASH_MMU_WRITE), 0);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(ash_space_map(spaces[i], code, ash_pa((uintptr_t)&user_page[0]), Q,
                               ASH_MMU_USER | ASH_MMU_EXEC),
                 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        uint32_t word = 0;

        ash_space_switch(spaces[i]);
        CHECK(runs(user_load, AT + Q, 5));
        CHECK_EQ((uint32_t)ash_user_argument(&user, 1), 0);
        CHECK_EQ(ash_pmem_grant(shares[i], Q, Q), 0);
        CHECK(runs(user_load, AT + Q, 5));
        CHECK_EQ((uint32_t)ash_user_argument(&user, 1), 101 + i);
        CHECK(runs(user_store, AT + Q, 102 + i));
        CHECK_EQ(*owned(1), 102 + i);
        CHECK_EQ(ash_user_read(&word, ash_va(AT + Q), sizeof word, NULL), 0);
        CHECK_EQ(word, 102 + i);
        CHECK_EQ(ash_pmem_revoke(shares[i], Q, Q), 0);
        CHECK(runs(user_load, AT + Q, 5));
        CHECK_EQ((uint32_t)ash_user_argument(&user, 1), 0);
        CHECK(runs(user_store, AT + Q, 9));
        CHECK_EQ(*owned(1), 102 + i);
        CHECK(!runs(user_load, AT - Q, 5)); /* beside the window it faults, as ever */
        CHECK_EQ(ash_space_unmap(spaces[i], code, Q), 0);
    }
    ash_space_leave();
    ash_pmem_disconnect(&in_a);
    ash_pmem_disconnect(&in_b);
    CHECK_EQ(ash_pmem_free(&block), 0);
    end();
}

/* What the client on the other CPU did. */
static struct {
    uint32_t stop, ready;
    uint32_t accesses, holes, failures;
} there;

/* Reads, and writes back what it reads, all the time. */
static void use(void *arg)
{
    (void)arg;
    ash_space_switch(&a);
    port_store_release(&there.ready, 1);
    for (unsigned n = 0; port_load_acquire(&there.stop) == 0 && !on_cpus_late(); n++) {
        uintptr_t address = AT + n % PAGES * Q + (n / PAGES % 2 ? 8 : 0);
        bool write = n / PAGES % 2 != 0;
        struct ash_trap fault;

        while (probe_faults(address, write, &fault)) {
            there.holes++;
            if (ash_space_retry(&a, ash_va(address), write ? ASH_MMU_WRITE : 0) != 0) {
                there.failures++;
                break;
            }
        }
        there.accesses++;
    }
    ash_space_leave();
}

static void a_client_elsewhere_never_fails(void)
{
    unsigned round;

    ON_CPUS_OR_SKIP();
    if (!begin()) {
        return;
    }
    CHECK_EQ(connect_both(ASH_PMEM_CACHED, ASH_MMU_WRITE), 0);
    there.stop = there.ready = there.accesses = there.holes = there.failures = 0;
    on_cpus_begin();
    CHECK_EQ(ash_cpu_call(1, use, NULL), 0);
    while (port_load_acquire(&there.ready) == 0 && !on_cpus_late()) {
    }
    for (round = 0; round < ROUNDS && !on_cpus_enough(); round++) {
        unsigned first = round % PAGES, count = 1 + round % (PAGES - first);

        CHECK_EQ(ash_pmem_grant(&in_a, first * Q, count * Q), 0);
        CHECK_EQ(ash_pmem_revoke(&in_a, first * Q, count * Q), 0);
        /* From here on the client reaches nothing of it: what the owner writes stays. */
        for (unsigned page = first; page < first + count; page++) {
            owned(page)[2] = round;
        }
        for (unsigned i = 0; i < 200; i++) {
            for (unsigned page = first; page < first + count; page++) {
                CHECK_EQ(owned(page)[2], round);
            }
        }
    }
    port_store_release(&there.stop, 1);
    CHECK_EQ(on_cpu_done(1), 0);
    target_note("%u rounds, %u accesses elsewhere, %u of them met a hole", round,
                (unsigned)there.accesses, (unsigned)there.holes);
    CHECK_EQ(there.failures, 0);
    CHECK(there.accesses > 0);
    ash_pmem_disconnect(&in_a);
    ash_pmem_disconnect(&in_b);
    CHECK_EQ(ash_pmem_free(&block), 0);
    end();
}

static const struct target_case cases[] = {
    TARGET_CASE(clients_see_what_is_granted),
    TARGET_CASE(owners_go_first),
    TARGET_CASE(programs_are_clients),
    TARGET_CASE(a_client_elsewhere_never_fails),
};

const struct target_suite suite_pmem_share = TARGET_SUITE("pmem-share", cases);
