/* SPDX-License-Identifier: MIT */
/*
 * vmap on the running machine: what the hardware translates, what is read and written through
 * windows and mappings, what faults; to exhaustion and back. With RAM above the identity map, its
 * frames are the ones that are used.
 */
#include "ashlar/vmap.h"

#include "ashlar/boot.h"
#include "ashlar/dma.h"
#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/trap.h"
#include "port/port.h"
#include "tests/target/provoke.h"
#include "tests/target/suite.h"

#define FLAGS (ASH_FRAMES_HIGH | ASH_FRAMES_OWNER(ASH_OWNER_TEST))
#define WORDS (ASH_PAGE_SIZE / sizeof(uint32_t))

/* What a case must leave as it was. */
struct state {
    uint32_t free, tables, areas;
    uint64_t bytes;
};

static struct state take_state(void)
{
    struct state state = {.tables = ash_boot_map.counters.tables};
    struct ash_vmap_stats stats;

    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        struct ash_frames_stats figures;

        (void)ash_frames_stats((enum ash_zone)zone, &figures);
        state.free += figures.free;
    }
    ash_vmap_stats(&stats);
    state.areas = stats.areas;
    state.bytes = stats.free;
    return state;
}

static bool same_state(const struct state *before)
{
    struct state now = take_state();

    return now.free == before->free && now.tables == before->tables && now.areas == before->areas &&
           now.bytes == before->bytes && ash_vmap_verify() == 0;
}

static bool has_high_memory(void)
{
    struct ash_frames_stats stats;

    (void)ash_frames_stats(ASH_ZONE_HIGH, &stats);
    return stats.total != 0;
}

/* The hardware's own answer. */
static bool leads_to(const void *address, ash_frame_t frame)
{
    struct port_translation answer;

    return port_translate(ash_va_of(address), PORT_READ, &answer) &&
           answer.pa.value >> ASH_PAGE_SHIFT == frame.number;
}

static bool leads_nowhere(const void *address)
{
    struct port_translation answer;

    return !port_translate(ash_va_of(address), PORT_READ, &answer);
}

/* Writes, or looks for, words that differ from page to page. */
static void fill(volatile uint32_t *page, uint32_t tag)
{
    for (unsigned i = 0; i < WORDS; i++) {
        page[i] = tag * 0x9e3779b9u + i;
    }
}

static bool is_filled(const volatile uint32_t *page, uint32_t tag)
{
    for (unsigned i = 0; i < WORDS; i++) {
        if (page[i] != tag * 0x9e3779b9u + i) {
            return false;
        }
    }
    return true;
}

/* The same through a window. */
static bool fill_frame(ash_frame_t frame, uint32_t tag)
{
    void *window = ash_window_open(frame);

    if (window == NULL) {
        return false;
    }
    fill(window, tag);
    ash_window_close(window);
    return true;
}

static bool frame_is_filled(ash_frame_t frame, uint32_t tag)
{
    void *window = ash_window_open(frame);
    bool filled = window != NULL && is_filled(window, tag);

    if (window != NULL) {
        ash_window_close(window);
    }
    return filled;
}

#define SCATTERED 24u

/* Frames none of which is followed by its neighbour. */
static bool scatter(ash_frame_t *frames)
{
    for (unsigned i = 0; i < SCATTERED; i++) {
        if (ash_frames_alloc(0, FLAGS, &frames[SCATTERED - 1 - i]) != 0) {
            return false;
        }
    }
    return true;
}

static void give(const ash_frame_t *frames)
{
    for (unsigned i = 0; i < SCATTERED; i++) {
        ash_frames_free(frames[i], 0);
    }
}

