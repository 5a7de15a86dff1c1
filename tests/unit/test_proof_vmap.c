/* SPDX-License-Identifier: MIT */
/*
 * vmap on the hostile machine: mappings of scattered frames, memory of its own, stacks, devices and
 * windows. Each barrier and invalidation that it has mmu/ issue must be missed; frames that it
 * gives back are known to the machine (support.c).
 */
#include "tests/unit/proof.h"
#include "tests/unit/vmap_machine.h"

#define FRAMES    6u
#define DEVICE_AT 0x10000000ull /* nothing else is there */

struct kind {
    const char *name;
    enum sim_format format;
};

static ash_frame_t frames[FRAMES];
static ash_frame_t high;
static void *area;
static void *window;
static unsigned char data[64];

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static uint64_t va_of(const void *address)
{
    return (uintptr_t)address;
}

/* Two CPUs; the table of the first areas is there. */
static void start(const void *kind)
{
    machine_format = ((const struct kind *)kind)->format;
    machine_start();
    for (unsigned i = 0; i < FRAMES; i++) {
        frames[i] = machine_frame(ASH_FRAMES_NORMAL);
    }
    high = machine_frame(ASH_FRAMES_HIGH);
    must(ash_vmap(frames, 1, ASH_MMU_WRITE, &area) == 0);
    sim_set_cpus(2);
    sim_rest();
}

static void start_mapped(const void *kind)
{
    start(kind);
    must(ash_vmap(frames, FRAMES, ASH_MMU_WRITE, &area) == 0);
    sim_rest();
}

static void start_memory(const void *kind)
{
    start(kind);
    area = ash_vmap_alloc(20 * PAGE);
    must(area != NULL);
    sim_rest();
}

/* The first table is nearly full. */
static void start_far(const void *kind)
{
    static ash_frame_t same[480];

    start(kind);
    for (unsigned i = 0; i < COUNT(same); i++) {
        same[i] = frames[0];
    }
    must(ash_vmap(same, COUNT(same), 0, &area) == 0);
    sim_rest();
}

/* Exception reports follow the list of stacks without a lock; its nodes lie with those of other
 * areas. */
static void start_report(const void *kind)
{
    uintptr_t node;

    start(kind);
    node = (uintptr_t)vmap_areas_find(&vmap_state.areas, (uintptr_t)area >> ASH_PAGE_SHIFT);
    sim_watch_link(&vmap_state.stacks, (const void *)(node & ~(uintptr_t)(ASH_PAGE_SIZE - 1)));
}

static void start_stack(const void *kind)
{
    start_report(kind);
    area = ash_stack_create("proof", 3 * PAGE);
    must(area != NULL);
    sim_rest();
}

static void start_device(const void *kind, uint64_t size)
{
    ash_va_t va;

    start(kind);
    must(ash_vmap_device(ash_pa(DEVICE_AT), size, &va) == 0);
    area = (void *)va.value;
    sim_rest();
}

static void start_registers(const void *kind)
{
    start_device(kind, 2 * PAGE);
}

static void start_large_device(const void *kind)
{
    start_device(kind, 0x400000);
}

static void start_window(const void *kind)
{
    start(kind);
    window = ash_window_open(high);
    must(window != NULL);
    sim_rest();
}

static void map_one(void *arg)
{
    (void)arg;
    must(ash_vmap(frames, 1, 0, &area) == 0);
    must(sim_read(va_of(area), data, sizeof data));
    sim_rest();
}

/* What is written through the new mapping is found in the frame. */
static void map_scattered(void *arg)
{
    (void)arg;
    must(ash_vmap(frames, FRAMES, ASH_MMU_WRITE, &area) == 0);
    memset(data, 0x5a, sizeof data);
    must(sim_write(va_of(area) + (FRAMES - 1) * PAGE, data, sizeof data));
    must(*machine_byte(ash_frame_pa(frames[FRAMES - 1])) == 0x5a);
    sim_rest();
}

/* Other CPUs used it, and its frames go. */
static void unmap_scattered(void *arg)
{
    (void)arg;
    ash_vunmap(area);
    sim_on_cpu(1);
    must(!sim_read(va_of(area), data, sizeof data));
    sim_on_cpu(0);
    for (unsigned i = 0; i < FRAMES; i++) {
        ash_frames_free(frames[i], 0);
    }
    sim_rest();
}

