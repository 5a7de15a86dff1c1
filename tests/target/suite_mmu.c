/* SPDX-License-Identifier: MIT */
/*
 * Translation tables on the hardware: every mapping of the firmware's map as the processor
 * translates it and as accesses find it; what may change after boot; and a map of the test's own
 * whose changes must show at once, which they do only if each TLB invalidation is right.
 */
#include <stddef.h>

#include "ashlar/boot.h"
#include "ashlar/frames.h"
#include "ashlar/trap.h"
#include "port/port.h"
#include "port/spinlock.h"
#include "startup/boot_map.h"
#include "tests/target/suite.h"
#include "tests/target/upper_half.h"

#define PAR_MEMORY 56u /* PAR.ATTR, the MAIR byte (DDI 0406C B4.1.112) */
#define WORDS      (ASH_PAGE_SIZE / sizeof(uint32_t))

/* Lies in the image's RAM, which is at the start of the remap zone. */
static struct {
    volatile uint32_t word[WORDS];
} page[4] __attribute__((aligned(ASH_PAGE_SIZE)));

/* What one access did. */
struct probe {
    volatile uint32_t *address;
    bool write;
    struct ash_trap trap;
};

static void touch(void *arg)
{
    struct probe *probe = arg;
    uint32_t value = *probe->address;

    if (probe->write) {
        *probe->address = value;
    }
}

/* True if the access faulted; the trap tells how. */
static bool faults(struct probe *probe, uintptr_t address, bool write)
{
    probe->address = (volatile uint32_t *)address;
    probe->write = write;
    return ash_trap_catch(touch, probe, &probe->trap) == ASH_EFAULT;
}

static bool faults_with(uintptr_t address, bool write, enum ash_trap_cause cause, unsigned level)
{
    struct probe probe;

    return faults(&probe, address, write) && probe.trap.kind == ASH_TRAP_DATA &&
           probe.trap.cause == cause && probe.trap.level == (int)level &&
           probe.trap.address == address;
}

/* The processor translates va to pa for exactly these accesses, as this type of memory. */
static bool translates(uintptr_t va, uint64_t pa, ash_mmu_attr_t attr)
{
    static const uint8_t memory[] = {0xff, 0x44, 0x04, 0x00};
    bool write = attr & ASH_MMU_WRITE, user = attr & ASH_MMU_USER;
    struct port_translation par, other;

    return port_translate(ash_va(va), PORT_READ, &par) && par.pa.value == pa &&
           (uint8_t)(par.raw >> PAR_MEMORY) == memory[(attr & ASH_MMU_TYPE_MASK) >> 8] &&
           port_translate(ash_va(va), PORT_WRITE, &other) == write &&
           port_translate(ash_va(va), PORT_READ | PORT_USER, &other) == user &&
           port_translate(ash_va(va), PORT_WRITE | PORT_USER, &other) == (user && write);
}

/* Places to look at in a mapping: its ends and some between. */
#define PLACES 5

static uint64_t place(uint64_t size, unsigned n)
{
    static const uint8_t sixteenth[PLACES] = {0, 3, 8, 11, 16};

    return n == PLACES - 1 ? size - sizeof(uint32_t) : size / 16 * sixteenth[n];
}

struct survey {
    uint64_t next; /* end of the mapping seen last */
    unsigned mappings, places, faults;
};

/* Nothing translates in [start, end). */
static bool is_hole(uint64_t start, uint64_t end)
{
    struct port_translation par;

    return start >= end || (!port_translate(ash_va((uintptr_t)start), PORT_READ, &par) &&
                            !port_translate(ash_va((uintptr_t)(end - 1)), PORT_READ, &par));
}

static int survey_translation(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct survey *survey = arg;

    survey->mappings++;
    if (!is_hole(survey->next, mapping->va.value)) {
        return 1;
    }
    survey->next = mapping->va.value + mapping->size;
    for (unsigned n = 0; n < PLACES; n++) {
        uint64_t offset = place(mapping->size, n);

        survey->places++;
        if (!translates(mapping->va.value + (uintptr_t)offset, mapping->pa.value + offset,
                        mapping->attr)) {
            return 1;
        }
    }
    return 0;
}

static uint64_t map_size(void)
{
    return (uint64_t)ash_boot_map.pages << ASH_PAGE_SHIFT;
}

static void every_mapping_translates(void)
{
    struct survey survey = {0};

    CHECK_EQ(ash_mmu_walk(&ash_boot_map, ash_va(0), map_size(), survey_translation, &survey), 0);
    CHECK(is_hole(survey.next, map_size()));
    CHECK(survey.mappings > 100);
    target_note("%u mappings, %u places", survey.mappings, survey.places);
}

