/* SPDX-License-Identifier: MIT */
/*
 * The machine on which spaces are tested: RAM for their tables, few ASIDs, several CPUs. The upper
 * half only: there is no firmware's map.
 */
#ifndef ASHLAR_UNIT_SPACE_MACHINE_H
#define ASHLAR_UNIT_SPACE_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ashlar/frames.h"
#include "ashlar/space.h"
#include "port/sim/hostile.h"
#include "tests/unit/support.h"
#include "vm/space.h"

#define PAGE   0x1000ull
#define RAM_AT 0x40000000ull
#define RAM_IN 0x400000ull
#define FAR    0x80000000ull /* not RAM: only mapped */

/* ASIDs of 4 bits: 1 to 15. */
#define ASIDS 15u

struct kind {
    const char *name;
    enum sim_format format;
    uint64_t base;
    unsigned bits;
};

static const struct kind kinds[] = {
    {"LPAE, 30 bits", SIM_LPAE, 0xc0000000, 30},
    {"LPAE, 31 bits", SIM_LPAE, 0x80000000, 31},
    {"AArch64, 39 bits", SIM_A64, 0xffffff8000000000, 39},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* A broken expectation inside of sim_run(), whose stack cmocka cannot leave. */
#define must(condition) must_at((condition), #condition, __LINE__)
static inline void must_at(bool condition, const char *what, int line)
{
    if (!condition) {
        sim_print_recent();
        fprintf(stderr, "line %d: %s\n", line, what);
        abort();
    }
}

static inline void machine_start(const struct kind *kind, unsigned cpus, unsigned asid_bits)
{
    const struct ash_frames_config frames = {.direct_limit = {RAM_AT + RAM_IN}};
    const struct ash_spaces_config config = {
        .format = kind->format == SIM_LPAE ? &ash_mmu_format_lpae : &ash_mmu_format_a64,
        .base = {(uintptr_t)kind->base},
        .bits = kind->bits,
    };
    struct ash_regions regions;

    sim_start();
    sim_add_ram(ash_pa(RAM_AT), RAM_IN);
    support_faults_reset();
    support_fail_at = 0;
    support_space_tables = true;
    ash_regions_init(&regions);
    must(ash_regions_add(&regions, (struct ash_range){{RAM_AT}, RAM_IN}) == 0);
    must(ash_frames_init(&regions, &frames) == 0);
    sim_regime.format = kind->format;
    sim_regime.mair = (uint64_t)ASH_MMU_MAIR1 << 32 | ASH_MMU_MAIR0;
    sim_regime.half[1].va_bits = kind->bits;
    sim_asid_bits = asid_bits;
    ash_spaces_init(&config);
    sim_set_cpus(cpus);
    sim_forget();
}

static inline ash_va_t machine_va(uint64_t offset)
{
    return ash_va(ash_space_base().value + (uintptr_t)offset);
}

/* What an access at the offset finds: a physical address, or 0 if there is nothing. */
static inline uint64_t machine_sees(uint64_t offset)
{
    struct sim_answer answer = sim_access(machine_va(offset).value, SIM_READ);

    must(answer.fault == SIM_OK || answer.fault == SIM_FAULT_TRANSLATION);
    return answer.fault == SIM_OK ? answer.pa.value : 0;
}

static inline void machine_map(struct ash_space *space, uint64_t offset, uint64_t pa)
{
    must(ash_space_map(space, machine_va(offset), ash_pa(pa), PAGE, ASH_MMU_WRITE) == 0);
}

static inline unsigned machine_asid(const struct ash_space *space)
{
    return asid_of(space->context);
}

/* No lock is held, interrupts are on, and spaces hold no frame. */
static inline void machine_end(void)
{
    must(!sim_irq_masked);
    must(spaces_state.count == 0 && spaces_state.first == NULL);
    must(ash_frames_owned(ASH_OWNER_SPACE) == 0);
    must(ash_frames_verify() == 0);
    must(support_faults.count == 0);
}

#define FOR_EACH_KIND(kind) for (const struct kind *kind = kinds; kind < kinds + KINDS; kind++)

#endif
