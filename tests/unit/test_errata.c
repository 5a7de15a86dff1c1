/* SPDX-License-Identifier: MIT */
/*
 * Which processor needs what behind a broadcast TLB invalidation. The values of MIDR are those that
 * QEMU's models and boards show; releases and REVIDR bits are the errata notices'.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "port/errata.h"

struct row {
    const char *what;
    uint32_t midr, revidr, errata;
};

#define R PORT_ERRATUM_REPEAT_TLBI
#define C PORT_ERRATUM_CONFIRM_TLBI

static const struct row rows[] = {
    {"Cortex-A7 r0p5", 0x410fc075, 0, 0},
    {"Cortex-A53 r0p4", 0x410fd034, 0, 0},
    {"Cortex-A72 r0p3", 0x410fd083, 0, 0},
    {"QEMU's max", 0x000f0510, 0, 0},
    {"Cortex-A76 r4p1", 0x414fd0b1, 0, R},
    {"Cortex-A76 r0p0", 0x410fd0b0, 0, R},
    {"another's part 0xd0b", 0x510fd0b0, 0, 0},
    {"Neoverse N1 r4p1", 0x414fd0c1, 0, R},
    {"Cortex-A55 r1p0", 0x411fd050, 0, R},
    {"Cortex-A75", 0x413fd0a1, 0, 0},
    {"Neoverse E1", 0x411fd4a0, 0, 0},
    {"Cortex-A510 r1p1", 0x411fd461, 0, R},
    {"Cortex-A510 r1p2", 0x411fd462, 0, 0},
    {"Neoverse V3", 0x410fd840, 0, R},
    {"Cortex-A15 r2p1", 0x412fc0f1, 0, C},
    {"Cortex-A15 r0p0", 0x410fc0f0, 0x210, C},
    {"Cortex-A15 r2p3, half fixed", 0x412fc0f3, 0x10, C},
    {"Cortex-A15 r2p4, half fixed", 0x412fc0f4, 0x10, C},
    {"Cortex-A15 r2p4, fixed", 0x412fc0f4, 0x210, 0},
    {"Cortex-A15 r3p2", 0x413fc0f2, 0, C},
    {"Cortex-A15 r3p2, fixed", 0x413fc0f2, 0x210, 0},
    {"Cortex-A15 r3p3, half fixed", 0x413fc0f3, 0x10, C},
    {"Cortex-A15 r3p3, fixed", 0x413fc0f3, 0x200, 0},
    {"Cortex-A15 r4p0, QEMU's", 0x414fc0f0, 0, 0},
};

static void known_processors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (port_errata_of(rows[i].midr, rows[i].revidr) != rows[i].errata) {
            fail_msg("%s", rows[i].what);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_processors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