/* Normal memory is read; written where it may be, with what it holds; and where it may not be, the
 * write is refused, by that entry. Registers are left alone: reading them can have effects. */
static int survey_access(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct survey *survey = arg;

    if ((mapping->attr & ASH_MMU_TYPE_MASK) >= ASH_MMU_DEVICE) {
        return 0;
    }
    survey->mappings++;
    for (unsigned n = 0; n < PLACES; n++) {
        uintptr_t address = mapping->va.value + (uintptr_t)place(mapping->size, n);
        struct probe probe;

        survey->places++;
        if (faults(&probe, address, false)) {
            return 1;
        }
        if (mapping->attr & ASH_MMU_WRITE) {
            if (faults(&probe, address, true)) {
                return 1;
            }
        } else if (n == 0) {
            survey->faults++;
            if (!faults_with(address, true, ASH_CAUSE_PERMISSION, mapping->level)) {
                return 1;
            }
        }
    }
    return 0;
}

static void every_mapping_is_accessed(void)
{
    struct survey survey = {0};
    unsigned long saved = port_irq_save(); /* nobody else writes meanwhile */
    int verdict = ash_mmu_walk(&ash_boot_map, ash_va(0), map_size(), survey_access, &survey);

    port_irq_restore(saved);
    CHECK_EQ(verdict, 0);
    CHECK(survey.faults > 10);
    target_note("%u mappings, %u places, %u refused writes", survey.mappings, survey.places,
                survey.faults);
}

static void all_tables_are_counted(void)
{
    struct ash_mmu_report report;

    CHECK_EQ(ash_mmu_verify(&ash_boot_map, &report), 0);
    CHECK_EQ(report.tables, ash_boot_map.counters.tables);
}

static uint64_t descriptor_of(uintptr_t va)
{
    struct ash_mmu_mapping mapping;

    return ash_mmu_query(&ash_boot_map, ash_va(va), &mapping) == 0 ? mapping.descriptor : 0;
}

struct search {
    ash_mmu_attr_t attr;
    uintptr_t found;
};

static int find_block(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct search *search = arg;

    search->found = mapping->va.value;
    return mapping->level < 3 && mapping->attr == search->attr;
}

static bool refuses(uintptr_t va)
{
    uint64_t before = descriptor_of(va);
    uint32_t barriers = ash_boot_map.counters.barriers;

    return before != 0 && ash_mmu_unmap(&ash_boot_map, ash_va(va), ASH_PAGE_SIZE) == ASH_EBUSY &&
           ash_mmu_protect(&ash_boot_map, ash_va(va), ASH_PAGE_SIZE, 0) == ASH_EBUSY &&
           ash_mmu_merge(&ash_boot_map, ash_va(va), ASH_PAGE_SIZE, NULL) == ASH_EBUSY &&
           descriptor_of(va) == before && ash_boot_map.counters.barriers == barriers;
}

/* Live firmware blocks are immutable after boot: of flash, and of RAM. */
static void live_blocks_are_immutable(void)
{
    static const ash_mmu_attr_t kinds[] = {ASH_MMU_NORMAL, ASH_MMU_NORMAL | ASH_MMU_WRITE};

    for (unsigned i = 0; i < 2; i++) {
        struct search search = {.attr = kinds[i]};
        unsigned long saved;
        bool refused;

        CHECK_EQ(ash_mmu_walk(&ash_boot_map, ash_va(0), map_size(), find_block, &search), 1);
        saved = spinlock_acquire(&ash_boot_map_lock);
        refused = refuses(search.found);
        spinlock_release(&ash_boot_map_lock, saved);
        CHECK(refused);
    }
}

/* What happened to the step that failed; NULL if none did. */
#define WANT(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            return #condition;                                                                     \
        }                                                                                          \
    } while (0)

