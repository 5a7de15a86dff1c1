/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the translation tables share: a simulated machine with a pool of table frames
 * that can be made to fail, and the machine's own view of a mapping.
 */
#ifndef ASHLAR_UNIT_MMU_RIG_H
#define ASHLAR_UNIT_MMU_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ashlar/mmu.h"
#include "port/sim/hostile.h"
#include "tests/unit/support.h"

#define RIG_FRAMES 64u /* of tables */
#define RIG_RAM    ash_pa(0x48000000)

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

/** One kind of map. */
struct rig_kind {
    const char *name;
    enum sim_format sim;
    uint64_t base;
    unsigned va_bits;
    bool global;
};

static const struct rig_kind rig_kinds[] = {
    {"LPAE, 4 GiB, global", SIM_LPAE, 0, 32, true},
    {"LPAE, upper 1 GiB, starts at level 2, ASID", SIM_LPAE, 0xc0000000, 30, false},
    {"LPAE, upper 2 GiB, ASID", SIM_LPAE, 0x80000000, 31, false},
    {"AArch64, 39 bits, global", SIM_A64, 0, 39, true},
    {"AArch64, upper 39 bits, ASID", SIM_A64, 0xffffff8000000000, 39, false},
    {"AArch64, upper 48 bits, ASID", SIM_A64, 0xffff000000000000, 48, false},
};
#define RIG_KINDS (sizeof rig_kinds / sizeof rig_kinds[0])
#define RIG_ASID  0x42u

struct rig {
    struct ash_mmu map;
    const struct rig_kind *kind;
    bool used[RIG_FRAMES];
    unsigned in_use;
    unsigned takes;   /* calls of take, failed ones included */
    unsigned fail_at; /* the n-th call from now fails; 0: none */
};

static inline uint64_t *rig_frame(unsigned frame)
{
    return port_ptr(ash_pa(RIG_RAM.value + (uint64_t)frame * ASH_PAGE_SIZE));
}

static inline int rig_take(void *context, ash_pa_t *table)
{
    struct rig *rig = context;

    rig->takes++;
    if (rig->fail_at != 0 && --rig->fail_at == 0) {
        return ASH_ENOMEM;
    }
    for (unsigned i = 0; i < RIG_FRAMES; i++) {
        if (!rig->used[i]) {
            rig->used[i] = true;
            rig->in_use++;
            *table = ash_pa(RIG_RAM.value + (uint64_t)i * ASH_PAGE_SIZE);
            sim_table_taken(*table);
            return 0;
        }
    }
    return ASH_ENOMEM;
}

static inline void rig_give(void *context, ash_pa_t table)
{
    struct rig *rig = context;
    unsigned frame = (unsigned)((table.value - RIG_RAM.value) / ASH_PAGE_SIZE);
    const uint64_t *words = port_ptr(table);

    assert_true(frame < RIG_FRAMES && rig->used[frame]);
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(words[i], 0);
    }
    rig->used[frame] = false;
    rig->in_use--;
    sim_note(table.value);
    sim_table_given(table);
}

static inline struct ash_mmu_config rig_config(struct rig *rig, const struct rig_kind *kind)
{
    return (struct ash_mmu_config){
        .format = kind->sim == SIM_LPAE ? &ash_mmu_format_lpae : &ash_mmu_format_a64,
        .base = ash_va(kind->base),
        .va_bits = kind->va_bits,
        .global = kind->global,
        .asid = kind->global ? 0 : RIG_ASID,
        .tables = {rig_take, rig_give, rig},
    };
}

/** A fresh machine without a map. */
static inline void rig_machine(struct rig *rig, const struct rig_kind *kind)
{
    memset(rig, 0, sizeof *rig);
    rig->kind = kind;
    sim_start();
    sim_add_ram(RIG_RAM, RIG_FRAMES * ASH_PAGE_SIZE);
    memset(rig_frame(0), 0, RIG_FRAMES * ASH_PAGE_SIZE);
}

/** Lets the simulated machine walk the map. */
static inline void rig_install(const struct rig *rig)
{
    sim_regime.format = rig->kind->sim;
    sim_regime.mair = ASH_MMU_MAIR0 | (uint64_t)ASH_MMU_MAIR1 << 32;
    sim_regime.half[rig->kind->base != 0] = (struct sim_half){
        .walks = true,
        .root = ash_mmu_root(&rig->map),
        .va_bits = rig->kind->va_bits,
    };
    sim_regime.asid = rig->map.asid;
}

/** No CPU walks the map any more; what the TLB has of it stays there. */
static inline void rig_uninstall(const struct rig *rig)
{
    sim_regime.half[rig->kind->base != 0].walks = false;
}

/** A fresh machine with an empty map of this kind, installed. */
static inline void rig_start(struct rig *rig, const struct rig_kind *kind)
{
    struct ash_mmu_config config;

    rig_machine(rig, kind);
    config = rig_config(rig, kind);
    assert_int_equal(ash_mmu_init(&rig->map, &config), 0);
    rig_install(rig);
    sim_forget();
}

