/* SPDX-License-Identifier: MIT */
/*
 * Turning on the MMU and the caches of an AArch64 CPU.
 */
#include "startup/processor.h"

#include "ashlar/mmu.h"
#include "port/port.h"

#define SPACE_BITS_NONE 39 /* a size that every CPU has, for a half that is not walked */
#define IPS_48_BITS     5u /* more needs descriptors of another form */
#define TGRAN4_NONE     0xfu

extern const char boot_vectors[];

/* Walks of cacheable tables are coherent in AArch64 (DDI 0487 D8.2.9). */
bool processor_walks_coherent(void)
{
    return true;
}

bool processor_has_long_descriptors(void)
{
    return SYS_FIELD(ID_MMFR0, ID_MMFR0_4K) != TGRAN4_NONE;
}

bool processor_guards_branches(void)
{
    return SYS_FIELD(ID_PFR1, ID_PFR1_BT) != 0;
}

void processor_vectors_on(void)
{
    SYS_WRITE64("vbar_el1", (uintptr_t)boot_vectors);
    port_isb();
}

void processor_aborts_on(void)
{
    __asm__ volatile("msr daifclr, #4" ::: "memory");
}

static uint64_t translation_control(unsigned space_bits)
{
    uint64_t tcr = TCR_A1 | TCR_EPD1 | TCR_WALK0 | TCR_WALK1 | TCR_TG1_4K;
    uint64_t output = SYS_FIELD(ID_MMFR0, ID_MMFR0_PA);

    tcr |= TCR_T0SZ(64 - PROCESSOR_IDENTITY_BITS);
    tcr |= TCR_T1SZ(64 - (space_bits != 0 ? space_bits : SPACE_BITS_NONE));
    tcr |= (output < IPS_48_BITS ? output : IPS_48_BITS) << TCR_IPS_SHIFT;
    if (SYS_FIELD(ID_MMFR0, ID_MMFR0_ASID) == 2) {
        tcr |= TCR_AS;
    }
    /* Entries of maps that do not track have their access flag and no dirty bit: none changes. */
    if (SYS_FIELD(ID_MMFR1, ID_MMFR1_HAFDBS) >= 1) {
        tcr |= TCR_HA;
    }
    if (SYS_FIELD(ID_MMFR1, ID_MMFR1_HAFDBS) >= 2) {
        tcr |= TCR_HD;
    }
    return tcr;
}

/* Not signed: how many bits of a return address are its signature depends on TCR_EL1.TxSZ and TBI
 * (DDI 0487 D8.8), so one made before would not be known after. */
#define UNSIGNED_RETURN __attribute__((target("branch-protection=bti")))

/* All but the last step; what that writes to SCTLR_EL1. */
UNSIGNED_RETURN static uint64_t prepare(ash_pa_t root, unsigned space_bits)
{
    uint64_t sctlr = SYS_READ64("sctlr_el1");

    sctlr |= SCTLR_M | SCTLR_C | SCTLR_I | SCTLR_WXN | SCTLR_SA | SCTLR_SA0;
    sctlr |= SCTLR_UCI | SCTLR_UCT | SCTLR_DZE | SCTLR_NTWI | SCTLR_NTWE;
    if (processor_guards_branches()) {
        sctlr |= SCTLR_BT0 | SCTLR_BT1; /* PACIASP is no target of a BR */
    }
    if (SYS_FIELD(ID_MMFR1, ID_MMFR1_PAN) != 0) {
        sctlr &= ~SCTLR_SPAN;                                   /* each exception sets it */
        __asm__ volatile(".inst 0xd500419f /* msr pan, #1 */"); /* known from ARMv8.1 on */
    }
    __asm__ volatile("tlbi vmalle1" ::: "memory");
    SYS_WRITE64("mair_el1", (uint64_t)ASH_MMU_MAIR1 << 32 | ASH_MMU_MAIR0);
    SYS_WRITE64("tcr_el1", translation_control(space_bits));
    SYS_WRITE64("ttbr0_el1", root.value);
    SYS_WRITE64("ttbr1_el1", root.value); /* not walked, but never garbage (arm-rules 17) */
    port_dsb_sy();
    port_isb();
    return sctlr;
}

UNSIGNED_RETURN void processor_mmu_on(ash_pa_t root, unsigned space_bits)
{
    port_tlbi_errata_add();
    SYS_WRITE64("sctlr_el1", prepare(root, space_bits));
    port_isb();
}

UNSIGNED_RETURN void processor_mmu_enter(ash_pa_t root, unsigned space_bits, uintptr_t top,
                                         void (*then)(void))
{
    uint64_t sctlr = prepare(root, space_bits);

    __asm__ volatile("msr sctlr_el1, %0\n\tisb\n\tmov sp, %1\n\tblr %2"
                     :
                     : "r"(sctlr), "r"(top), "r"(then)
                     : "memory");
    __builtin_unreachable();
}