static void scattered_frames_become_one_range(void)
{
    struct state before = take_state();
    ash_frame_t frames[SCATTERED];
    volatile uint32_t *at;
    unsigned wrong = 0;
    void *out;

    CHECK(scatter(frames));
    for (unsigned i = 0; i < SCATTERED; i++) {
        wrong += !fill_frame(frames[i], i);
    }
    CHECK_EQ(wrong, 0);
    CHECK_EQ(ash_vmap(frames, SCATTERED, ASH_MMU_WRITE, &out), 0);
    at = out;
    for (unsigned i = 0; i < SCATTERED; i++) {
        wrong += !leads_to((const void *)(uintptr_t)&at[i * WORDS], frames[i]);
        wrong += !is_filled(&at[i * WORDS], i);
        fill(&at[i * WORDS], i + 100);
    }
    CHECK_EQ(wrong, 0);
    CHECK(leads_nowhere((const char *)out - 1));
    CHECK(leads_nowhere((const char *)out + SCATTERED * ASH_PAGE_SIZE));
    CHECK_EQ(ash_vmap_verify(), 0);
    ash_vunmap(out);
    for (unsigned i = 0; i < SCATTERED; i++) {
        wrong += !leads_nowhere((const char *)out + i * ASH_PAGE_SIZE);
        wrong += !frame_is_filled(frames[i], i + 100);
    }
    CHECK_EQ(wrong, 0);
    give(frames);
    CHECK(same_state(&before));
}

static void read_word(void *address)
{
    (void)*(volatile uint32_t *)address;
}

static void write_word(void *address)
{
    *(volatile uint32_t *)address = 1;
}

static void call_it(void *address)
{
    ((void (*)(void))(uintptr_t)address)();
}

/* The access faults, at this address, for this cause. */
static bool faults(void (*access)(void *), void *address, enum ash_trap_cause cause)
{
    struct ash_trap trap;

    return ash_trap_catch(access, address, &trap) == ASH_EFAULT && trap.cause == cause &&
           trap.address == (uintptr_t)address;
}

static void only_what_was_asked_for_is_allowed(void)
{
    struct state before = take_state();
    ash_frame_t frame;
    void *out = NULL;

    CHECK_EQ(ash_frames_alloc(0, FLAGS, &frame), 0);
    CHECK(fill_frame(frame, 7));
    CHECK_EQ(ash_vmap(&frame, 1, ASH_MMU_NORMAL, &out), 0);
    CHECK(is_filled(out, 7));
    CHECK(faults(write_word, out, ASH_CAUSE_PERMISSION));
    CHECK(faults(call_it, out, ASH_CAUSE_PERMISSION));
    CHECK(is_filled(out, 7));
    CHECK(faults(read_word, (char *)out - 4, ASH_CAUSE_TRANSLATION));
    CHECK(faults(write_word, (char *)out + ASH_PAGE_SIZE, ASH_CAUSE_TRANSLATION));
    ash_vunmap(out);
    /* The TLB had this one a moment ago. */
    CHECK(faults(read_word, out, ASH_CAUSE_TRANSLATION));
    CHECK_EQ(ash_vmap(&frame, 1, ASH_MMU_EXEC, &out), ASH_EPERM);
    CHECK_EQ(ash_vmap(&frame, 1, ASH_MMU_UNCACHED, &out), ASH_EPERM);
    ash_frames_free(frame, 0);
    CHECK_EQ(ash_vmap(&frame, 1, ASH_MMU_NORMAL, &out), ASH_EINVAL);
    CHECK(same_state(&before));
}

static void memory_is_zeroed_and_comes_back(void)
{
    struct state before = take_state();
    size_t bytes = 70 * ASH_PAGE_SIZE;
    uint32_t sum = 0, high = 0;

    for (unsigned round = 0; round < 2; round++) {
        uint32_t *words = ash_vmap_alloc(bytes);
        ash_pa_t pa = ash_pa(1);

        CHECK(words != NULL);
        /* It is no memory that a device could be pointed at. */
        CHECK_EQ(ash_dma_pa(words, &pa), ASH_ERANGE);
        CHECK_EQ(pa.value, 1);
        for (size_t i = 0; i < bytes / sizeof(*words); i++) {
            sum |= words[i];
            words[i] = ~(uint32_t)i;
        }
        for (size_t i = 0; i < bytes / sizeof(*words); i++) {
            sum |= words[i] ^ ~(uint32_t)i;
        }
        for (size_t page = 0; page < 70; page++) {
            struct port_translation answer;
            struct ash_frame_info info;

            CHECK(port_translate(ash_va_of(words + page * WORDS), PORT_WRITE, &answer));
            ash_frames_query(ash_pa_frame(answer.pa), &info);
            CHECK_EQ(info.owner, ASH_OWNER_VMAP);
            high += info.zone == ASH_ZONE_HIGH;
        }
        ash_vmap_free(words);
    }
    CHECK_EQ(sum, 0);
    CHECK_EQ(high, has_high_memory() ? 140 : 0);
    CHECK(same_state(&before));
}

