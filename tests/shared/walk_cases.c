/* SPDX-License-Identifier: MIT */
/*
 * Random tables: see walk_cases.h. Descriptor bits by DDI 0487 D8.3 and DDI 0406C B3.6.
 */
#include "tests/shared/walk_cases.h"

#define PAGE_WORDS 512u
#define OUTPUT     0x0000fffffffff000ull
#define VALID      1ull
#define TYPE_TABLE 3ull
#define AF         (1ull << 10)
#define CONTIGUOUS (1ull << 52)
#define PXN        (1ull << 53)
#define XN         (1ull << 54)
#define IGNORED    (0x7ull << 55)
#define CODE       (1ull << 58)               /* ignored as well: this leads to the function */
#define LINK_FREE  (0xffcull | 0x7full << 52) /* ignored in a table descriptor */
#define TOO_HIGH   (0xffull << 40)            /* beyond WALK_OUTPUT_BITS */

/* SplitMix64 (Steele, Lea, Flood, 2014). */
static uint64_t draw(struct walk *walk)
{
    uint64_t z = walk->random += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static unsigned below(struct walk *walk, unsigned n)
{
    return (unsigned)((draw(walk) >> 32) * n >> 32);
}

static bool percent(struct walk *walk, unsigned n)
{
    return below(walk, 100) < n;
}

static bool is_a64(const struct walk *walk)
{
    return walk->place.format == WALK_A64;
}

static unsigned first_level(const struct walk *walk, unsigned bits)
{
    if (!is_a64(walk)) {
        return bits > 30 ? 1 : 2;
    }
    return bits > 39 ? 0 : bits > 30 ? 1 : 2;
}

static unsigned shift_of(unsigned level)
{
    return 39 - 9 * level;
}

static uint64_t *page_at(const struct walk *walk, unsigned page)
{
    return walk->place.tables + page * PAGE_WORDS;
}

static uint64_t page_pa(const struct walk *walk, unsigned page)
{
    return walk->place.tables_pa + page * 4096ull;
}

static unsigned take_page(struct walk *walk, unsigned level)
{
    walk->level_of[walk->pages] = (uint8_t)level;
    return walk->pages++;
}

static void lay(struct walk *walk, uint64_t *entry, uint64_t descriptor)
{
    *(volatile uint64_t *)entry = descriptor;
    if (walk->laid < sizeof walk->log / sizeof walk->log[0]) {
        walk->log[walk->laid++] = entry;
    }
}

static bool has_room(const struct walk *walk)
{
    return walk->laid + 16 <= sizeof walk->log / sizeof walk->log[0];
}

/* Sets */

/* AArch32: T0SZ 0 or 1, since the lower 2 GiB stay the user's; T1SZ 0 to 7. */
static void choose_lpae(struct walk *walk)
{
    struct walk_set *set = &walk->set;
    unsigned t1sz = percent(walk, 40) ? 2 : below(walk, 8);

    set->bits[0] = percent(walk, 75) ? 32 : 31;
    if (set->bits[0] == 32 && t1sz < 2) {
        t1sz = 2; /* something is left of the lower half above 2 GiB */
    }
    set->bits[1] = 32 - t1sz;
    set->low_count = 2;
}

static void choose_a64(struct walk *walk)
{
    struct walk_set *set = &walk->set;

    set->bits[0] = percent(walk, 50) ? 39 : 48;
    set->low_count = set->bits[0] == 39 ? 256 : 1;
    set->bits[1] = percent(walk, 40) ? 39 : percent(walk, 50) ? 48 : 25 + below(walk, 24);
}

/* A root may be smaller than a page, and is aligned to its size. */
static uint64_t place_root(struct walk *walk, unsigned half)
{
    unsigned bits = walk->set.bits[half], level = first_level(walk, bits);
    unsigned words = 1u << (bits - shift_of(level));
    unsigned page = take_page(walk, level);
    unsigned at = half == 0 || words >= PAGE_WORDS ? 0 : below(walk, PAGE_WORDS / words) * words;

    if (at * 8 % 32 != 0) {
        at &= ~3u; /* at least 32 bytes (DDI 0406C B4.1.154); 64 in AArch64 */
    }
    if (is_a64(walk)) {
        at &= ~7u;
    }
    return page_pa(walk, page) + at * 8ull;
}

void walk_begin(struct walk *walk, const struct walk_place *place)
{
    unsigned char *bytes = (unsigned char *)walk;

    for (unsigned i = 0; i < sizeof *walk; i++) {
        ((volatile unsigned char *)bytes)[i] = 0;
    }
    walk->place.format = place->format;
    walk->place.tables = place->tables;
    walk->place.tables_pa = place->tables_pa;
    walk->place.code_pa = place->code_pa;
    for (unsigned i = 0; i < WALK_PAGES * PAGE_WORDS; i++) {
        ((volatile uint64_t *)place->tables)[i] = 0;
    }
    walk->random = 20250214 + place->format;
}

bool walk_next_set(struct walk *walk)
{
    struct walk_set *set = &walk->set;

    while (walk->laid > 0) {
        *(volatile uint64_t *)walk->log[--walk->laid] = 0;
    }
    for (unsigned i = 0; i < set->low_count; i++) {
        ((volatile uint64_t *)set->low)[i] = 0;
    }
    if (walk->sets == WALK_SETS) {
        return false;
    }
    walk->sets++;
    walk->queries = 0;
    walk->pages = 0;
    if (is_a64(walk)) {
        choose_a64(walk);
    } else {
        choose_lpae(walk);
    }
    set->root[0] = place_root(walk, 0);
    set->root[1] = place_root(walk, 1);
    set->epd1 = percent(walk, 5);
    set->low = page_at(walk, 0);
    return true;
}

/* Paths */

/* A table below `level`: a new one, or one that is there. */
static bool choose_table(struct walk *walk, unsigned level, unsigned *page)
{
    unsigned start = below(walk, WALK_PAGES);

    if (walk->pages < WALK_PAGES && percent(walk, 60)) {
        *page = take_page(walk, level + 1);
        return true;
    }
    for (unsigned i = 0; i < walk->pages; i++) {
        *page = (start + i) % walk->pages;
        if (walk->level_of[*page] == level + 1 && *page >= 2) {
            return true;
        }
    }
    return false;
}

static uint64_t link(struct walk *walk, unsigned page)
{
    uint64_t descriptor = page_pa(walk, page) | (draw(walk) & LINK_FREE) | TYPE_TABLE;

    for (unsigned bit = 59; bit <= 62; bit++) { /* PXNTable, XNTable, APTable */
        descriptor |= (uint64_t)percent(walk, 6) << bit;
    }
    return percent(walk, 3) ? descriptor | (draw(walk) & TOO_HIGH) : descriptor;
}

/* A page or block but for type and address. */
static uint64_t attributes(struct walk *walk, bool code)
{
    uint64_t bits = draw(walk) & (IGNORED | 1ull << 11 | 3ull << 8 | 3ull << 6);

    bits |= code ? CODE | (uint64_t)below(walk, 2) << 2 : draw(walk) & 0x1c;
    if (code && percent(walk, 70)) {
        bits |= 1ull << 7; /* else WXN */
    }
    if (percent(walk, 92)) {
        bits |= AF;
    }
    bits |= percent(walk, code ? 25 : 50) ? XN : 0;
    bits |= percent(walk, code ? 25 : 50) ? PXN : 0;
    return bits;
}

static uint64_t leaf(struct walk *walk, unsigned level, bool code)
{
    uint64_t size = 1ull << shift_of(level);
    uint64_t output = code ? walk->place.code_pa : draw(walk) & ((1ull << WALK_OUTPUT_BITS) - 1);

    output &= ~(size - 1) & OUTPUT;
    if (percent(walk, 4) && !code) {
        output |= draw(walk) & TOO_HIGH;
    }
    return output | attributes(walk, code) | (level == 3 ? 3 : 1);
}

/* Sixteen pages, or blocks, marked contiguous, around `entry`; it is empty, its neighbours may not
 * be. */
static bool lay_set(struct walk *walk, uint64_t *entry, unsigned level)
{
    unsigned own = (unsigned)(((uintptr_t)entry / 8) % 16);
    uint64_t *first = entry - own;
    uint64_t step = 1ull << shift_of(level);
    uint64_t descriptor = leaf(walk, level, false) | CONTIGUOUS;

    descriptor &= ~((16 * step - 1) & OUTPUT);
    for (unsigned i = 0; i < 16; i++) {
        if (first[i] != 0) {
            return false;
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        lay(walk, &first[i], descriptor + i * step);
    }
    return true;
}

/* No blocks at level 0: they are reserved, but QEMU 7.2 takes them for blocks of 512 GiB. */
static void lay_entry(struct walk *walk, uint64_t *entry, unsigned level, bool code)
{
    static const uint8_t links[] = {95, 62, 52, 0}, leaves[] = {0, 32, 42, 90};
    unsigned chance = below(walk, 100), page;
    unsigned link_below = links[level], leaf_below = link_below + leaves[level];

    if (chance < link_below && choose_table(walk, level, &page)) {
        lay(walk, entry, link(walk, page));
    } else if (level > 0 && chance < leaf_below) {
        if (level < 2 || code || !percent(walk, 15) || !lay_set(walk, entry, level)) {
            lay(walk, entry, leaf(walk, level, code));
        }
    } else if (percent(walk, 50)) {
        lay(walk, entry, draw(walk) & ~VALID);
    } else if (level == 3) {
        lay(walk, entry, (leaf(walk, 3, code) & ~3ull) | 1); /* reserved */
    }
}

/* Follows va from a root, and lays out what is not there. True if a fetch there is safe: it faults,
 * or meets the function. */
static bool lay_path(struct walk *walk, unsigned half, uint64_t va, bool code)
{
    unsigned bits = walk->set.bits[half], level = first_level(walk, bits);
    uint64_t table = walk->set.root[half];
    unsigned top = bits;

    walk->flags = 0;
    walk->leaf = 0;
    walk->code = false;
    for (;; level++) {
        unsigned shift = shift_of(level);
        uint64_t index = (va >> shift) & ((1ull << (top - shift)) - 1);
        uint64_t *entry = walk->place.tables + (table - walk->place.tables_pa) / 8 + index;

        if (*entry == 0 && has_room(walk)) {
            lay_entry(walk, entry, level, code);
        }
        uint64_t descriptor = *entry;

        if (walk->place.format == WALK_LPAE_ARMV7) {
            descriptor &= ~TOO_HIGH;
        }
        if (!(descriptor & VALID) || (descriptor & TOO_HIGH)) {
            return true;
        }
        if (level < 3 && (descriptor & 2)) {
            walk->flags |= (descriptor >> 61 & 1) << WALK_AP_TABLE_USER;
            walk->flags |= (descriptor >> 62 & 1) << WALK_AP_TABLE_WRITE;
            walk->flags |= (descriptor >> 60 & 1) << WALK_XN_TABLE;
            walk->flags |= (descriptor >> 59 & 1) << WALK_PXN_TABLE;
            table = descriptor & OUTPUT;
            top = shift;
            continue;
        }
        walk->leaf = level;
        walk->flags |= (descriptor >> 52 & 1) << WALK_CONTIGUOUS;
        walk->code = (descriptor & CODE) != 0;
        return walk->code;
    }
}

/* Addresses */

static uint64_t lower_va(struct walk *walk)
{
    const struct walk_set *set = &walk->set;
    unsigned shift = shift_of(first_level(walk, set->bits[0]));
    uint64_t low = (uint64_t)set->low_count << shift;
    uint64_t high = 1ull << set->bits[0];

    if (!is_a64(walk) && set->bits[0] == 32) {
        high -= 1ull << set->bits[1]; /* where the upper half begins */
    }
    return low >= high ? high : low + draw(walk) % (high - low);
}

static uint64_t upper_va(struct walk *walk)
{
    unsigned bits = walk->set.bits[1];
    uint64_t offset = draw(walk) & ((1ull << bits) - 1);

    if (is_a64(walk)) {
        return ~0ull << bits | offset;
    }
    if (bits == 32) { /* all that the lower half leaves */
        return 1ull << 31 | offset >> 1;
    }
    return ((1ull << 32) - (1ull << bits)) | offset;
}

static uint64_t gap_va(struct walk *walk)
{
    const struct walk_set *set = &walk->set;
    uint64_t low = 1ull << set->bits[0], high;

    if (is_a64(walk)) {
        high = ~0ull << set->bits[1];
    } else if (set->bits[0] == 31 && set->bits[1] < 31) {
        high = (1ull << 32) - (1ull << set->bits[1]);
    } else {
        return upper_va(walk); /* there is none */
    }
    return low + draw(walk) % (high - low);
}

/* Addresses that are close together share tables. */
static uint64_t near(struct walk *walk, uint64_t va, uint64_t before)
{
    unsigned keep = 12 + 9 * below(walk, 3);

    return walk->queries > 1 && percent(walk, 55)
               ? (before & ~((1ull << keep) - 1)) | (va & ((1ull << keep) - 1))
               : va;
}

static int half_of(const struct walk *walk, uint64_t va)
{
    const struct walk_set *set = &walk->set;

    if (is_a64(walk)) {
        return va >> set->bits[0] == 0 ? 0 : ~va >> set->bits[1] == 0 ? 1 : -1;
    }
    if (set->bits[0] == 32) {
        return va >= (1ull << 32) - (1ull << set->bits[1]);
    }
    if (va < 1ull << set->bits[0]) {
        return 0;
    }
    return set->bits[1] == 32 || va >= (1ull << 32) - (1ull << set->bits[1]) ? 1 : -1;
}

static bool is_low(const struct walk *walk, uint64_t va)
{
    unsigned shift = shift_of(first_level(walk, walk->set.bits[0]));

    return half_of(walk, va) == 0 && va >> shift < walk->set.low_count;
}

/* A fetch is moved to where the code lies in its block: wherever that is, it stays in this half. */
static bool fetch_stays(const struct walk *walk, int half, uint64_t va)
{
    unsigned level = half < 0 ? 3 : first_level(walk, walk->set.bits[half]);
    uint64_t inside = (1ull << shift_of(level == 0 ? 1 : level)) - 1;

    return half_of(walk, va & ~inside) == half && half_of(walk, va | inside) == half;
}

bool walk_next_query(struct walk *walk)
{
    static const uint8_t others[] = {WALK_READ,  WALK_READ,      WALK_READ,
                                     WALK_WRITE, WALK_USER_READ, WALK_USER_WRITE};
    struct walk_query *query = &walk->query;
    uint64_t va;
    unsigned chance;
    bool fetch, safe;
    int half;

    if (walk->queries == WALK_QUERIES) {
        return false;
    }
    walk->queries++;
    chance = below(walk, 100);
    va = chance < 40 ? lower_va(walk) : chance < 96 ? upper_va(walk) : gap_va(walk);
    va = near(walk, va, walk->last);
    if (is_low(walk, va)) {
        va = upper_va(walk);
    }
    walk->last = va;
    half = half_of(walk, va);
    fetch = percent(walk, 20) && fetch_stays(walk, half, va);
    walk->gap = half < 0 || (half == 1 && walk->set.epd1);
    safe = walk->gap || lay_path(walk, (unsigned)half, va, fetch);
    if (fetch && safe && !walk->gap && walk->leaf != 0) {
        uint64_t inside = (1ull << shift_of(walk->leaf)) - 1;

        va = (va & ~inside) | (walk->place.code_pa & inside);
    }
    query->va = va;
    query->access = fetch && safe ? WALK_FETCH : (enum walk_access)others[below(walk, 6)];
    return true;
}

/* Answers */

/* CRC-32 (IEEE 802.3), four bits at a time. */
static uint32_t crc_byte(uint32_t crc, uint8_t byte)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };

    crc = ~crc ^ byte;
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
    return ~crc;
}

