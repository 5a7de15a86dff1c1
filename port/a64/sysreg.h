/* SPDX-License-Identifier: MIT */
/*
 * System registers of AArch64: access by name, and the fields that the project sets (DDI 0487 D17).
 */
#ifndef ASHLAR_PORT_A64_SYSREG_H
#define ASHLAR_PORT_A64_SYSREG_H

#include <stdint.h>

#define SYS_READ64(name)                                                                           \
    ({                                                                                             \
        uint64_t sys_value_;                                                                       \
        __asm__ volatile("mrs %0, " name : "=r"(sys_value_)::"memory");                            \
        sys_value_;                                                                                \
    })
#define SYS_WRITE64(name, value)                                                                   \
    __asm__ volatile("msr " name ", %x0" ::"rZ"((uint64_t)(value)) : "memory")
#define SYS_READ(name)         ((uint32_t)SYS_READ64(name))
#define SYS_WRITE(name, value) SYS_WRITE64(name, value)

/** A four-bit field of an ID register. */
#define SYS_FIELD(name, shift) ((unsigned)(SYS_READ64(name) >> (shift)) & 0xfu)

/* What the headers common to both execution states read and write (timer_regs.h, gic_regs.h,
 * tlbi_settle.c). */
#define SYS_MIDR        "midr_el1"
#define SYS_REVIDR      "revidr_el1"
#define SYS_CNTFRQ      "cntfrq_el0"
#define SYS_CNTKCTL     "cntkctl_el1"
#define SYS_CNTV_CTL    "cntv_ctl_el0"
#define SYS_CNTVCT      "cntvct_el0"
#define SYS_CNTV_CVAL   "cntv_cval_el0"
#define SYS_ICC_PMR     "icc_pmr_el1"
#define SYS_ICC_IAR1    "icc_iar1_el1"
#define SYS_ICC_EOIR1   "icc_eoir1_el1"
#define SYS_ICC_BPR1    "icc_bpr1_el1"
#define SYS_ICC_CTLR    "icc_ctlr_el1"
#define SYS_ICC_SRE     "icc_sre_el1"
#define SYS_ICC_IGRPEN1 "icc_igrpen1_el1"
#define SYS_ICC_SGI1R   "icc_sgi1r_el1"

/* TCR_EL1 */
#define TCR_T0SZ(n) ((uint64_t)(n))
#define TCR_T1SZ(n) ((uint64_t)(n) << 16)
#define TCR_WALK0                                                                                  \
    (3ull << 12 | 1ull << 10 | 1ull << 8) /* inner shareable, write-back, allocate                 \
                                           */
#define TCR_WALK1     (3ull << 28 | 1ull << 26 | 1ull << 24)
#define TCR_A1        (1ull << 22) /* the ASID is TTBR1's */
#define TCR_EPD1      (1ull << 23)
#define TCR_TG1_4K    (2ull << 30) /* TG0: 0 */
#define TCR_IPS_SHIFT 32
#define TCR_AS        (1ull << 36) /* ASIDs of 16 bits */
#define TCR_HA        (1ull << 39) /* access flag and ... */
#define TCR_HD        (1ull << 40) /* ... dirty state by hardware */

/* SCTLR_EL1 */
#define SCTLR_M    (1ull << 0)
#define SCTLR_A    (1ull << 1)
#define SCTLR_C    (1ull << 2)
#define SCTLR_SA   (1ull << 3)
#define SCTLR_SA0  (1ull << 4)
#define SCTLR_I    (1ull << 12)
#define SCTLR_DZE  (1ull << 14)
#define SCTLR_UCT  (1ull << 15)
#define SCTLR_NTWI (1ull << 16)
#define SCTLR_NTWE (1ull << 18)
#define SCTLR_WXN  (1ull << 19)
#define SCTLR_SPAN (1ull << 23)
#define SCTLR_EE   (1ull << 25)
#define SCTLR_UCI  (1ull << 26)
#define SCTLR_ENIA (1ull << 31)
#define SCTLR_BT0  (1ull << 35)
#define SCTLR_BT1  (1ull << 36)

/* ID registers: SYS_FIELD(register, field) */
#define ID_ISAR0        "id_aa64isar0_el1"
#define ID_ISAR0_TLB    56
#define ID_MMFR0        "id_aa64mmfr0_el1"
#define ID_MMFR0_PA     0
#define ID_MMFR0_ASID   4
#define ID_MMFR0_4K     28
#define ID_MMFR1        "id_aa64mmfr1_el1"
#define ID_MMFR1_PAN    20
#define ID_MMFR1_HAFDBS 0
#define ID_PFR1         "id_aa64pfr1_el1"
#define ID_PFR1_BT      0

#endif