static void windows_reach_high_memory(void)
{
    struct state before = take_state();
    ash_frame_t frames[ASH_WINDOWS];
    uint32_t *window[ASH_WINDOWS];
    uint32_t barriers = ash_boot_map.counters.barriers;

    if (!has_high_memory()) {
        target_skip("all RAM is directly mapped");
        return;
    }
    for (unsigned i = 0; i < ASH_WINDOWS; i++) {
        CHECK_EQ(ash_frames_alloc(0, FLAGS, &frames[i]), 0);
        CHECK(port_ptr(ash_frame_pa(frames[i])) == NULL);
        window[i] = ash_window_open(frames[i]);
        CHECK(window[i] != NULL && ash_vmap_contains(window[i]));
        CHECK(leads_to(window[i], frames[i]));
        CHECK(leads_nowhere((char *)window[i] - 1));
        CHECK(leads_nowhere((char *)window[i] + ASH_PAGE_SIZE));
        fill(window[i], i);
    }
    for (unsigned i = ASH_WINDOWS; i-- > 0;) {
        CHECK(is_filled(window[i], i));
        ash_window_close(window[i]);
        CHECK(leads_nowhere(window[i]));
        /* The TLB had this one a moment ago. */
        CHECK(faults(read_word, window[i], ASH_CAUSE_TRANSLATION));
    }
    CHECK_EQ(ash_boot_map.counters.barriers - barriers, 2 * ASH_WINDOWS);
    /* The first slot shows each frame in turn, and nothing of the one before. */
    for (unsigned i = 0; i < ASH_WINDOWS; i++) {
        CHECK(frame_is_filled(frames[i], i));
        CHECK_EQ(ash_window_zero(frames[i]), 0);
    }
    for (unsigned i = 0; i < ASH_WINDOWS; i++) {
        window[0] = ash_window_open(frames[i]);
        CHECK(window[0] != NULL && window[0][0] == 0 && window[0][WORDS - 1] == 0);
        ash_window_close(window[0]);
        ash_frames_free(frames[i], 0);
    }
    CHECK(same_state(&before));
}

static void windows_nest_to_a_limit(void)
{
    struct state before = take_state();
    void *window[ASH_WINDOWS];
    ash_frame_t frame;

    CHECK_EQ(ash_frames_alloc(0, FLAGS, &frame), 0);
    for (unsigned i = 0; i < ASH_WINDOWS; i++) {
        window[i] = ash_window_open(frame);
        CHECK(window[i] != NULL);
    }
    CHECK(ash_window_open(frame) == NULL);
    CHECK_EQ(ash_window_zero(frame), ASH_EBUSY);
    for (unsigned i = ASH_WINDOWS; i-- > 0;) {
        ash_window_close(window[i]);
    }
    CHECK_EQ(ash_window_zero(frame), 0);
    CHECK(ash_window_open(ASH_FRAME_NONE) == NULL);
    ash_frames_free(frame, 0);
    CHECK(same_state(&before));
}

/* Addresses run out: one frame is mapped all over the range, in mappings that know the one before.
 */
static void addresses_to_exhaustion_and_back(void)
{
    static ash_frame_t frames[2048];
    struct state before = take_state();
    size_t count = sizeof(frames) / sizeof(frames[0]), mappings = 0;
    void *at, *last = NULL;
    ash_frame_t frame;

    CHECK_EQ(ash_frames_alloc(0, FLAGS & ~ASH_FRAMES_ZONE_MASK, &frame), 0);
    for (size_t i = 0; i < count; i++) {
        frames[i] = frame;
    }
    while (count > 0) {
        if (ash_vmap(frames, count, ASH_MMU_WRITE, &at) != 0) {
            count /= 2;
            continue;
        }
        /* The page is the same everywhere: what it holds is found by unmapping in reverse. */
        ((void **)at)[mappings % (ASH_PAGE_SIZE / sizeof(void *))] = last;
        last = at;
        mappings++;
    }
    CHECK(mappings > 32 && mappings <= ASH_PAGE_SIZE / sizeof(void *));
    target_note("%u mappings fill the range", (unsigned)mappings);
    CHECK_EQ(ash_vmap(frames, 1, ASH_MMU_WRITE, &at), ASH_ENOMEM);
    CHECK(ash_vmap_alloc(1) == NULL);
    while (last != NULL) {
        at = last;
        last = ((void **)at)[--mappings];
        ash_vunmap(at);
    }
    ash_frames_free(frame, 0);
    CHECK_EQ(mappings, 0);
    CHECK(same_state(&before));
}

