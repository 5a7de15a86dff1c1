/* SPDX-License-Identifier: MIT */
/*
 * Turning on the MMU and the caches of an AArch32 CPU.
 */
#include "startup/processor.h"

#include "ashlar/mmu.h"
#include "port/port.h"

extern const char boot_vectors[];

bool processor_walks_coherent(void)
{
    return (CP15_READ(CP15_ID_MMFR3) >> 20 & 0xf) != 0;
}

bool processor_has_long_descriptors(void)
{
    return (CP15_READ(CP15_ID_MMFR0) & 0xf) >= 5; /* VMSA with LPAE */
}

bool processor_guards_branches(void)
{
    return false;
}

void processor_vectors_on(void)
{
    CP15_WRITE(CP15_VBAR, (uintptr_t)boot_vectors);
    port_isb();
}

void processor_aborts_on(void)
{
    __asm__ volatile("cpsie a" ::: "memory");
}

/* All but the last step; what that writes to SCTLR. */
static inline uint32_t prepare(ash_pa_t root, unsigned space_bits)
{
    uint32_t ttbcr = TTBCR_EAE | TTBCR_A1 | TTBCR_EPD1 | TTBCR_WALK0 | TTBCR_WALK1;
    uint32_t sctlr = CP15_READ(CP15_SCTLR);

    if (space_bits != 0) {
        ttbcr |= TTBCR_T1SZ(32 - space_bits);
    }
    CP15_WRITE(CP15_TLBIALL, 0);
    CP15_WRITE(CP15_MAIR0, ASH_MMU_MAIR0);
    CP15_WRITE(CP15_MAIR1, ASH_MMU_MAIR1);
    CP15_WRITE(CP15_TTBCR, ttbcr);
    CP15_WRITE64(CP15_TTBR0, root.value);
    CP15_WRITE64(CP15_TTBR1, root.value); /* not walked, but never garbage (arm-rules 17) */
    port_dsb_sy();
    port_isb();
    sctlr |= SCTLR_M | SCTLR_C | SCTLR_I | SCTLR_Z | SCTLR_WXN | SCTLR_UWXN;
    if (CP15_FIELD(CP15_ID_MMFR3, ID_MMFR3_PAN) != 0) {
        sctlr &= ~SCTLR_SPAN; /* each exception sets it */
        cpsr_write_pan(CPSR_PAN);
    }
    return sctlr;
}

void processor_mmu_on(ash_pa_t root, unsigned space_bits)
{
    port_tlbi_errata_add();
    CP15_WRITE(CP15_SCTLR, prepare(root, space_bits));
    port_isb();
}

void processor_mmu_enter(ash_pa_t root, unsigned space_bits, uintptr_t top, void (*then)(void))
{
    uint32_t sctlr = prepare(root, space_bits);

    __asm__ volatile("mcr " CP15_SCTLR "\n\tisb\n\tmov sp, %1\n\tbx %2"
                     :
                     : "r"(sctlr), "r"(top), "r"(then)
                     : "memory");
    __builtin_unreachable();
}
