/* SPDX-License-Identifier: MIT */
/*
 * Translation tables on the hardware: every mapping of the firmware's map as the processor
 * translates it and as accesses find it, and what may change after boot.
 */
#include <stddef.h>

#include "ashlar/boot.h"
#include "ashlar/frames.h"
#include "ashlar/trap.h"
#include "port/port.h"
#include "port/spinlock.h"
#include "startup/boot_map.h"
#include "tests/target/probe.h"
#include "tests/target/suite.h"

#define WORDS (ASH_PAGE_SIZE / sizeof(uint32_t))

/* Lies in the image's RAM, which is at the start of the remap zone. */
static struct {
    volatile uint32_t word[WORDS];
} page[4] __attribute__((aligned(ASH_PAGE_SIZE)));

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
        if (!probe_translates(mapping->va.value + (uintptr_t)offset, mapping->pa.value + offset,
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
        struct ash_trap trap;

        survey->places++;
        if (probe_faults(address, false, &trap)) {
            return 1;
        }
        if (mapping->attr & ASH_MMU_WRITE) {
            if (probe_faults(address, true, &trap)) {
                return 1;
            }
        } else if (n == 0) {
            survey->faults++;
            if (!probe_faults_with(address, true, ASH_CAUSE_PERMISSION, mapping->level)) {
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

/* Live firmware blocks are immutable after boot: of RAM, and of flash where the board has it. */
static void live_blocks_are_immutable(void)
{
    static const ash_mmu_attr_t kinds[] = {ASH_MMU_NORMAL | ASH_MMU_WRITE, ASH_MMU_NORMAL};

    for (unsigned i = 0; i < (ash_platform.flash_count == 0 ? 1 : 2); i++) {
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

static const char *change_own_page(void)
{
    uintptr_t at = (uintptr_t)&page[1];
    uint64_t before = descriptor_of(at);
    ash_va_t va = ash_va(at);
    ash_mmu_attr_t data = ASH_MMU_NORMAL | ASH_MMU_WRITE;

    page[1].word[0] = 0x12345678;
    WANT(probe_translates(at, at, data));
    WANT(ash_mmu_protect(&ash_boot_map, va, ASH_PAGE_SIZE, ASH_MMU_NORMAL) == 0);
    WANT(probe_faults_with(at, true, ASH_CAUSE_PERMISSION, 3));
    WANT(page[1].word[0] == 0x12345678);
    /* The neighbours are as they were. */
    page[0].word[WORDS - 1] = 1;
    page[2].word[0] = 2;
    WANT(ash_mmu_protect(&ash_boot_map, va, ASH_PAGE_SIZE, data) == 0);
    page[1].word[0] = 0x9abcdef0;
    port_cache_clean_invalidate((const void *)at, ASH_PAGE_SIZE);
    WANT(ash_mmu_protect(&ash_boot_map, va, ASH_PAGE_SIZE, ASH_MMU_UNCACHED | ASH_MMU_WRITE) == 0);
    WANT(probe_translates(at, at, ASH_MMU_UNCACHED | ASH_MMU_WRITE));
    WANT(page[1].word[0] == 0x9abcdef0);
    WANT(ash_mmu_unmap(&ash_boot_map, va, ASH_PAGE_SIZE) == 0);
    WANT(probe_faults_with(at, false, ASH_CAUSE_TRANSLATION, 3));
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

/* Tables for a page in the middle of the vmap range, where nothing is, come from the frames and go
 * back there. */
static void tables_are_frames(void)
{
    struct ash_mmu_zone *vmap = &ash_boot_map.zone[1];
    uintptr_t at = (vmap->page + vmap->pages / 2) << ASH_PAGE_SHIFT;
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

static const struct target_case cases[] = {
    TARGET_CASE(every_mapping_translates), TARGET_CASE(every_mapping_is_accessed),
    TARGET_CASE(all_tables_are_counted),   TARGET_CASE(live_blocks_are_immutable),
    TARGET_CASE(remap_zone_changes),       TARGET_CASE(tables_are_frames),
};
const struct target_suite suite_mmu = TARGET_SUITE("mmu", cases);
