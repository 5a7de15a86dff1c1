/* SPDX-License-Identifier: MIT */
/*
 * Everything that vmap does, at random, against a flat model: which frame each page leads to.
 */
#include "tests/unit/vmap_machine.h"

#define SLOTS    60u
#define CALLERS  40u /* frames that are mapped here and there */
#define MOST     24u /* pages of one mapping */
#define PAGES_IN (VMAP_IN / PAGE)

enum { NOTHING, FRAMES, MEMORY, STACK, DEVICE };

static struct slot {
    unsigned kind;
    size_t pages;
    char *at;
    bool write;
    ash_frame_t frame[MOST];
} slots[SLOTS];

static ash_frame_t callers[CALLERS];
static bool used[PAGES_IN]; /* the model: pages that are mapped */

static void mark(const struct slot *slot, bool mapped)
{
    uintptr_t first = ((uintptr_t)slot->at - VMAP_AT) / PAGE;

    assert_true(first > 0 && first + slot->pages < PAGES_IN);
    assert_false(mapped && (used[first - 1] || used[first + slot->pages]));
    for (size_t i = 0; i < slot->pages; i++) {
        assert_int_equal(used[first + i], !mapped);
        used[first + i] = mapped;
    }
}

static void make(struct slot *slot)
{
    uint64_t device = 0x8000000000 + (uint64_t)(slot - slots) * 0x100000;
    ash_va_t va;
    void *at = NULL;

    slot->kind = 1 + support_random_below(4);
    slot->pages = 1 + support_random_below(MOST);
    slot->write = slot->kind != FRAMES || support_random_below(2) == 0;
    for (size_t i = 0; i < slot->pages; i++) {
        slot->frame[i] = slot->kind == DEVICE ? ash_pa_frame(ash_pa(device + i * PAGE))
                                              : callers[support_random_below(CALLERS)];
    }
    switch (slot->kind) {
    case FRAMES:
        (void)ash_vmap(slot->frame, slot->pages, slot->write ? ASH_MMU_WRITE : 0, &at);
        break;
    case MEMORY:
        at = ash_vmap_alloc(slot->pages * PAGE - support_random_below(PAGE - 1));
        break;
    case STACK:
        at = ash_stack_create("random", slot->pages * PAGE);
        break;
    default:
        if (ash_vmap_device(ash_pa(device), slot->pages * PAGE, &va) == 0) {
            at = (void *)va.value;
        }
        break;
    }
    if (at == NULL) {
        slot->kind = NOTHING;
        return;
    }
    slot->at = at;
    for (size_t i = 0; i < slot->pages && (slot->kind == MEMORY || slot->kind == STACK); i++) {
        struct sim_answer answer = sim_translate((uintptr_t)slot->at + i * PAGE, SIM_READ);

        slot->frame[i] = ash_pa_frame(answer.pa);
        assert_int_equal(machine_byte(answer.pa)[support_random_below(PAGE)], 0);
        memset(machine_byte(answer.pa), 0x77, PAGE);
    }
    mark(slot, true);
}

static void check(const struct slot *slot)
{
    for (size_t i = 0; i < slot->pages; i++) {
        uint64_t va = (uintptr_t)slot->at + i * PAGE;
        struct sim_answer answer = sim_translate(va, SIM_READ);

        assert_int_equal(answer.fault, SIM_OK);
        assert_int_equal(answer.pa.value, ash_frame_pa(slot->frame[i]).value);
        assert_int_equal(answer.memory, slot->kind == DEVICE ? 0x04 : 0xff);
        assert_int_equal(sim_translate(va, SIM_WRITE).fault == SIM_OK, slot->write);
    }
}

static void unmake(struct slot *slot)
{
    check(slot);
    mark(slot, false);
    switch (slot->kind) {
    case MEMORY:
        ash_vmap_free(slot->at);
        break;
    case STACK:
        ash_stack_destroy(slot->at);
        break;
    default:
        ash_vunmap(slot->at);
        break;
    }
    slot->kind = NOTHING;
    machine_expect_hole(slot->at);
}

static void check_all(void)
{
    for (unsigned n = 0; n < SLOTS; n++) {
        if (slots[n].kind != NOTHING) {
            check(&slots[n]);
        }
    }
    for (uintptr_t page = 0; page < PAGES_IN; page++) {
        if (!used[page]) {
            machine_expect_hole((char *)VMAP_AT + page * PAGE);
        }
    }
    machine_at_rest();
}

static void random_use(void **state)
{
    struct machine_state before;
    unsigned made = 0;

    (void)state;
    machine_start();
    support_seed(20408);
    memset(used, 0, sizeof used);
    memset(slots, 0, sizeof slots);
    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i] = machine_frame(i % 2 ? ASH_FRAMES_HIGH : ASH_FRAMES_NORMAL);
    }
    before = machine_state();
    for (unsigned step = 0; step < 2500; step++) {
        struct slot *slot = &slots[support_random_below(SLOTS)];

        /* Now and then, tables are short. */
        machine_takes_left = support_random_below(4) == 0 ? support_random_below(2) : UINT32_MAX;
        if (slot->kind == NOTHING) {
            make(slot);
            made += slot->kind != NOTHING;
        } else {
            unmake(slot);
        }
        if (step % 250 == 0) {
            check_all();
        }
    }
    assert_true(made > 900);
    check_all();
    for (unsigned n = 0; n < SLOTS; n++) {
        if (slots[n].kind != NOTHING) {
            unmake(&slots[n]);
        }
    }
    machine_expect_state(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
