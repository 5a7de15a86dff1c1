/* SPDX-License-Identifier: MIT */
/*
 * Which processors have which errata: facts from Arm's errata notices as Linux's tables name them
 * (arm64 errata 1286807, 2441007, 2441009, 4118414; arm erratum 798181).
 */
#include "port/errata.h"

#include <stdbool.h>
#include <stddef.h>

/* MIDR: implementer [31:24], variant [23:20], part [15:4], revision [3:0]; the release rNpM is
 * variant N, revision M. */
#define ARM            0x41u
#define PART(midr)     ((midr) >> 4 & 0xfffu)
#define RELEASE(midr)  (((midr) >> 20 & 0xfu) << 4 | ((midr)&0xfu))
#define LAST(n, m)     ((uint8_t)((n) << 4 | (m)))
#define EVERY          LAST(15u, 15u)
#define CORTEX_A15     0xc0fu
#define REVIDR_798181  (1u << 4) /* of r2p2 to r3p2: a first part of the fix is in */
#define REVIDR_798181B (1u << 9) /* of r2p4 and later: so is the rest */

struct affected {
    uint16_t part;
    uint8_t last; /* release */
};

static const struct affected repeats[] = {
    {0xd05, EVERY},        /* Cortex-A55 */
    {0xd0b, EVERY},        /* Cortex-A76 */
    {0xd0c, EVERY},        /* Neoverse N1 */
    {0xd0d, EVERY},        /* Cortex-A77 */
    {0xd0e, EVERY},        /* Cortex-A76AE */
    {0xd40, EVERY},        /* Neoverse V1 */
    {0xd41, EVERY},        /* Cortex-A78 */
    {0xd42, EVERY},        /* Cortex-A78AE */
    {0xd44, EVERY},        /* Cortex-X1 */
    {0xd46, LAST(1u, 1u)}, /* Cortex-A510 */
    {0xd47, EVERY},        /* Cortex-A710 */
    {0xd48, EVERY},        /* Cortex-X2 */
    {0xd49, EVERY},        /* Neoverse N2 */
    {0xd4b, EVERY},        /* Cortex-A78C */
    {0xd4c, EVERY},        /* Cortex-X1C */
    {0xd4e, EVERY},        /* Cortex-X3 */
    {0xd4f, EVERY},        /* Neoverse V2 */
    {0xd82, EVERY},        /* Cortex-X4 */
    {0xd83, EVERY},        /* Neoverse V3AE */
    {0xd84, EVERY},        /* Neoverse V3 */
    {0xd85, EVERY},        /* Cortex-X925 */
    {0xd8c, EVERY},        /* C1-Ultra */
    {0xd90, EVERY},        /* C1-Premium */
};

/* A partly fixed one needs the TLBI but no interrupt; it gets both, which is right if slower. */
static bool a15_confirms(uint32_t release, uint32_t revidr)
{
    if (release < LAST(2u, 4u)) {
        return true;
    }
    if (release < LAST(3u, 3u)) {
        return (revidr & (REVIDR_798181 | REVIDR_798181B)) != (REVIDR_798181 | REVIDR_798181B);
    }
    return release < LAST(4u, 0u) && (revidr & REVIDR_798181B) == 0;
}

uint32_t port_errata_of(uint32_t midr, uint32_t revidr)
{
    if (midr >> 24 != ARM) {
        return 0;
    }
    if (PART(midr) == CORTEX_A15 && a15_confirms(RELEASE(midr), revidr)) {
        return PORT_ERRATUM_CONFIRM_TLBI;
    }
    for (size_t i = 0; i < sizeof(repeats) / sizeof(repeats[0]); i++) {
        if (repeats[i].part == PART(midr)) {
            return RELEASE(midr) <= repeats[i].last ? PORT_ERRATUM_REPEAT_TLBI : 0;
        }
    }
    return 0;
}
