/* SPDX-License-Identifier: MIT */
/*
 * The data cache, which devices do not look into, and the instruction cache, which does not look
 * into the data cache. A line may be fetched or written back at any time: what counts is only what
 * may be where. A line is dirty if memory and bank->seen differ and no device wrote it.
 */
#include "port/sim/state.h"

#include <string.h>

#define UNFINISHED 16u

bool sim_coherent_devices;

/* Operations that no DSB has completed yet. */
static struct {
    const void *start;
    size_t size;
    enum sim_op op;
    unsigned cpu;
} unfinished[UNFINISHED];
static unsigned unfinished_count;
static bool any_posted;

void sim_cache_start(void)
{
    sim_coherent_devices = false;
    unfinished_count = 0;
    any_posted = false;
}

/* The lines of its page that [offset, offset + size) touches; it does not leave the page. */
static uint64_t lines_of(size_t offset, size_t size)
{
    unsigned first = (unsigned)(offset % ASH_PAGE_SIZE / SIM_LINE);
    unsigned last = (unsigned)((offset % ASH_PAGE_SIZE + size - 1) / SIM_LINE);

    return (UINT64_MAX << first) & (UINT64_MAX >> (SIM_LINES - 1 - last));
}

/* A part of a range of memory that lies in one page. */
struct part {
    struct sim_spot spot;
    struct sim_frame *frame;
    size_t size;
    uint64_t lines;
    unsigned char *memory, *seen;
};

/* The first part of the range, if its memory is checked; *size is what is left after it. */
static bool next_part(struct sim_spot *from, size_t *left, struct part *part)
{
    size_t room = ASH_PAGE_SIZE - from->offset % ASH_PAGE_SIZE;

    if (*left == 0 || from->bank->frames == NULL || from->offset >= from->bank->bytes) {
        return false;
    }
    part->spot = *from;
    part->frame = sim_spot_frame(from);
    part->size = *left < room ? *left : room;
    part->lines = lines_of(from->offset, part->size);
    part->memory = from->bank->memory + from->offset;
    part->seen = from->bank->seen + from->offset;
    from->offset += part->size;
    *left -= part->size;
    return true;
}

static uint64_t pa_of(const struct part *part)
{
    return part->spot.bank->base + part->spot.offset;
}

/* Mappings */

void sim_cache_mapped(uint64_t pa, uint64_t size, enum sim_memory memory, bool user, int change)
{
    for (unsigned i = 0; i < sim_bank_count; i++) {
        const struct sim_bank *bank = &sim_banks[i];
        uint64_t begin = pa > bank->base ? pa : bank->base;
        uint64_t end = pa + size < bank->base + bank->bytes ? pa + size : bank->base + bank->bytes;

        for (; bank->frames != NULL && begin < end; begin += ASH_PAGE_SIZE) {
            struct sim_frame *frame = &bank->frames[(begin - bank->base) / ASH_PAGE_SIZE];

            frame->live[memory] += (uint32_t)change;
            frame->live_user += user ? (uint32_t)change : 0;
            if (change < 0) {
                continue;
            }
            if ((frame->live[SIM_CACHEABLE] != 0) + (frame->live[SIM_UNCACHED] != 0) +
                    (frame->live[SIM_DEVICE] != 0) >
                1) {
                sim_broken(24, "the frame at %#llx is mapped with two memory types",
                           (unsigned long long)begin);
            }
            if (memory == SIM_CACHEABLE) {
                if (frame->posted != 0) {
                    sim_broken(24,
                               "a cacheable mapping of %#llx, and writes to it through an uncached "
                               "one are on their way",
                               (unsigned long long)begin);
                }
                frame->absent = 0;
            }
        }
    }
}

void sim_cache_user_code(uint64_t pa, uint64_t size)
{
    for (struct sim_spot spot; size > 0; pa += ASH_PAGE_SIZE, size -= ASH_PAGE_SIZE) {
        if (sim_spot_at(pa, &spot) && spot.bank->frames != NULL && sim_spot_frame(&spot)->code) {
            sim_broken(36,
                       "programs may execute what is at %#llx, and caches may hold something older",
                       (unsigned long long)pa);
        }
    }
}

