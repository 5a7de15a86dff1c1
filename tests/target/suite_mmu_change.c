/* SPDX-License-Identifier: MIT */
/*
 * A map of the test's own in the upper half, whose changes must show at once: they do only if each
 * TLB invalidation is right. And what such a map's options do on this processor.
 */
#include "port/port.h"
#include "tests/target/own_map.h"
#include "tests/target/probe.h"
#include "tests/target/suite.h"

#define WORDS (ASH_PAGE_SIZE / sizeof(uint32_t))

/* Memory that is mapped. */
static struct {
    volatile uint32_t word[WORDS];
} page[4] __attribute__((aligned(ASH_PAGE_SIZE)));

#define PLAIN ((struct ash_mmu_config){0})

#define WORD(va) (*(volatile uint32_t *)(va))
#define BLOCK    ((uintptr_t)2 << 20)

/* Each access first fills the TLB, then meets the change. */
static const char *page_changes(void)
{
    uintptr_t va = OWN_MAP_AT(5 * ASH_PAGE_SIZE),
              last = OWN_MAP_AT((1u << UPPER_HALF_BITS) - ASH_PAGE_SIZE);

    page[2].word[3] = 0x2222;
    page[3].word[3] = 0x3333;
    WANT(probe_faults_with(va, false, ASH_CAUSE_TRANSLATION, 2));
    WANT(ash_mmu_map(&own_map, ash_va(va), ash_pa((uintptr_t)&page[2]), 2 * ASH_PAGE_SIZE,
                     ASH_MMU_WRITE) == 0);
    WANT(probe_translates(va, (uintptr_t)&page[2], ASH_MMU_WRITE));
    WANT(WORD(va + 12) == 0x2222 && WORD(va + ASH_PAGE_SIZE + 12) == 0x3333);
    WORD(va + 12) = 0x4444;
    WANT(page[2].word[3] == 0x4444);
    WANT(probe_faults_with(va - ASH_PAGE_SIZE, false, ASH_CAUSE_TRANSLATION, 3));
    WANT(ash_mmu_protect(&own_map, ash_va(va), ASH_PAGE_SIZE, 0) == 0);
    WANT(probe_faults_with(va, true, ASH_CAUSE_PERMISSION, 3));
    WANT(WORD(va + 12) == 0x4444);
    WORD(va + ASH_PAGE_SIZE + 12) = 0x5555;
    WANT(ash_mmu_protect(&own_map, ash_va(va), ASH_PAGE_SIZE, ASH_MMU_USER) == 0);
    WANT(probe_translates(va, (uintptr_t)&page[2], ASH_MMU_USER));
    WANT(ash_mmu_unmap(&own_map, ash_va(va), ASH_PAGE_SIZE) == 0);
    WANT(probe_faults_with(va, false, ASH_CAUSE_TRANSLATION, 3));
    /* Another frame there: what was read before must not come back. */
    WANT(ash_mmu_map(&own_map, ash_va(va), ash_pa((uintptr_t)&page[3]), ASH_PAGE_SIZE, 0) == 0);
    WANT(WORD(va + 12) == 0x5555);
    WANT(ash_mmu_unmap(&own_map, ash_va(va), 2 * ASH_PAGE_SIZE) == 0);
    WANT(own_map.counters.tables == 1);
    WANT(probe_faults_with(va, false, ASH_CAUSE_TRANSLATION, 2));
    /* The last page of the address space. */
    WANT(ash_mmu_map(&own_map, ash_va(last), ash_pa((uintptr_t)&page[2]), ASH_PAGE_SIZE, 0) == 0);
    WANT(WORD(last + 12) == 0x4444);
    WANT(ash_mmu_unmap(&own_map, ash_va(last), ASH_PAGE_SIZE) == 0);
    WANT(probe_faults_with(last, false, ASH_CAUSE_TRANSLATION, 2));
    return NULL;
}

static void changes_show_at_once(void)
{
    own_map_with(page_changes, PLAIN);
}