/* Frames run out: on small machines by asking for more than there is, on others there is no need to
 * zero gigabytes, and the addresses are too few. */
static void too_much_memory_is_refused(void)
{
    struct state before = take_state();
    struct ash_vmap_stats stats;
    size_t bytes = (size_t)before.free * ASH_PAGE_SIZE;

    ash_vmap_stats(&stats);
    if (before.free > 32768 || bytes >= stats.largest) {
        bytes = (size_t)stats.largest;
    }
    CHECK(ash_vmap_alloc(bytes) == NULL);
    CHECK(ash_vmap_alloc(SIZE_MAX) == NULL);
    CHECK(ash_vmap_alloc(0) == NULL);
    CHECK(same_state(&before));
}

#define SLOTS 40u

static struct {
    uint32_t *at;
    size_t pages;
} slots[SLOTS];

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return (uint32_t)((uint64_t)random_state * n >> 32);
}

static void random_memory_never_overlaps(void)
{
    struct state before = take_state();
    unsigned wrong = 0;

    random_state = 20409;
    target_note("seed %u", (unsigned)random_state);
    for (unsigned step = 0; step < 800; step++) {
        unsigned n = random_below(SLOTS);

        if (slots[n].at == NULL) {
            slots[n].pages = 1 + random_below(12);
            slots[n].at = step % 3 == 0 ? ash_stack_create("random", slots[n].pages * ASH_PAGE_SIZE)
                                        : ash_vmap_alloc(slots[n].pages * ASH_PAGE_SIZE);
            wrong += slots[n].at == NULL;
            for (size_t page = 0; slots[n].at != NULL && page < slots[n].pages; page++) {
                slots[n].at[page * WORDS] = n;
                slots[n].at[page * WORDS + WORDS - 1] = (uint32_t)page;
            }
            continue;
        }
        for (size_t page = 0; page < slots[n].pages; page++) {
            wrong += slots[n].at[page * WORDS] != n ||
                     slots[n].at[page * WORDS + WORDS - 1] != (uint32_t)page;
        }
        if (ash_stack_find_hook != NULL &&
            ash_stack_find_hook((uintptr_t)slots[n].at, &(struct ash_stack_place){0})) {
            ash_stack_destroy(slots[n].at);
        } else {
            ash_vmap_free(slots[n].at);
        }
        slots[n].at = NULL;
    }
    CHECK_EQ(ash_vmap_verify(), 0);
    for (unsigned n = 0; n < SLOTS; n++) {
        if (slots[n].at != NULL && ash_stack_find_hook != NULL &&
            ash_stack_find_hook((uintptr_t)slots[n].at, &(struct ash_stack_place){0})) {
            ash_stack_destroy(slots[n].at);
        } else {
            ash_vmap_free(slots[n].at);
        }
        slots[n].at = NULL;
    }
    CHECK_EQ(wrong, 0);
    CHECK(same_state(&before));
}

static void add_up(void *argument)
{
    volatile uint32_t words[512];
    uint32_t *sum = argument;

    for (uint32_t i = 0; i < 512; i++) {
        words[i] = i;
    }
    for (uint32_t i = 0; i < 512; i++) {
        *sum += words[i];
    }
    sum[1] = (uint32_t)((uintptr_t)words >> ASH_PAGE_SHIFT);
}