static bool is_uncached(const struct sim_frame *frame)
{
    return frame->live[SIM_UNCACHED] != 0 && frame->live[SIM_CACHEABLE] == 0;
}

/* Before an access through an uncached mapping. */
static void check_absent(const struct part *part)
{
    if (part->lines & ~part->frame->absent) {
        sim_broken(
            24,
            "an uncached access to %#llx, of which the cache may hold lines from a cacheable "
            "mapping",
            (unsigned long long)pa_of(part));
    }
}

static void uncached_written(const struct part *part)
{
    memcpy(part->seen, part->memory, part->size);
    part->frame->posted |= part->lines;
    any_posted = true;
    sim_this()->unordered = true;
}

/* Maintenance */

static uint64_t line_of(size_t offset)
{
    return UINT64_C(1) << (offset % ASH_PAGE_SIZE / SIM_LINE);
}

/* Bytes of the line that are not in [start, end) and differ from memory are somebody else's. */
static void check_edges(const struct sim_spot *line, size_t start, size_t end)
{
    for (size_t i = line->offset; i < line->offset + SIM_LINE; i++) {
        if ((i < start || i >= end) && line->bank->memory[i] != line->bank->seen[i]) {
            sim_broken(21, "invalidating [%#llx, %#llx) destroys what was written at %#llx",
                       (unsigned long long)(line->bank->base + start),
                       (unsigned long long)(line->bank->base + end),
                       (unsigned long long)(line->bank->base + i));
        }
    }
}

static void maintain_line(enum sim_op op, const struct sim_spot *line)
{
    struct sim_frame *frame = sim_spot_frame(line);
    unsigned char *memory = line->bank->memory + line->offset;
    unsigned char *seen = line->bank->seen + line->offset;
    uint64_t bit = line_of(line->offset);
    bool dirty = (frame->dirty & bit) || !(frame->arrived & bit);

    if (op != SIM_CACHE_INVALIDATE && dirty) {
        memcpy(seen, memory, SIM_LINE);
    }
    frame->dirty &= ~bit;
    if (op == SIM_CACHE_CLEAN) {
        return;
    }
    if (frame->arrived & bit) {
        memcpy(memory, seen, SIM_LINE);
    }
    frame->arrived &= ~bit;
    frame->old &= ~bit;
    if (frame->live[SIM_CACHEABLE] == 0 &&
        !sim_tlb_cacheable(line->bank->base + ash_align_down(line->offset, ASH_PAGE_SIZE))) {
        frame->absent |= bit;
    }
}

static void maintain(enum sim_op op, const void *start, size_t size)
{
    struct sim_spot line;

    if (size == 0 || !sim_spot_of(start, &line) || line.bank->frames == NULL) {
        return;
    }
    size_t from = line.offset, end = from + size;

    for (line.offset = (size_t)ash_align_down(from, SIM_LINE); line.offset < end;
         line.offset += SIM_LINE) {
        if (op == SIM_CACHE_INVALIDATE) {
            check_edges(&line, from, end);
            /* What was written by plain pointers inside the range stands for what a device wrote:
             * only a line that sim_write() made dirty is lost. */
            if (sim_spot_frame(&line)->dirty & line_of(line.offset)) {
                memcpy(line.bank->memory + line.offset, line.bank->seen + line.offset, SIM_LINE);
            }
        }
        if (op == SIM_CODE_SYNC) {
            sim_spot_frame(&line)->code &= ~line_of(line.offset);
        } else {
            maintain_line(op, &line);
        }
    }
}

