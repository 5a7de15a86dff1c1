/* SPDX-License-Identifier: MIT */
/*
 * Address translation as the architecture defines it, written from the manual: VMSAv8-64 with the
 * 4 KiB granule (DDI 0487 D8), VMSAv8-32 long descriptors (DDI 0487 G5, DDI 0406C B3.6). It reads
 * tables in simulated memory and knows nothing of the code that wrote them.
 */
#include "port/sim/state.h"

struct sim_regime sim_regime;

/* Attributes that table descriptors hand down (DDI 0487 D8.3.1, DDI 0406C B3.6.1). */
struct hierarchy {
    bool no_user, read_only, uxn, pxn;
};

/* A walk, from some table on. */
struct walk {
    enum sim_format format;
    unsigned level; /* of the table */
    unsigned top;   /* highest bit of the address that it resolves */
    uint64_t table, entry;
    uint64_t mair;
    struct hierarchy from_tables;
};

static unsigned bit(uint64_t value, unsigned n)
{
    return (unsigned)(value >> n) & 1;
}

static uint64_t field(uint64_t value, unsigned high, unsigned low)
{
    return (value >> low) & ((1ull << (high - low + 1)) - 1);
}

static struct sim_answer faulted(enum sim_fault fault, unsigned level)
{
    return (struct sim_answer){.fault = fault, .level = level};
}

/*
 * Which half translates va, or -1: none. The upper half has its ones above va_bits. AArch32 with
 * T1SZ = 0 and T0SZ > 0: the upper half is all that is not the lower one, and its walks resolve all
 * 32 bits (DDI 0487 G5.4, DDI 0406C B3.6.4).
 */
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
    return upper->va_bits == width ? 1 : -1;
}

/* Level at which the walk starts: TxSZ decides (DDI 0487 D8.2.8; DDI 0406C B3.6.6). */
static unsigned first_level(enum sim_format format, unsigned va_bits)
{
    if (format == SIM_LPAE) {
        return va_bits > 30 ? 1 : 2;
    }
    return va_bits > 39 ? 0 : va_bits > 30 ? 1 : 2;
}

unsigned sim_first_level(enum sim_format format, unsigned va_bits)
{
    return first_level(format, va_bits);
}

/* Bits of an output address, beyond which there is an address size fault: 40 in AArch32, TCR.IPS
 * in AArch64. */
static unsigned output_bits(enum sim_format format)
{
    return format == SIM_LPAE ? 40 : sim_regime.output_bits != 0 ? sim_regime.output_bits : 48;
}

/* Bits [47:12] of a descriptor; an ARMv7 processor has no more than [39:12]. */
static uint64_t output(uint64_t descriptor)
{
    return field(descriptor, sim_regime.armv7 ? 39 : 47, 12) << 12;
}

static bool permitted(enum sim_format format, uint64_t leaf, const struct hierarchy *from_tables,
                      unsigned access)
{
    bool aarch64 = format == SIM_A64;
    bool user = bit(leaf, 6) && !from_tables->no_user; /* AP[1] */
    /* AP[2]; with DBM, dirty state by hardware: a write clears it (DDI 0487 D8.5). */
    bool writable = (!bit(leaf, 7) || (aarch64 && sim_regime.sets_dirty && bit(leaf, 51))) &&
                    !from_tables->read_only;
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

/* What a page or block descriptor does with an access; low: lowest bit that it leaves as it is. */
static struct sim_answer leaf(const struct walk *walk, uint64_t descriptor, unsigned low,
                              uint64_t va, unsigned access)
{
    if (!bit(descriptor, 10) && !(walk->format == SIM_A64 && sim_regime.sets_access)) {
        return faulted(SIM_FAULT_ACCESS_FLAG, walk->level);
    }
    if (!permitted(walk->format, descriptor, &walk->from_tables, access)) {
        return faulted(SIM_FAULT_PERMISSION, walk->level);
    }
    return (struct sim_answer){
        .fault = SIM_OK,
        .level = walk->level,
        .pa = ash_pa(output(descriptor) >> low << low | field(va, low - 1, 0)),
        .size = 1ull << low,
        .memory = (uint8_t)(walk->mair >> (8 * field(descriptor, 4, 2))),
        .shareable = (uint8_t)field(descriptor, 9, 8),
        .global = !bit(descriptor, 11),
        .entry = ash_pa(walk->entry),
    };
}

/* Follows a table descriptor. */
static void descend(struct walk *walk, uint64_t descriptor, unsigned low)
{
    walk->from_tables.no_user |= bit(descriptor, 61);
    walk->from_tables.read_only |= bit(descriptor, 62);
    walk->from_tables.uxn |= bit(descriptor, 60);
    walk->from_tables.pxn |= bit(descriptor, 59);
    walk->table = output(descriptor);
    walk->top = low - 1;
    walk->level++;
}

static struct sim_answer follow(struct walk *walk, uint64_t va, unsigned access)
{
    for (;;) {
        unsigned level = walk->level;
        unsigned low = 39 - 9 * level; /* lowest bit of VA that this level resolves */
        const uint64_t *entry;
        uint64_t descriptor;

        walk->entry = walk->table + field(va, walk->top, low) * 8;
        entry = port_ptr(ash_pa(walk->entry));
        if (entry == NULL) {
            return faulted(SIM_FAULT_EXTERNAL_WALK, level);
        }
        descriptor = *entry;
        if (!bit(descriptor, 0) || (!bit(descriptor, 1) && (level == 3 || level == 0))) {
            return faulted(SIM_FAULT_TRANSLATION, level);
        }
        if (output(descriptor) >> output_bits(walk->format)) {
            return faulted(SIM_FAULT_ADDRESS_SIZE, level);
        }
        if (level == 3 || !bit(descriptor, 1)) {
            return leaf(walk, descriptor, low, va, access);
        }
        descend(walk, descriptor, low);
    }
}

struct sim_answer sim_translate(uint64_t va, unsigned access)
{
    int which = select_half(va);
    const struct sim_half *half = &sim_regime.half[which < 0 ? 0 : which];
    struct walk walk = {
        .format = sim_regime.format,
        .level = first_level(sim_regime.format, half->va_bits),
        .top = half->va_bits - 1,
        .table = half->root.value,
        .mair = sim_regime.mair,
    };

    if (sim_hostile) {
        sim_rest();
    }
    /* Neither half, or one whose walks are off: a fault of the first level that there is. */
    if (which < 0 || !half->walks) {
        return faulted(SIM_FAULT_TRANSLATION, sim_regime.format == SIM_LPAE ? 1 : 0);
    }
    if (walk.table >> output_bits(sim_regime.format)) {
        return faulted(SIM_FAULT_ADDRESS_SIZE, 0);
    }
    return follow(&walk, va, access);
}

struct sim_answer sim_walk_from(const struct sim_tree *tree, uint64_t table, unsigned level,
                                uint64_t va, unsigned access)
{
    struct walk walk = {
        .format = tree->format,
        .level = level,
        .top = level == first_level(tree->format, tree->va_bits) ? tree->va_bits - 1
                                                                 : sim_shift(level) + 8,
        .table = table,
        .mair = tree->mair,
    };

    return follow(&walk, va, access);
}

struct sim_answer sim_walk_leaf(const struct sim_tree *tree, uint64_t descriptor, unsigned level,
                                uint64_t va, unsigned access)
{
    const struct walk walk = {.format = tree->format, .level = level, .mair = tree->mair};

    return leaf(&walk, descriptor, sim_shift(level), va, access);
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