static void created_stacks_are_guarded(void)
{
    struct state before = take_state();
    size_t bytes = 4 * ASH_PAGE_SIZE;
    char *stack = ash_stack_create("test", bytes);
    struct ash_stack_place place;
    struct ash_trap trap;
    uint32_t sum[2] = {0, 0};

    CHECK(stack != NULL);
    provoke_on_stack(add_up, sum, stack + bytes);
    CHECK_EQ(sum[0], 511 * 256);
    CHECK((uint32_t)((uintptr_t)stack >> ASH_PAGE_SHIFT) <= sum[1]);
    CHECK((uint32_t)((uintptr_t)(stack + bytes) >> ASH_PAGE_SHIFT) > sum[1]);
    CHECK(faults(write_word, stack - 4, ASH_CAUSE_TRANSLATION));
    CHECK(ash_stack_find_hook((uintptr_t)stack - 4, &place));
    CHECK(place.in_guard);
    CHECK_EQ(place.base, (uintptr_t)stack);
    CHECK_EQ(place.top, (uintptr_t)stack + bytes);
    ash_stack_destroy(stack);
    CHECK(!ash_stack_find_hook((uintptr_t)stack - 4, &place));
    CHECK(same_state(&before));
    /* Running over one is caught on the exception's own stack. */
    CHECK_EQ(ash_trap_catch(provoke_find("overflow-created")->run, NULL, &trap), ASH_EFAULT);
    CHECK_EQ(trap.cause, ASH_CAUSE_TRANSLATION);
    CHECK(trap.write);
    CHECK(ash_stack_find_hook(trap.address, &place));
    CHECK(place.in_guard);
}

static unsigned told;
static struct ash_fault last_fault;

static void record(const struct ash_fault *fault)
{
    told++;
    last_fault = *fault;
}

static bool told_of(enum ash_fault_kind kind, const void *address)
{
    bool right = told == 1 && last_fault.kind == kind && last_fault.address == (uintptr_t)address;

    told = 0;
    return right;
}

static void bad_calls_are_told(void)
{
    ash_fault_fn hook = ash_fault_hook;
    struct state before = take_state();
    char *memory = ash_vmap_alloc(ASH_PAGE_SIZE);
    void *window, *out;
    ash_frame_t frame;
    bool right[7];

    CHECK(memory != NULL);
    CHECK_EQ(ash_frames_alloc(0, FLAGS, &frame), 0);
    CHECK_EQ(ash_vmap(&frame, 1, 0, &out), 0);
    window = ash_window_open(frame);
    told = 0;
    ash_fault_hook = record;
    ash_vunmap(memory);
    right[0] = told_of(ASH_FAULT_FOREIGN, memory);
    ash_vmap_free(memory + 8);
    right[1] = told_of(ASH_FAULT_MISALIGNED, memory + 8);
    ash_vmap_free(memory);
    ash_vmap_free(memory);
    right[2] = told_of(ASH_FAULT_DOUBLE_FREE, memory);
    ash_vmap_free(out);
    right[3] = told_of(ASH_FAULT_FOREIGN, out);
    ash_vunmap(out);
    ash_vunmap(out);
    right[4] = told_of(ASH_FAULT_DOUBLE_FREE, out);
    ash_vunmap(&told);
    right[5] = told_of(ASH_FAULT_FOREIGN, &told);
    ash_window_close(window);
    ash_window_close(window);
    right[6] = told_of(ASH_FAULT_FOREIGN, window);
    ash_fault_hook = hook;
    ash_frames_free(frame, 0);
    for (unsigned i = 0; i < 7; i++) {
        CHECK(right[i]);
    }
    CHECK(same_state(&before));
}

static const struct target_case cases[] = {
    TARGET_CASE(scattered_frames_become_one_range), TARGET_CASE(only_what_was_asked_for_is_allowed),
    TARGET_CASE(memory_is_zeroed_and_comes_back),   TARGET_CASE(windows_reach_high_memory),
    TARGET_CASE(windows_nest_to_a_limit),           TARGET_CASE(addresses_to_exhaustion_and_back),
    TARGET_CASE(too_much_memory_is_refused),        TARGET_CASE(random_memory_never_overlaps),
    TARGET_CASE(created_stacks_are_guarded),        TARGET_CASE(bad_calls_are_told),
};

const struct target_suite suite_vmap = TARGET_SUITE("vmap", cases);
