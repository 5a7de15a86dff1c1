/* SPDX-License-Identifier: MIT */
/*
 * Address translation as the architecture defines it, written from the manual: VMSAv8-64 with the
 * 4 KiB granule (DDI 0487 D8), VMSAv8-32 long descriptors (DDI 0487 G5, DDI 0406C B3.6). It reads
 * tables in simulated memory and knows nothing of the code that wrote them.
 */
#include "port/sim/sim.h"

struct sim_regime sim_regime;

/* Attributes that table descriptors hand down (DDI 0487 D8.3.1, DDI 0406C B3.6.1). */
struct hierarchy {
    bool no_user, read_only, uxn, pxn;
};

static unsigned bit(uint64_t value, unsigned n)
{
    return (unsigned)(value >> n) & 1;
}

static uint64_t field(uint64_t value, unsigned high, unsigned low)
{
    return (value >> low) & ((1ull << (high - low + 1)) - 1);
}

/* Which half translates va, or -1: none. The upper half has its ones above va_bits. */
static int select_half(uint64_t va)
{
    unsigned width = sim_regime.format == SIM_LPAE ? 32 : 64;
    const struct sim_half *upper = &sim_regime.half[1], *lower = &sim_regime.half[0];

    if (sim_regime.format == SIM_LPAE && va >> 32) {
        return -1;
    }
    if (upper->va_bits != 0 && upper->va_bits < width &&
        va >> upper->va_bits == (width == 32 ? UINT32_MAX : UINT64_MAX) >> upper->va_bits) {
        return 1;
    }
    if (lower->va_bits != 0 && (lower->va_bits >= width || va >> lower->va_bits == 0)) {
        return 0;
    }
    return -1;
}

/* Level at which the walk starts: TxSZ decides (DDI 0487 D8.2.8; DDI 0406C B3.6.6). */
static unsigned first_level(unsigned va_bits)
{
    if (sim_regime.format == SIM_LPAE) {
        return va_bits > 30 ? 1 : 2;
    }
    return va_bits > 39 ? 0 : va_bits > 30 ? 1 : 2;
}

static bool permitted(uint64_t leaf, const struct hierarchy *from_tables, unsigned access)
{
    bool aarch64 = sim_regime.format == SIM_A64;
    bool user = bit(leaf, 6) && !from_tables->no_user;        /* AP[1] */
    bool writable = !bit(leaf, 7) && !from_tables->read_only; /* AP[2] */
    bool xn = bit(leaf, 54) || from_tables->uxn;
    bool pxn = bit(leaf, 53) || from_tables->pxn;
    bool unprivileged = access & SIM_UNPRIVILEGED;

    if (access & SIM_FETCH) {
        if (writable && sim_regime.wxn && (!unprivileged || user)) {
            return false;
        }
        if (unprivileged) {
            /* AArch64 fetches without read permission; AArch32 does not. */
            return !xn && (aarch64 || user);
        }
        if (aarch64) {
            return !pxn && !(user && writable);
        }
        return !xn && !pxn;
    }
    if (unprivileged && !user) {
        return false;
    }
    return (access & SIM_WRITE) == 0 || writable;
}

static struct sim_answer faulted(enum sim_fault fault, unsigned level)
{
    return (struct sim_answer){.fault = fault, .level = level};
}

struct sim_answer sim_translate(uint64_t va, unsigned access)
{
    int which = select_half(va);
    const struct sim_half *half = &sim_regime.half[which < 0 ? 0 : which];
    unsigned level = first_level(half->va_bits);
    unsigned output_bits = sim_regime.format == SIM_LPAE ? 40 : 48;
    struct hierarchy from_tables = {0};
    uint64_t table;

    if (which < 0 || !half->walks) {
        return faulted(SIM_FAULT_TRANSLATION,
                       which < 0 && sim_regime.format == SIM_A64 ? 0 : level);
    }
    table = half->root.value;
    for (unsigned top = half->va_bits - 1;; level++) {
        unsigned low = 39 - 9 * level; /* lowest bit of VA that this level resolves */
        const uint64_t *entry = port_ptr(ash_pa(table + field(va, top, low) * 8));
        uint64_t descriptor;

        if (entry == NULL) {
            return faulted(SIM_FAULT_EXTERNAL_WALK, level);
        }
        descriptor = *entry;
        if (!bit(descriptor, 0) || (!bit(descriptor, 1) && (level == 3 || level == 0))) {
            return faulted(SIM_FAULT_TRANSLATION, level);
        }
        if (field(descriptor, 47, 12) << 12 >> output_bits) {
            return faulted(SIM_FAULT_ADDRESS_SIZE, level);
        }
        if (level < 3 && bit(descriptor, 1)) {
            from_tables.no_user |= bit(descriptor, 61);
            from_tables.read_only |= bit(descriptor, 62);
            from_tables.uxn |= bit(descriptor, 60);
            from_tables.pxn |= bit(descriptor, 59);
            table = field(descriptor, 47, 12) << 12;
            top = low - 1;
            continue;
        }
        if (!bit(descriptor, 10)) {
            return faulted(SIM_FAULT_ACCESS_FLAG, level);
        }
        if (!permitted(descriptor, &from_tables, access)) {
            return faulted(SIM_FAULT_PERMISSION, level);
        }
        return (struct sim_answer){
            .fault = SIM_OK,
            .level = level,
            .pa = ash_pa(field(descriptor, 47, low) << low | field(va, low - 1, 0)),
            .size = 1ull << low,
            .memory = (uint8_t)(sim_regime.mair >> (8 * field(descriptor, 4, 2))),
            .shareable = (uint8_t)field(descriptor, 9, 8),
            .global = !bit(descriptor, 11),
        };
    }
}

bool port_translate(ash_va_t va, unsigned access, struct port_translation *result)
{
    static const uint8_t status[] = {
        [SIM_FAULT_TRANSLATION] = 0x04,   [SIM_FAULT_ACCESS_FLAG] = 0x08,
        [SIM_FAULT_PERMISSION] = 0x0c,    [SIM_FAULT_ADDRESS_SIZE] = 0x00,
        [SIM_FAULT_EXTERNAL_WALK] = 0x14,
    };
    unsigned wanted =
        (access & PORT_WRITE ? SIM_WRITE : SIM_READ) | (access & PORT_USER ? SIM_UNPRIVILEGED : 0);
    struct sim_answer answer = sim_translate(va.value, wanted);

    /* PAR, long format: F [0]; FST [6:1], or SH [8:7], PA from bit 12, ATTR [63:56]. */
    if (answer.fault != SIM_OK) {
        result->pa = ash_pa(0);
        result->raw = 1 | (uint64_t)(status[answer.fault] + answer.level) << 1;
        return false;
    }
    result->pa = answer.pa;
    result->raw = ash_align_down(answer.pa.value, ASH_PAGE_SIZE) | (uint64_t)answer.shareable << 7 |
                  (uint64_t)answer.memory << 56;
    return true;
}
