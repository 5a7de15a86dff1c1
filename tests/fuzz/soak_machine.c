/* SPDX-License-Identifier: MIT */
/*
 * The machine under a soak: choices, frames for tables, the life of a map.
 */
#include "tests/fuzz/soak_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned lpae_1[] = {32, 31, 0}, lpae_2[] = {30, 29, 25, 0};
static const unsigned a64_39[] = {39, 31, 0}, a64_48[] = {48, 42, 0};

/* Tables lie high, so that an address that loses its upper bits is seen. */
const struct soak_format soak_formats[SOAK_FORMATS] = {
    {"lpae-1", SIM_LPAE, 1, 40, 0xfe48000000, lpae_1},
    {"lpae-2", SIM_LPAE, 2, 40, 0xfe48000000, lpae_2},
    {"a64-39", SIM_A64, 1, 48, 0xfedc48000000, a64_39},
    {"a64-48", SIM_A64, 0, 48, 0xfedc48000000, a64_48},
};

static struct soak *running; /* that a finding is about */

/* Choices */

void soak_seed(struct soak_source *source, uint64_t seed)
{
    *source = (struct soak_source){.state = seed};
}

void soak_bytes(struct soak_source *source, const uint8_t *bytes, size_t size)
{
    *source = (struct soak_source){.bytes = bytes, .left = size};
}

/* SplitMix64 (Steele, Lea, Flood, 2014). */
static uint64_t mixed(uint64_t state)
{
    state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
    state = (state ^ state >> 27) * 0x94d049bb133111eb;
    return state ^ state >> 31;
}

uint64_t soak_draw(struct soak_source *source, uint64_t n)
{
    uint64_t value = 0;

    if (n <= 1) {
        return 0;
    }
    if (source->bytes == NULL) {
        return mixed(source->state += 0x9e3779b97f4a7c15) % n;
    }
    for (uint64_t most = n - 1; most > 0; most >>= 8) {
        if (source->left == 0) {
            source->over = true;
            return 0;
        }
        value = value << 8 | *source->bytes++;
        source->left--;
    }
    return value % n;
}

bool soak_once_in(struct soak_source *source, unsigned n)
{
    return soak_draw(source, n) == n - 1;
}

/* Tables */

static uint64_t *frame_at(const struct soak *soak, unsigned frame)
{
    return port_ptr(ash_pa(soak->format->tables + (uint64_t)frame * ASH_PAGE_SIZE));
}

/* Whoever gives out frames makes them zero. All are, but after an early start somebody's lines may
 * be in the cache, and must go before. */
static void zero(const struct soak *soak, void *frame)
{
    if (soak->config.early) {
        port_cache_invalidate(frame, ASH_PAGE_SIZE);
        port_page_zero(frame);
    }
}

static int take(void *context, ash_pa_t *table)
{
    struct soak *soak = (struct soak *)((uintptr_t)context & ~(uintptr_t)1);
    unsigned frame = soak->first_free ? 0 : soak->last + 1;

    SOAK_SAME((uintptr_t)context & 1, soak->pool);
    soak->takes++;
    if (soak->fail_at != 0 && --soak->fail_at == 0) {
        return ASH_ENOMEM;
    }
    for (unsigned n = 0; n < SOAK_FRAMES; n++, frame++) {
        frame %= SOAK_FRAMES;
        if (!soak->used[frame]) {
            soak->used[frame] = true;
            soak->last = frame;
            soak->in_use++;
            *table = ash_pa(soak->format->tables + (uint64_t)frame * ASH_PAGE_SIZE);
            sim_table_taken(*table);
            zero(soak, frame_at(soak, frame));
            return 0;
        }
    }
    return ASH_ENOMEM;
}