/* A block over the RAM that holds our pages, split, holed and merged while it is in use. */
static const char *block_changes(void)
{
    uintptr_t ram = (uintptr_t)&page[2] & ~(BLOCK - 1), inside = (uintptr_t)&page[2] - ram;
    uintptr_t base = OWN_MAP_AT(8 * BLOCK), va = base + inside;
    uint32_t tlbis;
    unsigned merged;

    page[2].word[0] = 0x6666;
    page[3].word[0] = 0x7777;
    WANT(ash_mmu_map(&own_map, ash_va(base), ash_pa(ram), BLOCK, ASH_MMU_WRITE) == 0);
    WANT(own_map.counters.tables == 1);
    WANT(WORD(va) == 0x6666 && WORD(va + ASH_PAGE_SIZE) == 0x7777);
    tlbis = own_map.counters.pages;
    WANT(ash_mmu_protect(&own_map, ash_va(va), ASH_PAGE_SIZE, 0) == 0);
    WANT(own_map.counters.splits == 1 && own_map.counters.breaks == 1);
    WANT(own_map.counters.pages - tlbis == 1 && own_map.counters.asids == 0);
    WANT(probe_faults_with(va, true, ASH_CAUSE_PERMISSION, 3));
    WANT(WORD(va) == 0x6666);
    WORD(va + ASH_PAGE_SIZE) = 0x8888;
    WANT(page[3].word[0] == 0x8888);
    WANT(probe_translates(base, ram, ASH_MMU_WRITE));
    WANT(probe_translates(base + BLOCK - 4, ram + BLOCK - 4, ASH_MMU_WRITE));
    WANT(ash_mmu_protect(&own_map, ash_va(va), ASH_PAGE_SIZE, ASH_MMU_WRITE) == 0);
    WORD(va) = 0x9999;
    WANT(ash_mmu_merge(&own_map, ash_va(base), BLOCK, &merged) == 0 && merged == 1);
    WANT(own_map.counters.tables == 1);
    WORD(va) = 0xaaaa;
    WANT(page[2].word[0] == 0xaaaa);
    WANT(ash_mmu_unmap(&own_map, ash_va(va), ASH_PAGE_SIZE) == 0);
    WANT(probe_faults_with(va, false, ASH_CAUSE_TRANSLATION, 3));
    WANT(WORD(va + ASH_PAGE_SIZE) == 0x8888);
    if (inside > 0) {
        WANT(ash_mmu_unmap(&own_map, ash_va(base), inside) == 0);
    }
    WANT(ash_mmu_unmap(&own_map, ash_va(va + ASH_PAGE_SIZE), BLOCK - inside - ASH_PAGE_SIZE) == 0);
    WANT(probe_faults_with(va + ASH_PAGE_SIZE, false, ASH_CAUSE_TRANSLATION, 2));
    return NULL;
}

static void blocks_split_and_merge(void)
{
    own_map_with(block_changes, PLAIN);
}

/* Random operations on pages of two tables, against a list; after each, the processor's answer. */
#define SLOTS 1024u
static uint8_t list[SLOTS]; /* 0: not mapped; else 1 + index of the page, + 16 if writable */

static bool slot_agrees(unsigned slot)
{
    uintptr_t va = OWN_MAP_AT(3 * BLOCK + slot * ASH_PAGE_SIZE);
    struct port_translation par;

    if (list[slot] == 0) {
        return !port_translate(ash_va(va), PORT_READ, &par);
    }
    return probe_translates(va, (uintptr_t)&page[(list[slot] & 15) - 1],
                            list[slot] & 16 ? ASH_MMU_WRITE : 0);
}