static void count_translation(struct walk *walk)
{
    static const uint8_t sizes[] = {0, WALK_BLOCK_1G, WALK_BLOCK_2M, WALK_PAGE_4K};

    int half = half_of(walk, walk->query.va);

    walk->count[WALK_TRANSLATED]++;
    walk->count[half == 0 ? WALK_LOWER : WALK_UPPER]++;
    walk->count[WALK_FROM_0 + first_level(walk, walk->set.bits[half])]++;
    walk->count[sizes[walk->leaf]]++;
    walk->count[WALK_EXECUTED] += walk->query.access == WALK_FETCH;
}

void walk_answer(struct walk *walk, const struct walk_answer *answer)
{
    bool fetch = walk->query.access == WALK_FETCH;

    walk->asked++;
    walk->crc = crc_byte(walk->crc, answer->ok ? 0xff : answer->status);
    if (answer->ok) {
        count_translation(walk);
    } else {
        walk->count[WALK_FAULTED]++;
        walk->count[WALK_GAP] += walk->gap;
        walk->count[WALK_REFUSED] += fetch && (answer->status & 0x3c) == 0x0c;
        walk->fault[answer->status & 63]++;
    }
    for (unsigned bit = WALK_CONTIGUOUS; bit <= WALK_PXN_TABLE && !walk->gap; bit++) {
        walk->count[bit] += walk->flags >> bit & 1;
    }
    for (unsigned i = 0; i < 8 && answer->ok && !fetch; i++) {
        /* Where the function lies is the user's business. */
        uint64_t pa = walk->code ? answer->pa & ((1ull << shift_of(walk->leaf)) - 1) : answer->pa;

        walk->crc = crc_byte(walk->crc, (uint8_t)(pa >> 8 * i));
    }
    if (answer->ok && !fetch) {
        walk->crc = crc_byte(walk->crc, answer->memory);
    }
}

const char *walk_format_name(enum walk_format format)
{
    static const char *const names[] = {"lpae", "lpae-armv7", "a64"};

    return names[format];
}

const char *walk_category_name(enum walk_category category)
{
    static const char *const names[WALK_CATEGORIES] = {
        "translated",   "faulted",      "by TTBR0",          "by TTBR1",     "from level 0",
        "from level 1", "from level 2", "1 GiB blocks",      "2 MiB blocks", "pages",
        "contiguous",   "APTable user", "APTable read-only", "XNTable",      "PXNTable",
        "executed",     "not executed", "of no half",
    };

    return names[category];
}

const char *walk_fault_name(unsigned status)
{
    static const char *const names[] = {"address size", "translation", "access flag", "permission"};

    return status < 16 ? names[status >> 2] : 0;
}