static void give(void *context, ash_pa_t table)
{
    static const unsigned char zeros[ASH_PAGE_SIZE];
    struct soak *soak = (struct soak *)((uintptr_t)context & ~(uintptr_t)1);
    uint64_t frame = (table.value - soak->format->tables) / ASH_PAGE_SIZE;

    SOAK_SAME((uintptr_t)context & 1, soak->pool);
    SOAK_SAME(table.value % ASH_PAGE_SIZE, 0);
    SOAK_CHECK(frame < SOAK_FRAMES && soak->used[frame]);
    SOAK_CHECK(memcmp(port_ptr(table), zeros, sizeof zeros) == 0);
    soak->used[frame] = false;
    soak->in_use--;
    sim_table_given(table);
}

struct ash_mmu_tables soak_tables(struct soak *soak)
{
    return (struct ash_mmu_tables){take, give, (char *)soak + soak->pool};
}

/* Images */

struct soak_image {
    struct ash_mmu map;
    bool used[SOAK_FRAMES];
    unsigned char memory[SOAK_FRAMES * ASH_PAGE_SIZE];
};

static struct soak_image image;

void soak_remember(const struct soak *soak, bool tables)
{
    memcpy(&image.map, &soak->map, sizeof image.map);
    memcpy(image.used, soak->used, sizeof image.used);
    if (tables) {
        memcpy(image.memory, frame_at(soak, 0), sizeof image.memory);
    }
}

void soak_check_unchanged(const struct soak *soak, bool tables)
{
    image.map.counters.taken = soak->map.counters.taken;
    SOAK_CHECK(memcmp(&image.map, &soak->map, sizeof image.map) == 0);
    SOAK_CHECK(memcmp(image.used, soak->used, sizeof image.used) == 0);
    SOAK_CHECK(!tables || memcmp(image.memory, frame_at(soak, 0), sizeof image.memory) == 0);
    SOAK_SAME(sim_count[SIM_ENTRY_STORE], 0);
    SOAK_SAME(sim_tlbi_count(), 0);
}

/* Maps */

/* The lower half is what the registers say; the upper one is installed as spaces are. */
static void install_here(const struct soak *soak)
{
    struct sim_half *half = &sim_regime.half[soak->config.base.value != 0];

    half->va_bits = soak->config.va_bits;
    if (soak->config.base.value == 0) {
        half->root = ash_mmu_root(&soak->map);
        half->walks = soak->live;
        sim_rest();
    } else if (soak->live) {
        port_space_install(ash_mmu_root(&soak->map), soak->map.asid);
    } else {
        port_space_none();
    }
}

void soak_install(struct soak *soak)
{
    unsigned self = sim_cpu;

    for (unsigned cpu = 0; cpu < soak->cpus; cpu++) {
        sim_on_cpu(cpu);
        install_here(soak);
    }
    sim_on_cpu(self);
}

void soak_go_live(struct soak *soak)
{
    soak->live = true;
    soak_install(soak);
    if (soak->config.early) {
        sim_mmu_on();
    }
}

static void machine(struct soak *soak)
{
    sim_start();
    sim_add_ram(ash_pa(soak->format->tables), SOAK_FRAMES * ASH_PAGE_SIZE);
    memset(frame_at(soak, 0), 0, SOAK_FRAMES * ASH_PAGE_SIZE);
    sim_regime.format = soak->format->sim;
    sim_regime.mair = ASH_MMU_MAIR0 | (uint64_t)ASH_MMU_MAIR1 << 32;
    sim_coherent_walks = !soak->config.incoherent;
    sim_range_tlbi = soak->ranges;
    sim_written_bit = soak->config.track ? 1ull << 56 : 0;
    soak_updates(soak, true);
    if (soak->config.early) {
        sim_mmu_off(ash_pa(soak->format->tables), SOAK_FRAMES * ASH_PAGE_SIZE);
    }
    sim_set_cpus(soak->cpus);
}