void sim_cache_operation(enum sim_op op, const void *start, size_t size, enum sim_weakness how)
{
    if (how == SIM_DATA_ONLY || how == SIM_INSTRUCTIONS_ONLY) {
        return;
    }
    if (how != SIM_UNFINISHED) {
        maintain(op, start, size);
    } else if (unfinished_count < UNFINISHED) {
        unfinished[unfinished_count].op = op;
        unfinished[unfinished_count].start = start;
        unfinished[unfinished_count].size = size;
        unfinished[unfinished_count++].cpu = sim_cpu;
    }
}

void sim_cache_complete(void)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < unfinished_count; i++) {
        if (unfinished[i].cpu == sim_cpu) {
            maintain(unfinished[i].op, unfinished[i].start, unfinished[i].size);
        } else {
            unfinished[kept++] = unfinished[i];
        }
    }
    unfinished_count = kept;
}

void sim_cache_barrier(bool dsb)
{
    sim_this()->device_done = false;
    sim_this()->unordered = false;
    for (unsigned i = 0; dsb && any_posted && i < sim_bank_count; i++) {
        for (size_t n = 0; sim_banks[i].frames && n < sim_banks[i].bytes / ASH_PAGE_SIZE; n++) {
            sim_banks[i].frames[n].posted = 0;
        }
    }
    any_posted = any_posted && !dsb;
}

/* Accesses by pointer, of the port itself */

static void bulk_part(const struct part *part, bool done)
{
    struct sim_spot page = part->spot;

    if (done) {
        part->frame->code |= part->lines;
        if (is_uncached(part->frame)) {
            uncached_written(part);
        } else if (sim_this()->mmu_off) {
            memcpy(part->seen, part->memory, part->size);
        }
        return;
    }
    page.offset = (size_t)ash_align_down(page.offset, ASH_PAGE_SIZE);
    sim_tables_overwrite(part->frame, &page);
    if (is_uncached(part->frame)) {
        check_absent(part);
    }
    if (sim_this()->mmu_off) {
        sim_cache_early_store(&part->spot, part->size);
    }
}

void sim_cache_bulk(const void *to, size_t size, bool done)
{
    struct sim_spot spot;
    struct part part;

    sim_explicit_access();
    if (!sim_hostile || !sim_spot_of(to, &spot)) {
        return;
    }
    sim_tables_sync(false);
    while (next_part(&spot, &size, &part)) {
        bulk_part(&part, done);
    }
}

void sim_cache_bulk_read(const void *from, size_t size)
{
    struct sim_spot spot;

    if (sim_hostile && sim_spot_of(from, &spot) && spot.bank->frames != NULL) {
        bool uncached = is_uncached(sim_spot_frame(&spot));

        sim_cache_read(&spot, size, uncached ? SIM_UNCACHED : SIM_CACHEABLE);
    }
}

void sim_cache_early_store(const struct sim_spot *spot, size_t size)
{
    struct sim_frame *frame = sim_spot_frame(spot);
    uint64_t lines = lines_of(spot->offset, size);

    if (frame->old & frame->dirty & lines) {
        sim_broken(19, "a dirty line may be written back over what is stored at %#llx",
                   (unsigned long long)(spot->bank->base + spot->offset));
    }
    frame->old |= lines; /* an older copy may come into the cache before it is invalidated again */
}

/* Accesses by address */

void sim_cache_read(const struct sim_spot *spot, size_t size, enum sim_memory memory)
{
    struct sim_spot from = *spot;
    struct part part;

    while (next_part(&from, &size, &part)) {
        if (sim_this()->device_done) {
            sim_broken(21, "a load of %#llx is not ordered after the news that the device is done",
                       (unsigned long long)pa_of(&part));
        }
        if (memory == SIM_UNCACHED) {
            check_absent(&part);
        } else if (memory == SIM_CACHEABLE && (part.frame->arrived & part.lines)) {
            sim_broken(21, "a load of %#llx finds what was there before the device wrote",
                       (unsigned long long)pa_of(&part));
        }
    }
}