static void take_memory(void *arg)
{
    (void)arg;
    area = ash_vmap_alloc(20 * PAGE);
    must(area != NULL);
    sim_rest();
}

static void give_memory(void *arg)
{
    (void)arg;
    ash_vmap_free(area);
    sim_rest();
}

/* More than is mapped in one go. */
static void take_and_give_more(void *arg)
{
    (void)arg;
    area = ash_vmap_alloc(40 * PAGE);
    must(area != NULL);
    sim_rest();
    give_memory(NULL);
}

static void create_stack(void *arg)
{
    (void)arg;
    area = ash_stack_create("proof", 3 * PAGE);
    must(area != NULL);
    must(!sim_write(va_of(area) - sizeof data, data, sizeof data)); /* its guard */
    sim_rest();
}

static void destroy_stack(void *arg)
{
    (void)arg;
    ash_stack_destroy(area);
    sim_rest();
}

static void map_registers(void *arg)
{
    ash_va_t va;

    (void)arg;
    must(ash_vmap_device(ash_pa(DEVICE_AT), 2 * PAGE, &va) == 0);
    must(sim_access(va.value, SIM_WRITE).fault == SIM_OK);
    sim_rest();
}

static void map_large_device(void *arg)
{
    ash_va_t va;

    (void)arg;
    must(ash_vmap_device(ash_pa(DEVICE_AT), 0x400000, &va) == 0);
    sim_rest();
}

static void unmap_device(void *arg)
{
    (void)arg;
    ash_vunmap(area);
    sim_rest();
}

static void open_window(void *arg)
{
    (void)arg;
    window = ash_window_open(high);
    must(window != NULL);
    must(sim_access(va_of(window), SIM_WRITE).fault == SIM_OK);
    sim_rest();
}

static void close_window(void *arg)
{
    (void)arg;
    ash_window_close(window);
    ash_frames_free(high, 0);
    sim_rest();
}

/* The next frame at the same address. */
static void reuse_window(void *arg)
{
    ash_frame_t next = machine_frame(ASH_FRAMES_HIGH);

    (void)arg;
    ash_window_close(window);
    window = ash_window_open(next);
    must(window != NULL);
    must(sim_access(va_of(window), SIM_READ).pa.value == ash_frame_pa(next).value);
    sim_rest();
}

static void zero_frame(void *arg)
{
    (void)arg;
    must(ash_window_zero(high) == 0);
    ash_frames_free(high, 0);
    sim_rest();
}

static const struct proof_expected mapped[] = {
    D(SIM_DSB_ISHST, RULE(1)),
    W(SIM_DSB_ISHST, SIM_NSH, RULE(13)),
    D(SIM_ISB, RULE(1)),
};

#define PARTS "nobody relies on this part before the next one is mapped as well"
#define MAPPED_IN_PARTS                                                                            \
    OR_LATER(SIM_DSB_ISHST, SIM_DROPPED, RULE(1), PARTS),                                          \
        OR_LATER(SIM_DSB_ISHST, SIM_NSH, RULE(13), PARTS),                                         \
        OR_LATER(SIM_ISB, SIM_DROPPED, RULE(1), PARTS)

static const struct proof_expected mapped_in_parts[] = {MAPPED_IN_PARTS};

#define UNMAPPED                                                                                   \
    D(SIM_DSB_ISHST, RULE(3) | RULE(4)), D(SIM_TLBI_PAGE, RULE(3) | RULE(4)),                      \
        D(SIM_TLBI_PAGE_WALK, RULE(3) | RULE(4) | RULE(12)), D(SIM_TLBI_ALL, RULE(3) | RULE(4)),   \
        D(SIM_DSB_ISH, RULE(3) | RULE(4)), W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(3) | RULE(4)),     \
        D(SIM_ISB, RULE(3)), GLOBAL_BY_ASID
static const struct proof_expected unmapped[] = {UNMAPPED};