static void configure(struct soak *soak)
{
    const struct soak_format *format = soak->format;
    struct soak_source *source = &soak->source;
    unsigned count = 0, space = format->sim == SIM_LPAE ? 32 : 64;

    while (format->sizes[count] != 0) {
        count++;
    }
    count = soak_once_in(source, 3) ? (unsigned)soak_draw(source, count) : 0;
    soak->config = (struct ash_mmu_config){
        .format = format->sim == SIM_LPAE ? &ash_mmu_format_lpae : &ash_mmu_format_a64,
        .va_bits = format->sizes[count],
        .early = soak_once_in(source, 6),
        .incoherent = soak_once_in(source, 6),
    };
    if (soak->config.va_bits < space && soak_once_in(source, 2)) {
        soak->config.base =
            ash_va(UINT64_MAX >> (64 - space) >> soak->config.va_bits << soak->config.va_bits);
    }
    /* The lower half is the firmware's, the upper one that of spaces, whose entries are never
     * global (arm-rules 41). */
    soak->config.global = soak->config.base.value == 0;
    soak->cpus = soak->config.early ? 1 : 1 + (unsigned)soak_draw(source, SIM_CPUS);
    if (!soak->config.global) {
        soak->config.asid = 1 + (unsigned)soak_draw(source, 255);
    }
    if (format->sim == SIM_A64 && sizeof(uintptr_t) == 8 && soak_once_in(source, 3)) {
        soak->config.format = NULL; /* that of this processor */
    }
    if (soak_once_in(source, 2)) {
        unsigned options = (unsigned)soak_draw(source, 16); /* all combinations */

        soak->config.track = options & 1;
        soak->config.updates = (options & 3) == 3 && format->sim == SIM_A64;
        soak->config.contiguous = options & 4;
        soak->config.merge = options & 8;
    }
    soak->first_free = soak_once_in(source, 2);
    soak->ranges = format->sim == SIM_A64 && soak_once_in(source, 2);
    soak->pool = 0;
    soak->config.tables = soak_tables(soak);
}

/* What init must refuse, and that a refusal takes nothing. */
static void refused(struct soak *soak)
{
    struct ash_mmu_config config = soak->config;
    int expected = ASH_EINVAL;

    switch (soak_draw(&soak->source, 7)) {
    case 0:
        config.va_bits = 24 - (unsigned)soak_draw(&soak->source, 25);
        break;
    case 1:
        config.va_bits =
            (soak->format->sim == SIM_LPAE ? 33 : 49) + (unsigned)soak_draw(&soak->source, 32);
        break;
    case 2:
        config.base.value ^= 1ull << soak_draw(&soak->source, 25);
        break;
    case 3:
        config.tables.take = NULL;
        break;
    case 4:
        config.tables.give = NULL;
        break;
    case 5:
        config.track = false;
        config.updates = true;
        break;
    default:
        soak->fail_at = 1;
        expected = ASH_ENOMEM;
        break;
    }
    SOAK_SAME(ash_mmu_init(&soak->map, &config), expected);
    SOAK_SAME(soak->in_use, 0);
    soak->fail_at = 0;
}

static void choose_focus(struct soak *soak)
{
    uint64_t pages = soak->shadow->pages;
    uint64_t gib = shadow_reach(1), most = shadow_reach(0);

    soak->focus[0] = 0;
    soak->focus[1] = pages - 1 - soak_draw(&soak->source, 1200);
    soak->focus[2] = (pages > gib ? gib : pages / 2) - 1 - soak_draw(&soak->source, 1200);
    if (pages > most) {
        soak->focus[2] = most - 1 - soak_draw(&soak->source, 1200);
    }
    soak->focus[3] = soak_draw(&soak->source, pages);
}