static const char *random_changes(void)
{
    uint32_t random = 20240611;

    for (unsigned step = 0; step < 3000; step++) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        unsigned slot = random % SLOTS, pages = 1 + (random >> 12) % 4, which = (random >> 16) % 4;
        bool write = random >> 20 & 1;
        uintptr_t va = OWN_MAP_AT(3 * BLOCK + slot * ASH_PAGE_SIZE);
        unsigned mapped = 0;
        int expected = 0, done;

        pages = pages > SLOTS - slot ? SLOTS - slot : pages;
        pages = pages > 4 - which ? 4 - which : pages;
        for (unsigned i = 0; i < pages; i++) {
            mapped += list[slot + i] != 0;
            WANT(slot_agrees(slot + i)); /* and fills the TLB */
        }
        if (mapped == 0) {
            done = ash_mmu_map(&own_map, ash_va(va), ash_pa((uintptr_t)&page[which]),
                               pages * ASH_PAGE_SIZE, write ? ASH_MMU_WRITE : 0);
        } else if (random >> 21 & 1) {
            expected = mapped < pages ? ASH_ENOENT : 0;
            done = ash_mmu_unmap(&own_map, ash_va(va), pages * ASH_PAGE_SIZE);
        } else {
            expected = mapped < pages ? ASH_ENOENT : 0;
            done = ash_mmu_protect(&own_map, ash_va(va), pages * ASH_PAGE_SIZE,
                                   write ? ASH_MMU_WRITE : 0);
        }
        WANT(done == expected);
        for (unsigned i = 0; i < pages && done == 0; i++) {
            uint8_t *entry = &list[slot + i];

            if (mapped == 0) {
                *entry = (uint8_t)(1 + which + i + (write ? 16 : 0));
            } else if (random >> 21 & 1) {
                *entry = 0;
            } else {
                *entry = (uint8_t)((*entry & 15) + (write ? 16 : 0));
            }
            WANT(slot_agrees(slot + i));
        }
    }
    WANT(ash_mmu_verify(&own_map, NULL) == 0);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        WANT(slot_agrees(slot));
        if (list[slot] != 0) {
            list[slot] = 0;
            WANT(ash_mmu_unmap(&own_map, ash_va(OWN_MAP_AT(3 * BLOCK + slot * ASH_PAGE_SIZE)),
                               ASH_PAGE_SIZE) == 0);
        }
    }
    return NULL;
}

static void random_use(void)
{
    own_map_with(random_changes, PLAIN);
}

/* Accesses and writes become known: by the processor itself where it does that, else by a fault
 * that ash_mmu_touch() lets pass. */
static struct {
    unsigned pages, written;
} harvested;

static int count_mapping(void *arg, const struct ash_mmu_mapping *mapping)
{
    (void)arg;
    harvested.pages++;
    harvested.written += ash_mmu_written(mapping);
    return 0;
}

static const char *harvest(unsigned pages, unsigned written)
{
    harvested.pages = harvested.written = 0;
    WANT(ash_mmu_harvest(&own_map, ash_va(OWN_MAP_AT(0)), 4 * ASH_PAGE_SIZE,
                         ASH_MMU_OLD | ASH_MMU_CLEAN, count_mapping, NULL) == 0);
    WANT(harvested.pages == pages);
    WANT(harvested.written == written);
    return NULL;
}

/* An access passes at once, or after its fault was handled. */
static const char *pass(uintptr_t va, bool write, enum ash_trap_cause cause, bool by_itself)
{
    if (!by_itself) {
        WANT(probe_faults_with(va, write, cause, 3));
        WANT(ash_mmu_touch(&own_map, ash_va(va), write) == 0);
    }
    WANT(!probe_faults_with(va, write, cause, 3));
    return NULL;
}

static const char *state_changes(void)
{
    bool access = port_updates() >= PORT_UPDATES_ACCESS;
    bool dirty = port_updates() >= PORT_UPDATES_DIRTY;
    const char *wrong = NULL;

    for (unsigned round = 0; round < 3 && wrong == NULL; round++) {
        if (round == 0) {
            WANT(ash_mmu_map(&own_map, ash_va(OWN_MAP_AT(0)), ash_pa((uintptr_t)page),
                             4 * ASH_PAGE_SIZE, ASH_MMU_WRITE | ASH_MMU_OLD | ASH_MMU_CLEAN) == 0);
        }
        wrong = harvest(0, 0);
        if (wrong == NULL) {
            wrong = pass(OWN_MAP_AT(0), false, ASH_CAUSE_ACCESS_FLAG, access);
        }
        if (wrong == NULL) {
            wrong = pass(OWN_MAP_AT(ASH_PAGE_SIZE), false, ASH_CAUSE_ACCESS_FLAG, access);
        }
        if (wrong == NULL) {
            wrong = pass(OWN_MAP_AT(ASH_PAGE_SIZE), true, ASH_CAUSE_PERMISSION, dirty);
        }
        if (wrong == NULL) {
            wrong = harvest(2, 1);
        }
    }
    WANT(ash_mmu_unmap(&own_map, ash_va(OWN_MAP_AT(0)), 4 * ASH_PAGE_SIZE) == 0);
    return wrong;
}

