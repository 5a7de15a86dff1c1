/* SPDX-License-Identifier: MIT */
/*
 * The checker is checked: what the simulated machine's walker says of thousands of random tables.
 * The self-test `walk` asks the hardware the same, and both must print the same lines; make test
 * compares them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "port/sim/hostile.h"
#include "tests/shared/walk_cases.h"

#define TABLES_AT UINT64_C(0x48000000)
#define CODE_AT   UINT64_C(0x4a345678)
#define AT_LEAST  50u

/* What the hardware's own answers give, on each processor of QEMU 7.2 that make test starts. The
 * self-test's lines are compared as well, on each machine. */
static const uint32_t hardware_crc[WALK_FORMATS] = {
    [WALK_LPAE] = 0x493e149a,
    [WALK_LPAE_ARMV7] = 0x2b1bc6ca,
    [WALK_A64] = 0xbb739585,
};

static struct walk walk;

static void install(void)
{
    const struct walk_set *set = &walk.set;

    sim_regime = (struct sim_regime){
        .format = walk.place.format == WALK_A64 ? SIM_A64 : SIM_LPAE,
        .half = {{true, ash_pa(set->root[0]), set->bits[0]},
                 {!set->epd1, ash_pa(set->root[1]), set->bits[1]}},
        .mair = 0x000444ff,
        .wxn = true,
        .armv7 = walk.place.format == WALK_LPAE_ARMV7,
        .output_bits = WALK_OUTPUT_BITS,
    };
}

static struct walk_answer ask(void)
{
    static const uint8_t status[] = {
        [SIM_FAULT_TRANSLATION] = 0x04,   [SIM_FAULT_ACCESS_FLAG] = 0x08,
        [SIM_FAULT_PERMISSION] = 0x0c,    [SIM_FAULT_ADDRESS_SIZE] = 0x00,
        [SIM_FAULT_EXTERNAL_WALK] = 0x14,
    };
    static const uint8_t accesses[] = {
        [WALK_READ] = SIM_READ,
        [WALK_WRITE] = SIM_WRITE,
        [WALK_FETCH] = SIM_FETCH,
        [WALK_USER_READ] = SIM_READ | SIM_UNPRIVILEGED,
        [WALK_USER_WRITE] = SIM_WRITE | SIM_UNPRIVILEGED,
    };
    struct sim_answer answer = sim_translate(walk.query.va, accesses[walk.query.access]);

    return (struct walk_answer){
        .ok = answer.fault == SIM_OK,
        .status = (uint8_t)(status[answer.fault] + answer.level),
        .memory = answer.memory,
        .pa = answer.pa.value,
    };
}

/* A fetch that works gets the function. */
static void check_fetch(const struct walk_answer *answer)
{
    if (walk.query.access == WALK_FETCH && answer->ok) {
        assert_int_equal(answer->pa, CODE_AT);
    }
}

static void print_counts(void)
{
    const char *name = walk_format_name(walk.place.format);

    printf("# walk %s tables %u queries %u translated %u crc32 %08x\n", name, walk.sets, walk.asked,
           (unsigned)walk.count[WALK_TRANSLATED], (unsigned)walk.crc);
    for (unsigned i = 0; i < WALK_CATEGORIES; i++) {
        printf("# walk %s %s: %u\n", name, walk_category_name((enum walk_category)i),
               (unsigned)walk.count[i]);
    }
    for (unsigned status = 0; status < 64; status++) {
        if (walk.fault[status] != 0) {
            printf("# walk %s %s fault, level %u: %u\n", name,
                   walk_fault_name(status) ? walk_fault_name(status) : "other", status & 3,
                   (unsigned)walk.fault[status]);
        }
    }
}

/* Every kind of answer occurs often enough to mean something. */
static void check_counts(void)
{
    bool a64 = walk.place.format == WALK_A64;

    assert_true(walk.sets >= 2000);
    assert_true(walk.count[WALK_TRANSLATED] * 10 >= walk.asked * 4);
    for (unsigned i = 0; i < WALK_CATEGORIES; i++) {
        if (i == WALK_FROM_0 && !a64) {
            assert_int_equal(walk.count[i], 0);
        } else if (walk.count[i] < AT_LEAST) {
            fail_msg("%s: %u", walk_category_name((enum walk_category)i), (unsigned)walk.count[i]);
        }
    }
    for (unsigned status = 0; status < 16; status++) {
        unsigned level = status & 3, type = status >> 2;
        bool possible = level > 0 || (a64 && type < 2);

        if (type == 0 && walk.place.format == WALK_LPAE_ARMV7) {
            possible = false;
        }
        if (possible ? walk.fault[status] < AT_LEAST : walk.fault[status] != 0) {
            fail_msg("status %#x occurs %u times", status, (unsigned)walk.fault[status]);
        }
    }
    for (unsigned status = 16; status < 64; status++) {
        assert_int_equal(walk.fault[status], 0);
    }
}

static void run(enum walk_format format)
{
    struct walk_place place = {.format = format, .tables_pa = TABLES_AT, .code_pa = CODE_AT};

    sim_start();
    sim_hostile = false; /* what is in these tables nobody would write */
    sim_add_ram(ash_pa(TABLES_AT), WALK_PAGES * ASH_PAGE_SIZE);
    place.tables = port_ptr(ash_pa(TABLES_AT));
    walk_begin(&walk, &place);
    while (walk_next_set(&walk)) {
        install();
        while (walk_next_query(&walk)) {
            struct walk_answer answer = ask();

            check_fetch(&answer);
            walk_answer(&walk, &answer);
        }
    }
    print_counts();
    check_counts();
    assert_int_equal(walk.crc, hardware_crc[format]);
}

static void lpae(void **state)
{
    (void)state;
    run(WALK_LPAE);
}

static void lpae_armv7(void **state)
{
    (void)state;
    run(WALK_LPAE_ARMV7);
}

static void a64(void **state)
{
    (void)state;
    run(WALK_A64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lpae),
        cmocka_unit_test(lpae_armv7),
        cmocka_unit_test(a64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
