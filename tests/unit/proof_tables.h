/* SPDX-License-Identifier: MIT */
/*
 * A hostile machine with tables written by hand, for tests that break a rule on purpose. Frame n of
 * its RAM is at TABLE(n); frame 0 is the root, frame 1 the table of VA 0 (of the half) at level 2,
 * frame 2 its first table of pages, from frame 8 on there is data.
 */
#ifndef ASHLAR_UNIT_PROOF_TABLES_H
#define ASHLAR_UNIT_PROOF_TABLES_H

#include "tests/unit/proof.h"

#define RAM      UINT64_C(0x48000000)
#define FRAMES   64u
#define TABLE(n) (RAM + (n)*UINT64_C(0x1000))
#define DATA     TABLE(8)
#define PAGE     UINT64_C(0x1000)
#define BLOCK    (UINT64_C(1) << 21)
#define FAR      UINT64_C(0x80000000) /* physical memory that is not there */

/* Descriptor bits by the manual. */
#define LINK       UINT64_C(3)
#define LEAF       UINT64_C(3) /* at level 3 */
#define BLOCK_TYPE UINT64_C(1)
#define INDEX(n)   ((uint64_t)(n) << 2)
#define AP_USER    (UINT64_C(1) << 6)
#define AP_READ    (UINT64_C(1) << 7)
#define INNER      (UINT64_C(3) << 8)
#define AF         (UINT64_C(1) << 10)
#define NG         (UINT64_C(1) << 11)
#define CONT       (UINT64_C(1) << 52)
#define PXN        (UINT64_C(1) << 53)
#define XN         (UINT64_C(1) << 54)
#define SOFT       (UINT64_C(1) << 55)
#define NORMAL     INDEX(0)
#define UNCACHED   INDEX(1)
#define DEVICE     INDEX(2)
#define MAIR       UINT64_C(0x000444ff)
#define DATA_BITS  (AF | INNER | XN | PXN) /* read and write, nothing is executed */
#define CODE_LPAE  (AF | INNER | AP_READ)
#define CODE_A64   (AF | INNER | AP_READ | XN)
#define ASID_A     5u
#define ASID_B     6u

static enum sim_format tables_format;
static unsigned tables_half;

static inline uint64_t *entry_of(unsigned frame, unsigned index)
{
    return (uint64_t *)port_ptr(ash_pa(TABLE(frame))) + index;
}

/** nG where the half demands it. */
static inline uint64_t half_bits(void)
{
    return tables_half == 1 ? NG : 0;
}

static inline uint64_t tables_base(void)
{
    if (tables_half == 0) {
        return 0;
    }
    return tables_format == SIM_LPAE ? UINT64_C(0x80000000) : UINT64_C(0xffffff8000000000);
}

static inline uint64_t page_leaf(uint64_t pa, uint64_t bits)
{
    return pa | bits | half_bits() | LEAF;
}

static inline void set(unsigned frame, unsigned index, uint64_t descriptor)
{
    *entry_of(frame, index) = descriptor;
}

/**
 * Installed in that half: pages 0 to 7 lead to DATA, writable; pages 16 to 31 to FAR, contiguous in
 * address but not marked; blocks 2 to 5 of level 2 to FAR + n * BLOCK.
 */
static inline void tables_start(enum sim_format format, unsigned half, unsigned cpus)
{
    tables_format = format;
    tables_half = half;
    sim_start();
    sim_add_ram(ash_pa(RAM), FRAMES * PAGE);
    memset(port_ptr(ash_pa(RAM)), 0, FRAMES * PAGE);
    for (unsigned i = 0; i < 8; i++) {
        set(2, i, page_leaf(DATA + i * PAGE, DATA_BITS));
    }
    for (unsigned i = 16; i < 32; i++) {
        set(2, i, page_leaf(FAR + i * PAGE, DATA_BITS));
    }
    for (unsigned i = 2; i < 6; i++) {
        set(1, i, (FAR + i * BLOCK) | DATA_BITS | half_bits() | BLOCK_TYPE);
    }
    set(0, 0, TABLE(1) | LINK);
    set(1, 0, TABLE(2) | LINK);
    sim_regime.format = format;
    sim_regime.mair = MAIR;
    sim_regime.asid = ASID_A;
    sim_regime.half[half] = (struct sim_half){
        .walks = true,
        .root = ash_pa(TABLE(0)),
        .va_bits = format == SIM_LPAE ? (half == 0 ? 32 : 31) : 39,
    };
    port_cache_clean(port_ptr(ash_pa(RAM)), FRAMES * PAGE); /* memory is as it seems */
    sim_rest();
    sim_set_cpus(cpus);
}

static inline uint64_t va_of(unsigned page)
{
    return tables_base() + page * PAGE;
}

static inline unsigned own_asid(void)
{
    return tables_half == 0 ? PORT_ASID_GLOBAL : ASID_A;
}

/** The whole sequence after a change: visible, invalidated, complete, in force. */
static inline void settle_page(unsigned page)
{
    port_dsb_ishst();
    port_tlbi_page(ash_va(va_of(page)), own_asid());
    port_dsb_ish();
    port_isb();
}

/** Something done on purpose. */
struct trial {
    unsigned rule; /* 0: nothing is wrong */
    void (*run)(void *arg);
    const char *what;
};

static inline void run_trials(const struct trial *trials, size_t count, enum sim_format format,
                              unsigned half)
{
    for (size_t i = 0; i < count; i++) {
        struct sim_verdict verdict;

        tables_start(format, half, 2);
        sim_run(1, trials[i].run, NULL, 0, &verdict);
        if (verdict.rule != trials[i].rule) {
            fail_msg("format %u, half %u, %s: rule %u (%s), expected %u", format, half,
                     trials[i].what, verdict.rule, verdict.rule != 0 ? verdict.what : "not stopped",
                     trials[i].rule);
        }
    }
}

/* For both formats and both halves. */
#define RUN_ALL(trials)                                                                            \
    for (unsigned n = 0; n < 4; n++) {                                                             \
        run_trials(trials, sizeof(trials) / sizeof((trials)[0]), n & 2 ? SIM_A64 : SIM_LPAE,       \
                   n & 1);                                                                         \
    }

#define TRIAL(rule, name)                                                                          \
    {                                                                                              \
        rule, name, #name                                                                          \
    }

#endif