static const char *change_own_page(void)
{
    uintptr_t at = (uintptr_t)&page[1];
    uint64_t before = descriptor_of(at);
    ash_va_t va = ash_va(at);
    ash_mmu_attr_t data = ASH_MMU_NORMAL | ASH_MMU_WRITE;

    page[1].word[0] = 0x12345678;
    WANT(translates(at, at, data));
    WANT(ash_mmu_protect(&ash_boot_map, va, ASH_PAGE_SIZE, ASH_MMU_NORMAL) == 0);
    WANT(faults_with(at, true, ASH_CAUSE_PERMISSION, 3));
    WANT(page[1].word[0] == 0x12345678);
    /* The neighbours are as they were. */
    page[0].word[WORDS - 1] = 1;
    page[2].word[0] = 2;
    WANT(ash_mmu_protect(&ash_boot_map, va, ASH_PAGE_SIZE, data) == 0);
    page[1].word[0] = 0x9abcdef0;
    port_cache_clean_invalidate((const void *)at, ASH_PAGE_SIZE);
    WANT(ash_mmu_protect(&ash_boot_map, va, ASH_PAGE_SIZE, ASH_MMU_UNCACHED | ASH_MMU_WRITE) == 0);
    WANT(translates(at, at, ASH_MMU_UNCACHED | ASH_MMU_WRITE));
    WANT(page[1].word[0] == 0x9abcdef0);
    WANT(ash_mmu_unmap(&ash_boot_map, va, ASH_PAGE_SIZE) == 0);
    WANT(faults_with(at, false, ASH_CAUSE_TRANSLATION, 3));
    WANT(ash_mmu_map(&ash_boot_map, va, ash_pa(at), ASH_PAGE_SIZE, data) == 0);
    WANT(page[1].word[0] == 0x9abcdef0);
    WANT(descriptor_of(at) == before);
    return NULL;
}

/* A page of the remap zone that nobody else uses, read-only, uncached, gone, and back. */
static void remap_zone_changes(void)
{
    unsigned long saved = spinlock_acquire(&ash_boot_map_lock);
    const char *wrong = change_own_page();

    spinlock_release(&ash_boot_map_lock, saved);
    if (wrong != NULL) {
        target_fail(__FILE__, __LINE__, "%s", wrong);
    }
}

/* Tables for a page in the vmap range come from the frames and go back there. */
static void tables_are_frames(void)
{
    struct ash_mmu_zone *vmap = &ash_boot_map.zone[1];
    uintptr_t at = (vmap->page + vmap->pages - 1) << ASH_PAGE_SHIFT;
    uint32_t tables = ash_boot_map.counters.tables;
    uint32_t before = ash_frames_owned(ASH_OWNER_TABLES);
    unsigned long saved;
    int mapped, unmapped;
    bool right = false;

    CHECK(vmap->pages > 0);
    saved = spinlock_acquire(&ash_boot_map_lock);
    mapped = ash_mmu_map(&ash_boot_map, ash_va(at), ash_pa((uintptr_t)&page[1]), ASH_PAGE_SIZE,
                         ASH_MMU_WRITE);
    if (mapped == 0) {
        page[1].word[5] = 0xfeedface;
        right =
            *(volatile uint32_t *)(at + 20) == 0xfeedface && ash_boot_map.counters.tables > tables;
    }
    unmapped = ash_mmu_unmap(&ash_boot_map, ash_va(at), ASH_PAGE_SIZE);
    spinlock_release(&ash_boot_map_lock, saved);
    CHECK_EQ(mapped, 0);
    CHECK_EQ(unmapped, 0);
    CHECK(right);
    CHECK_EQ(ash_boot_map.counters.tables, tables);
    CHECK_EQ(ash_frames_owned(ASH_OWNER_TABLES), before);
}

/* A map of the test's own in the upper half, its tables from a few pages. */
#define TABLES 6
static struct {
    uint64_t entry[512];
} table[TABLES] __attribute__((aligned(ASH_PAGE_SIZE)));
static uint32_t tables_used; /* bit n: table n */
static struct ash_mmu second;

static int table_take(void *context, ash_pa_t *pa)
{
    (void)context;
    for (unsigned i = 0; i < TABLES; i++) {
        if ((tables_used & 1u << i) == 0) {
            tables_used |= 1u << i;
            *pa = ash_pa((uintptr_t)&table[i]);
            return 0;
        }
    }
    return ASH_ENOMEM;
}

static void table_give(void *context, ash_pa_t pa)
{
    (void)context;
    tables_used &= ~(1u << ((pa.value - (uintptr_t)table) / sizeof table[0]));
}

/* Runs body with a fresh map in the upper half, and demands that all its tables come back. */
static void with_second_map(const char *(*body)(void))
{
    const struct ash_mmu_config config = {
        .base = ash_va(UPPER_HALF_BASE),
        .va_bits = UPPER_HALF_BITS,
        .asid = 5,
        .tables = {table_take, table_give, NULL},
    };
    const char *wrong;
    unsigned long saved;

    tables_used = 0;
    port_zero(table, sizeof table);
    CHECK_EQ(ash_mmu_init(&second, &config), 0);
    saved = port_irq_save();
    upper_half_on(ash_mmu_root(&second), config.asid);
    wrong = body();
    upper_half_off();
    port_irq_restore(saved);
    if (wrong != NULL) {
        target_fail(__FILE__, __LINE__, "%s", wrong);
    }
    CHECK_EQ(ash_mmu_verify(&second, NULL), 0);
    CHECK_EQ(second.counters.tables, 1);
    ash_mmu_destroy(&second);
    CHECK_EQ(tables_used, 0);
}