/** The end of the map, whatever is mapped: it is sound, and no table is left. */
static inline void rig_destroy(struct rig *rig)
{
    assert_int_equal(ash_mmu_verify(&rig->map, NULL), 0);
    rig_uninstall(rig);
    ash_mmu_destroy(&rig->map);
    assert_int_equal(rig->in_use, 0);
}

/** Everything is unmapped: only the root must be left; then not even that. */
static inline void rig_end(struct rig *rig)
{
    assert_int_equal(rig->in_use, 1);
    rig_destroy(rig);
}

static inline ash_va_t rig_va(const struct rig *rig, uint64_t offset)
{
    return ash_va(rig->kind->base + offset);
}

/** The map is sound. */
static inline void rig_verify(const struct rig *rig)
{
    struct ash_mmu_report report;

    if (ash_mmu_verify(&rig->map, &report) != 0) {
        fail_msg("%s: %s at %#lx, level %u: %#lx", rig->kind->name, report.what,
                 (unsigned long)report.va.value, report.level, (unsigned long)report.descriptor);
    }
    assert_int_equal(report.tables, rig->in_use);
}

/** The machine finds nothing at va. */
static inline void rig_expect_hole(const struct rig *rig, ash_va_t va)
{
    struct ash_mmu_mapping mapping;

    assert_int_equal(sim_translate(va.value, SIM_READ).fault, SIM_FAULT_TRANSLATION);
    assert_int_equal(ash_mmu_query(&rig->map, va, &mapping), ASH_ENOENT);
}

/** The machine translates va to pa and allows exactly what attr says; query agrees. */
static inline void rig_expect(const struct rig *rig, ash_va_t va, ash_pa_t pa, ash_mmu_attr_t attr)
{
    static const uint8_t memory[] = {0xff, 0x44, 0x04, 0x00};
    bool user = attr & ASH_MMU_USER, write = attr & ASH_MMU_WRITE, exec = attr & ASH_MMU_EXEC;
    struct sim_answer answer = sim_translate(va.value, SIM_READ);
    struct ash_mmu_mapping mapping;

#define ALLOWED(access) (sim_translate(va.value, (access)).fault == SIM_OK)
    assert_int_equal(answer.fault, SIM_OK);
    assert_int_equal(answer.pa.value, pa.value);
    assert_int_equal(answer.memory, memory[(attr & ASH_MMU_TYPE_MASK) >> 8]);
    assert_int_equal(answer.shareable, 3);
    assert_int_equal(answer.global, rig->kind->global);
    assert_int_equal(ALLOWED(SIM_WRITE), write);
    assert_int_equal(ALLOWED(SIM_READ | SIM_UNPRIVILEGED), user);
    assert_int_equal(ALLOWED(SIM_WRITE | SIM_UNPRIVILEGED), user && write);
    assert_int_equal(ALLOWED(SIM_FETCH), exec && !user);
    assert_int_equal(ALLOWED(SIM_FETCH | SIM_UNPRIVILEGED), exec && user);
#undef ALLOWED
    assert_int_equal(ash_mmu_query(&rig->map, va, &mapping), 0);
    assert_int_equal(mapping.pa.value + (va.value - mapping.va.value), pa.value);
    if (rig->map.format == &ash_mmu_format_lpae) {
        attr &= ~ASH_MMU_GUARDED; /* bit 50, GP, is AArch64's */
    }
    assert_int_equal(mapping.attr, attr & ~ASH_MMU_PAGES);
    assert_int_equal(mapping.descriptor >> 50 & 1, (attr & ASH_MMU_GUARDED) != 0);
    assert_int_equal(mapping.size, answer.size);
    assert_int_equal(mapping.level, answer.level);
}

/** All of the map and its tables, to compare later. Frames that are not used are all zero. */
struct rig_image {
    struct ash_mmu map;
    unsigned char memory[RIG_FRAMES * ASH_PAGE_SIZE];
};

static inline struct rig_image *rig_copy(const struct rig *rig)
{
    struct rig_image *image = malloc(sizeof *image);

    assert_non_null(image);
    image->map = rig->map;
    memcpy(image->memory, rig_frame(0), sizeof image->memory);
    return image;
}

/** Nothing has changed since the copy, statistics aside; frees the copy. */
static inline void rig_unchanged(const struct rig *rig, struct rig_image *image)
{
    image->map.counters.taken = rig->map.counters.taken;
    assert_memory_equal(&image->map, &rig->map, sizeof rig->map);
    assert_memory_equal(image->memory, rig_frame(0), sizeof image->memory);
    free(image);
}

/** Runs a test for each kind of map. */
#define FOR_EACH_KIND(kind)                                                                        \
    for (const struct rig_kind *kind = rig_kinds; kind < rig_kinds + RIG_KINDS; kind++)

#endif
