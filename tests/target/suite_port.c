/* SPDX-License-Identifier: MIT */
/*
 * The port's own pieces of code, which the host's tests do not run: filling and copying memory,
 * exchanges, and TLB invalidation of ranges.
 */
#include "ashlar/mmu.h"
#include "ashlar/trap.h"
#include "port/errata.h"
#include "port/port.h"
#include "tests/target/suite.h"
#include "tests/target/upper_half.h"

#define ROOM  256u
#define GUARD 0xa5u

static uint8_t to[ROOM] __attribute__((aligned(64)));
static uint8_t from[ROOM] __attribute__((aligned(64)));

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + 1);
}

static void fill(void)
{
    for (size_t i = 0; i < ROOM; i++) {
        to[i] = GUARD;
        from[i] = pattern(i);
    }
}

/* Bytes [start, start + size) of `to` are as `expected` says, all others untouched. */
static bool holds(size_t start, size_t size, size_t first, bool zero)
{
    for (size_t i = 0; i < ROOM; i++) {
        bool inside = i >= start && i < start + size;
        uint8_t expected = !inside ? GUARD : zero ? 0 : pattern(first + i - start);

        if (to[i] != expected) {
            return false;
        }
    }
    return true;
}

static void memory_is_zeroed_and_copied_at_any_alignment(void)
{
    for (size_t size = 0; size <= 150; size += size < 20 ? 1 : 13) {
        for (size_t offset = 0; offset < 64; offset += offset < 16 ? 1 : 7) {
            size_t source = offset * 5 % 24;

            fill();
            port_zero(to + offset, size);
            CHECK(holds(offset, size, 0, true));
            fill();
            port_copy(to + offset, from + source, size);
            CHECK(holds(offset, size, source, false));
            fill();
            port_copy(to + offset, from + offset, size);
            CHECK(holds(offset, size, offset, false));
        }
    }
}

static struct {
    uint64_t word[ASH_PAGE_SIZE / 8];
} page[4] __attribute__((aligned(ASH_PAGE_SIZE)));
#define WORDS (ASH_PAGE_SIZE / 8)

static void pages_are_zeroed_and_copied_whole(void)
{
    for (size_t i = 0; i < WORDS; i++) {
        page[0].word[i] = ~(uint64_t)i;
        page[1].word[i] = i * 0x0101010101010101u;
        page[2].word[i] = ~(uint64_t)i;
        page[3].word[i] = 5;
    }
    port_page_copy(&page[3], &page[1]);
    port_page_zero(&page[1]);
    for (size_t i = 0; i < WORDS; i++) {
        CHECK_EQ(page[0].word[i], ~(uint64_t)i);
        CHECK_EQ(page[1].word[i], 0);
        CHECK_EQ(page[2].word[i], ~(uint64_t)i);
        CHECK_EQ(page[3].word[i], i * 0x0101010101010101u);
    }
}

static void exchanges_compare_first(void)
{
    uint64_t entry = 0x1122334455667788u, expected = entry, other = entry ^ 1ull << 40;
    uint32_t word = 7;

    CHECK(!port_entry_exchange(&entry, &other, 1));
    CHECK_EQ(other, 0x1122334455667788u);
    CHECK_EQ(entry, 0x1122334455667788u);
    CHECK(port_entry_exchange(&entry, &expected, 0x99aabbccddeeff00u));
    CHECK_EQ(entry, 0x99aabbccddeeff00u);
    port_entry_store(&entry, 3);
    CHECK_EQ(port_entry_load(&entry), 3);
    CHECK(!port_exchange32(&word, 8, 9));
    CHECK_EQ(word, 7);
    CHECK(port_exchange32(&word, 7, 9));
    CHECK_EQ(word, 9);
    CHECK_EQ(port_fetch_add(&word, 5), 9);
    CHECK_EQ(port_load_acquire(&word), 14);
}

/* A range of the upper half all of whose 2 MiB lead to one table of level 3, and all of that
 * table's pages to one page. */
#define LINK (0x3ull)
#define LEAF (3ull << 53 | 1ull << 11 | 1ull << 10 | 3ull << 8 | 0x3ull) /* XN, nG, AF, inner */
#define ASID 9u

static void map_range(bool mapped)
{
    for (size_t i = 0; i < WORDS; i++) {
        page[0].word[i] = (uintptr_t)&page[1] | LINK;
        page[1].word[i] = mapped ? (uintptr_t)&page[2] | LEAF : 0;
    }
    page[2].word[0] = 42;
    port_dsb_ishst();
    port_isb();
}

static void read_word(void *arg)
{
    (void)*(volatile uint32_t *)arg;
}

static bool reads(uintptr_t base, uintptr_t n)
{
    struct ash_trap trap;

    return ash_trap_catch(read_word, (void *)(base + n * ASH_PAGE_SIZE), &trap) == 0;
}

/* The first and the last page of the range, and some between. */
#define SAMPLES 8u

static uintptr_t sample(unsigned i, uintptr_t pages)
{
    return i == SAMPLES - 1 ? pages - 1 : pages * i / SAMPLES;
}