#define UP(offset) (UPPER_HALF_BASE + (uintptr_t)(offset))
#define WORD(va)   (*(volatile uint32_t *)(va))
#define BLOCK      ((uintptr_t)2 << 20)

/* Each access first fills the TLB, then meets the change. */
static const char *page_changes(void)
{
    uintptr_t va = UP(5 * ASH_PAGE_SIZE), last = UP((1u << UPPER_HALF_BITS) - ASH_PAGE_SIZE);

    page[2].word[3] = 0x2222;
    page[3].word[3] = 0x3333;
    WANT(faults_with(va, false, ASH_CAUSE_TRANSLATION, 2));
    WANT(ash_mmu_map(&second, ash_va(va), ash_pa((uintptr_t)&page[2]), 2 * ASH_PAGE_SIZE,
                     ASH_MMU_WRITE) == 0);
    WANT(translates(va, (uintptr_t)&page[2], ASH_MMU_WRITE));
    WANT(WORD(va + 12) == 0x2222 && WORD(va + ASH_PAGE_SIZE + 12) == 0x3333);
    WORD(va + 12) = 0x4444;
    WANT(page[2].word[3] == 0x4444);
    WANT(faults_with(va - ASH_PAGE_SIZE, false, ASH_CAUSE_TRANSLATION, 3));
    WANT(ash_mmu_protect(&second, ash_va(va), ASH_PAGE_SIZE, 0) == 0);
    WANT(faults_with(va, true, ASH_CAUSE_PERMISSION, 3));
    WANT(WORD(va + 12) == 0x4444);
    WORD(va + ASH_PAGE_SIZE + 12) = 0x5555;
    WANT(ash_mmu_protect(&second, ash_va(va), ASH_PAGE_SIZE, ASH_MMU_USER) == 0);
    WANT(translates(va, (uintptr_t)&page[2], ASH_MMU_USER));
    WANT(ash_mmu_unmap(&second, ash_va(va), ASH_PAGE_SIZE) == 0);
    WANT(faults_with(va, false, ASH_CAUSE_TRANSLATION, 3));
    /* Another frame there: what was read before must not come back. */
    WANT(ash_mmu_map(&second, ash_va(va), ash_pa((uintptr_t)&page[3]), ASH_PAGE_SIZE, 0) == 0);
    WANT(WORD(va + 12) == 0x5555);
    WANT(ash_mmu_unmap(&second, ash_va(va), 2 * ASH_PAGE_SIZE) == 0);
    WANT(second.counters.tables == 1);
    WANT(faults_with(va, false, ASH_CAUSE_TRANSLATION, 2));
    /* The last page of the address space. */
    WANT(ash_mmu_map(&second, ash_va(last), ash_pa((uintptr_t)&page[2]), ASH_PAGE_SIZE, 0) == 0);
    WANT(WORD(last + 12) == 0x4444);
    WANT(ash_mmu_unmap(&second, ash_va(last), ASH_PAGE_SIZE) == 0);
    WANT(faults_with(last, false, ASH_CAUSE_TRANSLATION, 2));
    return NULL;
}

static void changes_show_at_once(void)
{
    with_second_map(page_changes);
}

