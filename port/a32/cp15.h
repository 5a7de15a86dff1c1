/* SPDX-License-Identifier: MIT */
/*
 * System registers and operations of AArch32, by the names of the Arm ARM.
 */
#ifndef ASHLAR_PORT_A32_CP15_H
#define ASHLAR_PORT_A32_CP15_H

#include <stdint.h>

/* opc1, Rt, CRn, CRm, opc2 */
#define CP15_MIDR       "p15, 0, %0, c0, c0, 0"
#define CP15_CTR        "p15, 0, %0, c0, c0, 1"
#define CP15_MPIDR      "p15, 0, %0, c0, c0, 5"
#define CP15_REVIDR     "p15, 0, %0, c0, c0, 6"
#define CP15_ID_MMFR0   "p15, 0, %0, c0, c1, 4"
#define CP15_ID_MMFR3   "p15, 0, %0, c0, c1, 7"
#define CP15_SCTLR      "p15, 0, %0, c1, c0, 0"
#define CP15_TTBCR      "p15, 0, %0, c2, c0, 2"
#define CP15_DFSR       "p15, 0, %0, c5, c0, 0"
#define CP15_IFSR       "p15, 0, %0, c5, c0, 1"
#define CP15_DFAR       "p15, 0, %0, c6, c0, 0"
#define CP15_IFAR       "p15, 0, %0, c6, c0, 2"
#define CP15_ICIALLUIS  "p15, 0, %0, c7, c1, 0"
#define CP15_BPIALLIS   "p15, 0, %0, c7, c1, 6"
#define CP15_DCIMVAC    "p15, 0, %0, c7, c6, 1"
#define CP15_ATS1CPR    "p15, 0, %0, c7, c8, 0"
#define CP15_ATS1CPW    "p15, 0, %0, c7, c8, 1"
#define CP15_ATS1CUR    "p15, 0, %0, c7, c8, 2"
#define CP15_ATS1CUW    "p15, 0, %0, c7, c8, 3"
#define CP15_DCCMVAC    "p15, 0, %0, c7, c10, 1"
#define CP15_DCCMVAU    "p15, 0, %0, c7, c11, 1"
#define CP15_DCCIMVAC   "p15, 0, %0, c7, c14, 1"
#define CP15_TLBIALLIS  "p15, 0, %0, c8, c3, 0"
#define CP15_TLBIALL    "p15, 0, %0, c8, c7, 0"
#define CP15_TLBIMVAIS  "p15, 0, %0, c8, c3, 1"
#define CP15_TLBIASIDIS "p15, 0, %0, c8, c3, 2"
#define CP15_TLBIMVAAIS "p15, 0, %0, c8, c3, 3"
#define CP15_PMCCNTR    "p15, 0, %0, c9, c13, 0"
#define CP15_MAIR0      "p15, 0, %0, c10, c2, 0"
#define CP15_MAIR1      "p15, 0, %0, c10, c2, 1"
#define CP15_VBAR       "p15, 0, %0, c12, c0, 0"
#define CP15_TPIDRPRW   "p15, 0, %0, c13, c0, 4"

/* opc1, Rt, Rt2, CRm */
#define CP15_TTBR0 "p15, 0, %Q0, %R0, c2"
#define CP15_TTBR1 "p15, 1, %Q0, %R0, c2"
#define CP15_PAR   "p15, 0, %Q0, %R0, c7"

#define CP15_READ(reg)                                                                             \
    ({                                                                                             \
        uint32_t cp15_value_;                                                                      \
        __asm__ volatile("mrc " reg : "=r"(cp15_value_)::"memory");                                \
        cp15_value_;                                                                               \
    })
#define CP15_WRITE(reg, value) __asm__ volatile("mcr " reg ::"r"((uint32_t)(value)) : "memory")
#define CP15_READ64(reg)                                                                           \
    ({                                                                                             \
        uint64_t cp15_value_;                                                                      \
        __asm__ volatile("mrrc " reg : "=r"(cp15_value_)::"memory");                               \
        cp15_value_;                                                                               \
    })
#define CP15_WRITE64(reg, value) __asm__ volatile("mcrr " reg ::"r"((uint64_t)(value)) : "memory")

/* What the headers common to both execution states read and write (timer_regs.h, gic_regs.h,
 * tlbi_settle.c). */
#define SYS_READ    CP15_READ
#define SYS_WRITE   CP15_WRITE
#define SYS_READ64  CP15_READ64
#define SYS_WRITE64 CP15_WRITE64

#define SYS_MIDR        CP15_MIDR
#define SYS_REVIDR      CP15_REVIDR
#define SYS_CNTFRQ      "p15, 0, %0, c14, c0, 0"
#define SYS_CNTKCTL     "p15, 0, %0, c14, c1, 0"
#define SYS_CNTV_CTL    "p15, 0, %0, c14, c3, 1"
#define SYS_CNTVCT      "p15, 1, %Q0, %R0, c14"
#define SYS_CNTV_CVAL   "p15, 3, %Q0, %R0, c14"
#define SYS_ICC_PMR     "p15, 0, %0, c4, c6, 0"
#define SYS_ICC_IAR1    "p15, 0, %0, c12, c12, 0"
#define SYS_ICC_EOIR1   "p15, 0, %0, c12, c12, 1"
#define SYS_ICC_BPR1    "p15, 0, %0, c12, c12, 3"
#define SYS_ICC_CTLR    "p15, 0, %0, c12, c12, 4"
#define SYS_ICC_SRE     "p15, 0, %0, c12, c12, 5"
#define SYS_ICC_IGRPEN1 "p15, 0, %0, c12, c12, 7"
#define SYS_ICC_SGI1R   "p15, 0, %Q0, %R0, c12"

/** A four-bit field of an ID register. */
#define CP15_FIELD(reg, shift) (CP15_READ(reg) >> (shift)&0xfu)
#define ID_MMFR3_PAN           16

/* TTBCR with EAE (DDI 0406C B4.1.153, DDI 0487 G8.2.165) */
#define TTBCR_EAE     (1u << 31)
#define TTBCR_EPD1    (1u << 23)
#define TTBCR_A1      (1u << 22)
#define TTBCR_WALK0   (3u << 12 | 1u << 10 | 1u << 8) /* inner shareable, write-back, allocate */
#define TTBCR_WALK1   (3u << 28 | 1u << 26 | 1u << 24)
#define TTBCR_T1SZ(n) ((uint32_t)(n) << 16)

/* SCTLR */
#define SCTLR_M    (1u << 0)
#define SCTLR_A    (1u << 1)
#define SCTLR_C    (1u << 2)
#define SCTLR_Z    (1u << 11)
#define SCTLR_I    (1u << 12)
#define SCTLR_V    (1u << 13)
#define SCTLR_WXN  (1u << 19)
#define SCTLR_UWXN (1u << 20)
#define SCTLR_SPAN (1u << 23)
#define SCTLR_EE   (1u << 25)
#define SCTLR_TE   (1u << 30)

/* CPSR */
#define CPSR_PAN (1u << 22)

/** Sets or clears CPSR.PAN. By MSR, since not every core's A32 decoder knows SETPAN (QEMU 7.2's).
 */
static inline void cpsr_write_pan(uint32_t pan)
{
    uint32_t cpsr;

    __asm__ volatile("mrs %0, cpsr" : "=r"(cpsr)::"memory");
    __asm__ volatile("msr cpsr_s, %0" ::"r"((cpsr & ~CPSR_PAN) | pan) : "memory");
}

#endif