/* What the TLB held of the range is gone, as accesses see it. */
static const char *range_goes(uintptr_t base, uintptr_t pages, unsigned asid)
{
    map_range(true);
    for (unsigned i = 0; i < SAMPLES; i++) {
        if (!reads(base, sample(i, pages))) {
            return "a mapped page faults";
        }
    }
    map_range(false);
    port_tlbi_range(ash_va(base), pages, asid);
    port_dsb_ish();
    port_isb();
    for (unsigned i = 0; i < SAMPLES; i++) {
        if (reads(base, sample(i, pages))) {
            return "an unmapped page can still be read";
        }
    }
    return NULL;
}

static void ranges_are_invalidated_to_their_ends(void)
{
    static const uint16_t pages[] = {1, 2, 3, 62, 64, 75, 511, 2048, 2113, 20000};
    const char *wrong = NULL;
    unsigned long saved;
    unsigned i = 0;

    map_range(false);
    saved = port_irq_save();
    upper_half_on(ash_pa((uintptr_t)&page[0]), ASID);
    for (; i < sizeof(pages) / sizeof(pages[0]) && wrong == NULL; i++) {
        uintptr_t base = UPPER_HALF_BASE + (511 - i) * ASH_PAGE_SIZE;

        wrong = range_goes(base, pages[i], i % 2 == 0 ? ASID : PORT_ASID_GLOBAL);
    }
    upper_half_off();
    port_irq_restore(saved);
    if (wrong != NULL) {
        target_fail(__FILE__, __LINE__, "range of %u pages: %s", pages[i - 1], wrong);
    }
    target_note("range operations: %s", port_has_range_tlbi() ? "yes" : "no");
}

static int give_page(void *context, ash_pa_t *pa)
{
    unsigned *used = context;

    *pa = ash_pa((uintptr_t)&page[(*used)++]);
    return 0;
}

static void keep_page(void *context, ash_pa_t pa)
{
    (void)pa;
    --*(unsigned *)context;
}

static unsigned confirmed;

static void count_confirmation(void)
{
    confirmed++;
}

/* Maps a page, which invalidates nothing, and unmaps it, which does so once. */
static int change_a_map(uint32_t errata)
{
    unsigned used = 0;
    const struct ash_mmu_config config = {
        .base = ash_va(UPPER_HALF_BASE),
        .va_bits = UPPER_HALF_BITS,
        .asid = ASID,
        .tables = {give_page, keep_page, &used},
    };
    uint32_t of_processor = port_tlbi_errata;
    struct ash_mmu map;
    int error;

    for (unsigned i = 0; i < sizeof(page) / sizeof(page[0]); i++) {
        port_page_zero(&page[i]);
    }
    port_tlbi_errata = errata;
    port_tlbi_confirm = count_confirmation;
    error = ash_mmu_init(&map, &config);
    if (error == 0) {
        error = ash_mmu_map(&map, config.base, ash_pa(0), ASH_PAGE_SIZE, 0);
    }
    port_tlbi_settled = 0;
    confirmed = 0;
    if (error == 0) {
        error = ash_mmu_unmap(&map, config.base, ASH_PAGE_SIZE);
    }
    port_tlbi_confirm = NULL;
    port_tlbi_errata = of_processor;
    return error;
}

static void invalidations_are_completed_as_the_processor_needs(void)
{
    unsigned long saved = port_irq_save();
    int error = change_a_map(0);

    port_irq_restore(saved);
    CHECK_EQ(error, 0);
    CHECK_EQ(port_tlbi_settled, 0);
    saved = port_irq_save();
    error = change_a_map(PORT_ERRATUM_REPEAT_TLBI);
    port_irq_restore(saved);
    CHECK_EQ(error, 0);
    CHECK_EQ(port_tlbi_settled, 1);
    CHECK_EQ(confirmed, 0);
    saved = port_irq_save();
    error = change_a_map(PORT_ERRATUM_CONFIRM_TLBI);
    port_irq_restore(saved);
    CHECK_EQ(error, 0);
    CHECK_EQ(port_tlbi_settled, 1);
    CHECK_EQ(confirmed, 1);
}

/* By the parts that the matrix has. */
static void errata_are_those_of_the_processor(void)
{
    uint32_t midr = SYS_READ(SYS_MIDR), part = midr >> 4 & 0xfff;

    CHECK_EQ(port_tlbi_errata, port_errata_of(midr, SYS_READ(SYS_REVIDR)));
    if (part == 0xd0b) {
        CHECK_EQ(port_tlbi_errata, PORT_ERRATUM_REPEAT_TLBI); /* Cortex-A76 */
    }
    if (midr == 0x414fc0f0 || part == 0xc07 || part == 0xd03 || part == 0xd08) {
        CHECK_EQ(port_tlbi_errata, 0); /* Cortex-A15 r4p0, A7, A53, A72 */
    }
    target_note("MIDR %#lx, errata %#lx", (unsigned long)midr, (unsigned long)port_tlbi_errata);
}

static const struct target_case cases[] = {
    TARGET_CASE(memory_is_zeroed_and_copied_at_any_alignment),
    TARGET_CASE(pages_are_zeroed_and_copied_whole),
    TARGET_CASE(exchanges_compare_first),
    TARGET_CASE(ranges_are_invalidated_to_their_ends),
    TARGET_CASE(invalidations_are_completed_as_the_processor_needs),
    TARGET_CASE(errata_are_those_of_the_processor),
};
const struct target_suite suite_port = TARGET_SUITE("port", cases);