/* A block over the RAM that holds our pages, split, holed and merged while it is in use. */
static const char *block_changes(void)
{
    uintptr_t ram = (uintptr_t)&page[2] & ~(BLOCK - 1), inside = (uintptr_t)&page[2] - ram;
    uintptr_t base = UP(8 * BLOCK), va = base + inside;
    uint32_t tlbis;
    unsigned merged;

    page[2].word[0] = 0x6666;
    page[3].word[0] = 0x7777;
    WANT(ash_mmu_map(&second, ash_va(base), ash_pa(ram), BLOCK, ASH_MMU_WRITE) == 0);
    WANT(second.counters.tables == 1);
    WANT(WORD(va) == 0x6666 && WORD(va + ASH_PAGE_SIZE) == 0x7777);
    tlbis = second.counters.pages;
    WANT(ash_mmu_protect(&second, ash_va(va), ASH_PAGE_SIZE, 0) == 0);
    WANT(second.counters.splits == 1 && second.counters.breaks == 1);
    WANT(second.counters.pages - tlbis == 1 && second.counters.asids == 0);
    WANT(faults_with(va, true, ASH_CAUSE_PERMISSION, 3));
    WANT(WORD(va) == 0x6666);
    WORD(va + ASH_PAGE_SIZE) = 0x8888;
    WANT(page[3].word[0] == 0x8888);
    WANT(translates(base, ram, ASH_MMU_WRITE));
    WANT(translates(base + BLOCK - 4, ram + BLOCK - 4, ASH_MMU_WRITE));
    WANT(ash_mmu_protect(&second, ash_va(va), ASH_PAGE_SIZE, ASH_MMU_WRITE) == 0);
    WORD(va) = 0x9999;
    WANT(ash_mmu_merge(&second, ash_va(base), BLOCK, &merged) == 0 && merged == 1);
    WANT(second.counters.tables == 1);
    WORD(va) = 0xaaaa;
    WANT(page[2].word[0] == 0xaaaa);
    WANT(ash_mmu_unmap(&second, ash_va(va), ASH_PAGE_SIZE) == 0);
    WANT(faults_with(va, false, ASH_CAUSE_TRANSLATION, 3));
    WANT(WORD(va + ASH_PAGE_SIZE) == 0x8888);
    if (inside > 0) {
        WANT(ash_mmu_unmap(&second, ash_va(base), inside) == 0);
    }
    WANT(ash_mmu_unmap(&second, ash_va(va + ASH_PAGE_SIZE), BLOCK - inside - ASH_PAGE_SIZE) == 0);
    WANT(faults_with(va + ASH_PAGE_SIZE, false, ASH_CAUSE_TRANSLATION, 2));
    return NULL;
}

static void blocks_split_and_merge(void)
{
    with_second_map(block_changes);
}

/* Random operations on pages of two tables, against a list; after each, the processor's answer. */
#define SLOTS 1024u
static uint8_t list[SLOTS]; /* 0: not mapped; else 1 + index of the page, + 16 if writable */

static bool slot_agrees(unsigned slot)
{
    uintptr_t va = UP(3 * BLOCK + slot * ASH_PAGE_SIZE);
    struct port_translation par;

    if (list[slot] == 0) {
        return !port_translate(ash_va(va), PORT_READ, &par);
    }
    return translates(va, (uintptr_t)&page[(list[slot] & 15) - 1],
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
        uintptr_t va = UP(3 * BLOCK + slot * ASH_PAGE_SIZE);
        unsigned mapped = 0;
        int expected = 0, done;

        pages = pages > SLOTS - slot ? SLOTS - slot : pages;
        pages = pages > 4 - which ? 4 - which : pages;
        for (unsigned i = 0; i < pages; i++) {
            mapped += list[slot + i] != 0;
            WANT(slot_agrees(slot + i)); /* and fills the TLB */
        }
        if (mapped == 0) {
            done = ash_mmu_map(&second, ash_va(va), ash_pa((uintptr_t)&page[which]),
                               pages * ASH_PAGE_SIZE, write ? ASH_MMU_WRITE : 0);
        } else if (random >> 21 & 1) {
            expected = mapped < pages ? ASH_ENOENT : 0;
            done = ash_mmu_unmap(&second, ash_va(va), pages * ASH_PAGE_SIZE);
        } else {
            expected = mapped < pages ? ASH_ENOENT : 0;
            done = ash_mmu_protect(&second, ash_va(va), pages * ASH_PAGE_SIZE,
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
    WANT(ash_mmu_verify(&second, NULL) == 0);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        WANT(slot_agrees(slot));
        if (list[slot] != 0) {
            list[slot] = 0;
            WANT(ash_mmu_unmap(&second, ash_va(UP(3 * BLOCK + slot * ASH_PAGE_SIZE)),
                               ASH_PAGE_SIZE) == 0);
        }
    }
    return NULL;
}

static void random_use(void)
{
    with_second_map(random_changes);
}

static const struct target_case cases[] = {
    TARGET_CASE(every_mapping_translates),
    TARGET_CASE(every_mapping_is_accessed),
    TARGET_CASE(all_tables_are_counted),
    TARGET_CASE(live_blocks_are_immutable),
    TARGET_CASE(remap_zone_changes),
    TARGET_CASE(tables_are_frames),
    TARGET_CASE(changes_show_at_once),
    TARGET_CASE(blocks_split_and_merge),
    TARGET_CASE(random_use),
};
const struct target_suite suite_mmu = TARGET_SUITE("mmu", cases);