void sim_cache_write(const struct sim_spot *spot, size_t size, enum sim_memory memory, bool done)
{
    struct sim_spot from = *spot;
    struct part part;

    while (next_part(&from, &size, &part)) {
        if (memory == SIM_UNCACHED && !done) {
            check_absent(&part);
        } else if (memory == SIM_UNCACHED) {
            uncached_written(&part);
            part.frame->code |= part.lines;
        } else if (memory == SIM_CACHEABLE && !done && (part.frame->arrived & part.lines)) {
            sim_broken(21, "a store to %#llx makes a line dirty that is older than memory",
                       (unsigned long long)pa_of(&part));
        } else if (memory == SIM_CACHEABLE && done) {
            part.frame->dirty |= part.lines;
            sim_this()->unordered |= sim_coherent_devices;
            part.frame->code |= part.lines;
        }
    }
}

void sim_cache_fetch(const struct sim_spot *spot)
{
    struct sim_frame *frame = sim_spot_frame(spot);

    if (frame != NULL && (frame->code & line_of(spot->offset))) {
        sim_broken(22, "an instruction is fetched at %#llx, and the cache may hold an older one",
                   (unsigned long long)(spot->bank->base + spot->offset));
    }
}

/* Devices */

static bool is_dirty(const struct part *part)
{
    for (size_t i = 0; i < part->size; i++) {
        uint64_t bit = line_of(part->spot.offset + i);

        if ((part->frame->dirty & bit) ||
            (!(part->frame->arrived & bit) && part->memory[i] != part->seen[i])) {
            return true;
        }
    }
    return false;
}

static struct sim_spot device_spot(ash_pa_t pa)
{
    struct sim_spot spot;

    if (!sim_spot_at(pa.value, &spot) || spot.bank->frames == NULL) {
        sim_broken(SIM_MISUSE, "a device accesses %#llx", (unsigned long long)pa.value);
    }
    return spot;
}

void sim_device_read(ash_pa_t pa, void *to, size_t size)
{
    struct sim_spot spot = device_spot(pa);
    unsigned char *bytes = to;
    struct part part;

    while (next_part(&spot, &size, &part)) {
        if (!sim_coherent_devices && !is_uncached(part.frame) && is_dirty(&part)) {
            sim_broken(21, "a device reads %#llx, and the cache holds what was written there",
                       (unsigned long long)pa_of(&part));
        }
        memcpy(bytes, sim_coherent_devices ? part.memory : part.seen, part.size);
        bytes += part.size;
    }
}

void sim_device_write(ash_pa_t pa, const void *from, size_t size)
{
    struct sim_spot spot = device_spot(pa);
    const unsigned char *bytes = from;
    struct part part;

    while (next_part(&spot, &size, &part)) {
        bool both = sim_coherent_devices || is_uncached(part.frame);

        if (!both && is_dirty(&part)) {
            sim_broken(21, "a device writes to %#llx, and a dirty line may be written back over it",
                       (unsigned long long)pa_of(&part));
        }
        memcpy(part.seen, bytes, part.size);
        if (both) {
            memcpy(part.memory, bytes, part.size);
        } else {
            part.frame->arrived |= part.lines;
        }
        part.frame->code |= part.lines;
        bytes += part.size;
    }
}

void sim_device_done(void)
{
    sim_this()->device_done = true;
}

void sim_device_start(void)
{
    if (sim_this()->unordered) {
        sim_broken(21, "a device is started before what was written for it is sure to be there");
    }
}

/* MMU and caches off */

void sim_mmu_off(ash_pa_t pa, uint64_t size)
{
    struct sim_spot spot = device_spot(pa);
    size_t left = (size_t)size;
    struct part part;

    sim_this()->mmu_off = true;
    while (next_part(&spot, &left, &part)) {
        part.frame->old |= part.lines;
        part.frame->dirty |= part.lines;
    }
}

void sim_mmu_on(void)
{
    if (sim_this()->no_smp) {
        sim_broken(39, "CPU %u: MMU and caches go on without the SMP bit", sim_cpu);
    }
    sim_this()->mmu_off = false;
    sim_tables_sync(true);
}

void sim_set_smp(bool set)
{
    sim_this()->no_smp = !set;
}