#define COMPLETED "that of the next part completes it before anybody relies on it"
static const struct proof_expected unmapped_in_parts[] = {
    D(SIM_DSB_ISHST, RULE(3)),
    D(SIM_TLBI_PAGE, RULE(3)),
    OR_LATER(SIM_DSB_ISH, SIM_DROPPED, RULE(3), COMPLETED),
    OR_LATER(SIM_DSB_ISH, SIM_NSH, RULE(13), COMPLETED),
    OR_LATER(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(3), COMPLETED),
    OR_LATER(SIM_ISB, SIM_DROPPED, RULE(3), COMPLETED),
    GLOBAL_BY_ASID,
};

/* A window is opened and closed, several times. */
#define WINDOW_ISB "nobody uses the address before the ISB of what is mapped next"
#define THROUGH_WINDOWS                                                                            \
    D(SIM_DSB_ISHST, RULE(1) | RULE(3) | RULE(4) | RULE(7)), W(SIM_DSB_ISHST, SIM_NSH, RULE(13)),  \
        D(SIM_TLBI_PAGE, RULE(3) | RULE(4) | RULE(7)),                                             \
        D(SIM_DSB_ISH, RULE(3) | RULE(4) | RULE(7)),                                               \
        W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(3) | RULE(4) | RULE(7)),                              \
        OR_LATER(SIM_ISB, SIM_DROPPED, RULE(1) | RULE(3), WINDOW_ISB), GLOBAL_BY_ASID
static const struct proof_expected through_windows[] = {THROUGH_WINDOWS};

static const struct proof_expected stack_created[] = {THROUGH_WINDOWS, D(SIM_DMB_ISH, RULE(2))};

static const struct proof_expected stack_destroyed[] = {
    UNMAPPED,
    NEEDLESS(SIM_DMB_ISH, SIM_DROPPED, 0, "the list leads to nodes that were there before"),
};

static const struct proof_expected in_two_parts[] = {
    OR_LATER(SIM_DSB_ISHST, SIM_DROPPED, RULE(1) | RULE(3) | RULE(4) | RULE(7), PARTS),
    OR_LATER(SIM_DSB_ISHST, SIM_NSH, RULE(13), PARTS),
    D(SIM_TLBI_PAGE, RULE(3) | RULE(4) | RULE(7)),
    D(SIM_TLBI_ALL, RULE(4)),
    D(SIM_DSB_ISH, RULE(3) | RULE(4) | RULE(7)),
    W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(3) | RULE(4) | RULE(7)),
    OR_LATER(SIM_ISB, SIM_DROPPED, RULE(1) | RULE(3), WINDOW_ISB),
    GLOBAL_BY_ASID,
};

static const struct proof proofs[] = {
    PROOF(map_one, start, mapped),
    PROOF(map_scattered, start, mapped_in_parts),
    PROOF(unmap_scattered, start_mapped, unmapped),
    PROOF(take_memory, start, through_windows),
    PROOF(take_memory, start_far, through_windows),
    PROOF(give_memory, start_memory, unmapped),
    PROOF(take_and_give_more, start, in_two_parts),
    PROOF(create_stack, start_report, stack_created),
    PROOF(destroy_stack, start_stack, stack_destroyed),
    PROOF(map_registers, start, mapped),
    PROOF(map_large_device, start, mapped_in_parts),
    PROOF(unmap_device, start_registers, unmapped),
    PROOF(unmap_device, start_large_device, unmapped_in_parts),
    PROOF(open_window, start, mapped),
    PROOF(close_window, start_window, unmapped),
    PROOF(reuse_window, start_window, through_windows),
    PROOF(zero_frame, start, through_windows),
};

static void every_step_is_needed(void **state)
{
    static const struct kind kinds[] = {{"LPAE", SIM_LPAE}, {"AArch64", SIM_A64}};
    struct proof_result result = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(proofs) * COUNT(kinds); i++) {
        const struct kind *kind = &kinds[i % COUNT(kinds)];

        proof_attack(&proofs[i / COUNT(kinds)], kind->name, kind, &result);
    }
    printf("# %u runs were stopped, %u steps are redundant\n", result.stopped, result.redundant);
    assert_int_equal(result.wrong, 0);
    assert_true(result.stopped > 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
