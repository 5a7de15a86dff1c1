/* SPDX-License-Identifier: MIT */
/*
 * Random tables, and what the hardware makes of them: its own translation instruction for reads and
 * writes, a real call for fetches. The host asks the simulated machine the same (test_proof_walks);
 * make test compares what both print.
 */
#include "ashlar/errors.h"
#include "ashlar/frames.h"
#include "ashlar/trap.h"
#include "port/port.h"
#include "tests/target/privilege.h"
#include "tests/target/provoke.h"
#include "tests/target/suite.h"
#include "tests/target/walk_regime.h"

#define ORDER     5u /* WALK_PAGES and one more */
#define CODE_PAGE WALK_PAGES
#define CODE_AT   0x678u /* not at the start of its page */

static struct walk walk;

static void call(void *arg)
{
    void (*function)(void) = (void (*)(void)) * (uintptr_t *)arg;

    function();
}

/* The status that a fetch's fault stands for. */
static uint8_t status_of(const struct ash_trap *trap)
{
    static const uint8_t status[] = {
        [ASH_CAUSE_TRANSLATION] = 0x04,
        [ASH_CAUSE_ACCESS_FLAG] = 0x08,
        [ASH_CAUSE_PERMISSION] = 0x0c,
        [ASH_CAUSE_ADDRESS_SIZE] = 0x00,
    };

    if (trap->kind != ASH_TRAP_PREFETCH || trap->cause < ASH_CAUSE_TRANSLATION ||
        trap->cause > ASH_CAUSE_ADDRESS_SIZE || trap->level < 0) {
        return 0x3f;
    }
    return (uint8_t)(status[trap->cause] + (unsigned)trap->level);
}

static struct walk_answer fetch(void)
{
    uintptr_t va = (uintptr_t)walk.query.va;
    struct walk_answer answer = {.ok = true};
    struct ash_trap trap;

    if (ash_trap_catch(call, &va, &trap) != 0) {
        answer.ok = false;
        answer.status = status_of(&trap);
    }
    return answer;
}

static struct walk_answer translate(void)
{
    static const uint8_t accesses[] = {
        [WALK_READ] = PORT_READ,
        [WALK_WRITE] = PORT_WRITE,
        [WALK_USER_READ] = PORT_READ | PORT_USER,
        [WALK_USER_WRITE] = PORT_WRITE | PORT_USER,
    };
    struct port_translation par;
    struct walk_answer answer = {.ok = false};

    if (port_translate(ash_va((uintptr_t)walk.query.va), accesses[walk.query.access], &par)) {
        answer.ok = true;
        answer.pa = par.pa.value;
        answer.memory = (uint8_t)(par.raw >> 56);
    } else {
        answer.status = (uint8_t)(par.raw >> 1 & 0x3f);
    }
    return answer;
}

/* Without PAN: no part of a translation, but QEMU 7.2 in AArch32 lets it keep fetches away. */
static void ask_set(void)
{
    unsigned long saved = port_irq_save();
    bool pan = privilege_has_pan();

    if (pan) {
        privilege_set_pan(false);
    }
    walk_regime_on(&walk.set);
    while (walk_next_query(&walk)) {
        struct walk_answer answer;

        port_dsb_ishst(); /* what was laid for it */
        port_isb();
        answer = walk.query.access == WALK_FETCH ? fetch() : translate();
        walk_answer(&walk, &answer);
    }
    walk_regime_off();
    if (pan) {
        privilege_set_pan(true);
    }
    port_irq_restore(saved);
}

static void print_counts(void)
{
    const char *name = walk_format_name(walk.place.format);

    target_note("walk %s tables %u queries %u translated %u crc32 %08lx", name, walk.sets,
                (unsigned)walk.asked, (unsigned)walk.count[WALK_TRANSLATED],
                (unsigned long)walk.crc);
    for (unsigned i = 0; i < WALK_CATEGORIES; i++) {
        target_note("walk %s %s: %u", name, walk_category_name((enum walk_category)i),
                    (unsigned)walk.count[i]);
    }
    for (unsigned status = 0; status < 64; status++) {
        if (walk.fault[status] != 0) {
            target_note("walk %s %s fault, level %u: %u", name,
                        walk_fault_name(status) ? walk_fault_name(status) : "other", status & 3,
                        (unsigned)walk.fault[status]);
        }
    }
}

static void ask_all(ash_pa_t memory)
{
    const struct walk_place place = {
        .format = walk_regime_format(),
        .tables = port_ptr(memory),
        .tables_pa = memory.value,
        .code_pa = memory.value + CODE_PAGE * ASH_PAGE_SIZE + CODE_AT,
    };
    uint32_t *code = port_ptr(ash_pa(place.code_pa));

    *code = provoke_return_code[0];
    port_code_sync(code, sizeof *code);
    walk_begin(&walk, &place);
    while (walk_next_set(&walk)) {
        ask_set();
    }
}

static void random_tables(void)
{
    const char *hindrance = walk_regime_hindrance();
    ash_frame_t frame;

    if (hindrance != NULL) {
        target_skip(hindrance);
        return;
    }
    CHECK_EQ(ash_frames_alloc(ORDER, 0, &frame), 0);
    ask_all(ash_frame_pa(frame));
    ash_frames_free(frame, ORDER);
    print_counts();
    CHECK_EQ(walk.sets, WALK_SETS);
    CHECK(walk.count[WALK_TRANSLATED] * 10 >= walk.asked * 4);
}

static const struct target_case cases[] = {
    TARGET_CASE(random_tables),
};
const struct target_suite suite_walk = TARGET_SUITE("walk", cases);