static void accesses_become_known(void)
{
    const struct ash_mmu_config config = {.track = true, .updates = port_updates() != 0};

    target_note("by the processor: %s", port_updates() == 0 ? "nothing"
                                        : port_updates() == PORT_UPDATES_ACCESS
                                            ? "accesses"
                                            : "accesses and writes");
    own_map_with(state_changes, config);
}

/* The whole of RAM that the test may show: runs with the hint read like others, and change. */
static const char *run_changes(void)
{
    uintptr_t ram = (uintptr_t)&page[0] & ~(BLOCK - 1), inside = (uintptr_t)&page[0] - ram;
    uintptr_t base = OWN_MAP_AT(4 * BLOCK) + (uintptr_t)0, va = base + inside;

    page[0].word[1] = 0x1111;
    page[1].word[1] = 0x2222;
    WANT(ash_mmu_map(&own_map, ash_va(base), ash_pa(ram), BLOCK, ASH_MMU_WRITE | ASH_MMU_PAGES) ==
         0);
    WANT(WORD(va + 4) == 0x1111 && WORD(va + ASH_PAGE_SIZE + 4) == 0x2222);
    WANT(ash_mmu_protect(&own_map, ash_va(va), ASH_PAGE_SIZE, 0) == 0);
    WANT(own_map.counters.breaks >= 1);
    WANT(probe_faults_with(va, true, ASH_CAUSE_PERMISSION, 3));
    WORD(va + ASH_PAGE_SIZE + 4) = 0x3333;
    WANT(page[1].word[1] == 0x3333);
    for (uintptr_t offset = 0; offset < BLOCK; offset += ASH_PAGE_SIZE) {
        WANT(probe_translates(base + offset, ram + offset, offset == inside ? 0 : ASH_MMU_WRITE));
    }
    WANT(ash_mmu_unmap(&own_map, ash_va(base), BLOCK) == 0);
    WANT(probe_faults_with(va, false, ASH_CAUSE_TRANSLATION, 2));
    return NULL;
}

static void contiguous_runs_change(void)
{
    own_map_with(run_changes, (struct ash_mmu_config){.contiguous = true});
}

/* Page by page, in use all the while, until there is a block. */
static const char *fill_table(void)
{
    uintptr_t ram = (uintptr_t)&page[0] & ~(BLOCK - 1), inside = (uintptr_t)&page[0] - ram;
    uintptr_t base = OWN_MAP_AT(6 * BLOCK);

    page[0].word[2] = 0x7654;
    WANT(ash_mmu_map(&own_map, ash_va(base + inside), ash_pa(ram + inside), ASH_PAGE_SIZE, 0) == 0);
    for (uintptr_t offset = 0; offset < BLOCK; offset += ASH_PAGE_SIZE) {
        if (offset != inside) {
            WANT(own_map.counters.merges == 0 && own_map.counters.tables == 2);
            WANT(ash_mmu_map(&own_map, ash_va(base + offset), ash_pa(ram + offset), ASH_PAGE_SIZE,
                             0) == 0);
            WANT(WORD(base + inside + 8) == 0x7654);
        }
    }
    WANT(own_map.counters.merges == 1 && own_map.counters.tables == 1);
    WANT(probe_translates(base, ram, 0) && probe_translates(base + BLOCK - 4, ram + BLOCK - 4, 0));
    WANT(ash_mmu_unmap(&own_map, ash_va(base), BLOCK) == 0);
    return NULL;
}

static void filled_tables_merge(void)
{
    own_map_with(fill_table, (struct ash_mmu_config){.merge = true});
}

static const struct target_case cases[] = {
    TARGET_CASE(changes_show_at_once),
    TARGET_CASE(blocks_split_and_merge),
    TARGET_CASE(random_use),
    TARGET_CASE(accesses_become_known),
    TARGET_CASE(contiguous_runs_change),
    TARGET_CASE(filled_tables_merge),
};
const struct target_suite suite_mmu_change = TARGET_SUITE("mmu_change", cases);