void soak_start(struct soak *soak, const struct soak_format *format, struct soak_counts *counts)
{
    static struct shadow shadows[3];
    struct soak_source source = soak->source;
    uint64_t seed = soak->seed, before = soak->before + soak->number;

    memset(soak, 0, sizeof *soak);
    soak->source = source;
    soak->seed = seed;
    soak->before = before;
    soak->format = format;
    soak->counts = counts;
    running = soak;
    soak->shadow = &shadows[0];
    soak->next = &shadows[1];
    soak->scratch = &shadows[2];
    configure(soak);
    machine(soak);
    *soak->shadow = (struct shadow){
        .start = format->start,
        .pages = 1ull << (soak->config.va_bits - ASH_PAGE_SHIFT),
        .track = soak->config.track,
        .contiguous = soak->config.contiguous,
        .merge = soak->config.merge,
    };
    choose_focus(soak);
    if (soak_once_in(&soak->source, 3)) {
        refused(soak);
    }
    SOAK_SAME(ash_mmu_init(&soak->map, &soak->config), 0);
    SOAK_SAME(soak->in_use, 1);
    SOAK_SAME(soak->map.start, format->start);
    if (!soak->config.early) {
        soak_go_live(soak);
    }
}

void soak_end(struct soak *soak)
{
    soak_check_sound(soak);
    soak_check_all(soak);
    soak->live = false;
    soak_install(soak);
    ash_mmu_destroy(&soak->map);
    SOAK_SAME(soak->in_use, 0);
    soak->counts->verb[SOAK_RENEW]++;
}

/* Findings */

const char *const soak_verbs[SOAK_VERBS] = {
    "map",   "unmap",      "protect",       "merge",      "harvest",   "touch",
    "query", "walk",       "tables needed", "remap zone", "open zone", "freeze",
    "asid",  "set tables", "publish",       "report",     "damage",    "renew",
};

void soak_print_counts(const struct soak_counts counts[SOAK_FORMATS])
{
    for (unsigned format = 0; format < SOAK_FORMATS; format++) {
        const struct soak_counts *of = &counts[format];

        if (of->steps == 0) {
            continue;
        }
        printf("%s: %llu steps, %.1f %% of them changed something, %llu had to fail, %llu for want "
               "of a table:",
               soak_formats[format].name, (unsigned long long)of->steps,
               100.0 * (double)of->changed / (double)of->steps, (unsigned long long)of->errors,
               (unsigned long long)of->failures);
        for (unsigned verb = 0; verb < SOAK_VERBS; verb++) {
            printf(" %llu %s%s", (unsigned long long)of->verb[verb], soak_verbs[verb],
                   verb + 1 < SOAK_VERBS ? "," : "\n");
        }
    }
    fflush(stdout);
}

void (*soak_failed)(void) = abort;

void soak_print_session(void)
{
    const struct soak *soak = running;
    uint64_t number = soak == NULL || soak->number < SOAK_HISTORY ? 0 : soak->number - SOAK_HISTORY;

    if (soak == NULL) {
        return;
    }
    running = NULL;
    fprintf(stderr, "%s, %u bits at %#llx, %s%s%s%s%s%s%s%s; step %llu (%llu in all) of ",
            soak->format->name, soak->config.va_bits, (unsigned long long)soak->config.base.value,
            soak->config.global ? "global" : "ASID", soak->config.early ? ", early" : "",
            soak->config.incoherent ? ", incoherent" : "", soak->ranges ? ", ranges" : "",
            soak->config.track ? ", track" : "", soak->config.updates ? ", updates" : "",
            soak->config.contiguous ? ", contiguous" : "", soak->config.merge ? ", merge" : "",
            (unsigned long long)soak->number, (unsigned long long)(soak->before + soak->number));
    if (soak->seed != 0) {
        fprintf(stderr, "--session %#llx --format %s\n", (unsigned long long)soak->seed,
                soak->format->name);
    } else {
        fprintf(stderr, "an input\n");
    }
    for (; number < soak->number; number++) {
        const struct soak_step *step = &soak->history[number % SOAK_HISTORY];

        fprintf(stderr, "  %llu: %s %#llx + %#llx to %#llx attr %#x fail at %u detail %#x\n",
                (unsigned long long)number, soak_verbs[step->verb],
                (unsigned long long)step->va.value, (unsigned long long)step->size,
                (unsigned long long)step->pa.value, step->attr, step->fail_at, step->detail);
    }
}

void soak_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "finding: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    soak_print_session();
    fflush(stderr);
    soak_failed();
    abort();
}
