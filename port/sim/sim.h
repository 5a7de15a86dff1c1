/* SPDX-License-Identifier: MIT */
/*
 * The simulated machine, as tests see it: simulated physical memory, translation registers, and
 * a record of the barriers, TLB and cache operations that the code under test issues.
 *
 * Here is what a test looks at: the order and number of operations and, by a walker of its own,
 * what the tables mean. What may lie in TLBs, store buffers and caches meanwhile, and which rules
 * that breaks, is hostile.h.
 */
#ifndef ASHLAR_PORT_SIM_SIM_H
#define ASHLAR_PORT_SIM_SIM_H

#include "port/port.h"

/* Memory */

#define SIM_BANKS      8
#define SIM_POISON     0xa5
#define SIM_POISON_MAX ((size_t)64 << 20)

/**
 * Starts a machine without memory, all counters zero, interrupts on, CPU 0, translation off.
 * Memory of an earlier machine is released.
 */
void sim_start(void);

/** Adds RAM; base and bytes are multiples of 4 KiB. Filled with SIM_POISON where it is not larger
 *  than SIM_POISON_MAX, with zero otherwise. Stops the test if there is no room. */
void sim_add_ram(ash_pa_t base, size_t bytes);

/** The physical address of a pointer into simulated RAM; stops the test if it is not one. */
ash_pa_t sim_pa(const void *pointer);

/* Operations */

enum sim_op {
    SIM_DSB_ISHST,
    SIM_DSB_ISH,
    SIM_DSB_SY,
    SIM_DMB_ISH,
    SIM_DMB_SY,
    SIM_ISB,
    SIM_ENTRY_STORE, /**< address: of the entry (physical); value; asid: SIM_RELEASE or 0 */
    SIM_TLBI_PAGE,   /**< address: VA; asid */
    SIM_TLBI_PAGE_WALK,
    SIM_TLBI_RANGE, /**< ...; value: pages */
    SIM_TLBI_ASID,
    SIM_TLBI_ALL,
    SIM_BRANCH_SYNC,
    SIM_SPACE_INSTALL, /**< address: root; asid */
    SIM_SPACE_NONE,
    SIM_CACHE_CLEAN, /**< address: the pointer; size */
    SIM_CACHE_INVALIDATE,
    SIM_CACHE_CLEAN_INVALIDATE,
    SIM_CODE_SYNC,
    SIM_NOTE,     /**< what a test adds by sim_note(): address */
    SIM_EXCHANGE, /**< a compare-exchange; not in the trace */
    SIM_OPS,
};

/** In the place of the ASID: the store was ordered after everything before it. */
#define SIM_RELEASE 1u

struct sim_event {
    enum sim_op op;
    uint64_t address;
    uint64_t value; /**< stored, or the size in bytes of a cache operation */
    unsigned asid;
};

/** How often each operation was issued since sim_start() or sim_forget(). */
extern unsigned sim_count[SIM_OPS];
/** All four invalidations of TLBs together. */
unsigned sim_tlbi_count(void);

#define SIM_TRACE 8192
/** The first SIM_TRACE operations since then, in order. */
extern struct sim_event sim_trace[SIM_TRACE];
extern unsigned sim_traced;

/** Sets counters and trace back. */
void sim_forget(void);
/** Puts a mark of the test's own into the trace. */
void sim_note(uint64_t address);
/** Index in the trace of the first such operation at or after `from`, or -1. */
int sim_find(enum sim_op op, unsigned from);
/** Prints the trace, for a test that is being debugged. */
void sim_print_trace(void);

/* CPU state */

extern unsigned sim_cpu;    /**< what port_cpu() returns */
extern bool sim_irq_masked; /**< interrupts are masked */
extern unsigned sim_inside; /**< what port_inside() returns, of any CPU; a test may set it */
/** Moments until an interrupt comes: those are the operations of the port with interrupts on, and
 *  where interrupts go on or off. 0: none comes. */
extern unsigned sim_moments;
/** What that interrupt does, with interrupts masked; it may set sim_moments for the next one. */
extern void (*sim_interrupt)(void);
extern size_t sim_line; /**< bytes of a cache line, 64 at start */

/* Translation */

enum sim_format { SIM_LPAE, SIM_A64 };

/** One of the two halves of the address space. va_bits 0: there is none. 32 in the upper half of an
 *  LPAE machine (T1SZ = 0): all that the lower half leaves. */
struct sim_half {
    bool walks; /**< not disabled by EPD */
    ash_pa_t root;
    unsigned va_bits; /**< 32 - TxSZ (LPAE), 64 - TxSZ */
};

struct sim_regime {
    enum sim_format format;
    struct sim_half half[2]; /**< TTBR0, TTBR1 */
    uint64_t mair;
    unsigned asid;
    bool wxn;   /**< SCTLR.WXN */
    bool armv7; /**< LPAE of an ARMv7 processor: bits [47:40] of descriptors are ignored */
    unsigned output_bits; /**< AArch64: TCR.IPS; 0: 48 */
    bool sets_access;     /**< AArch64: TCR.HA, walks set the access flag */
    bool sets_dirty;      /**< AArch64: TCR.HD, writes make a page with DBM writable */
};
/** The translation registers; set by sim_start() to: no walks, mair 0, WXN. */
extern struct sim_regime sim_regime;

enum sim_access { SIM_READ = 0, SIM_WRITE = 1, SIM_FETCH = 2, SIM_UNPRIVILEGED = 4 };

enum sim_fault {
    SIM_OK,
    SIM_FAULT_TRANSLATION,
    SIM_FAULT_ACCESS_FLAG,
    SIM_FAULT_PERMISSION,
    SIM_FAULT_ADDRESS_SIZE,
    SIM_FAULT_EXTERNAL_WALK, /**< a table lies outside RAM */
};

struct sim_answer {
    enum sim_fault fault;
    unsigned level; /**< of the entry that decided */
    ash_pa_t pa;
    uint64_t size;     /**< bytes of the page or block */
    uint8_t memory;    /**< the MAIR byte */
    uint8_t shareable; /**< SH[1:0] */
    bool global;
    ash_pa_t entry; /**< where the descriptor of the page or block lies */
};

/**
 * Translates as the manual says (DDI 0487 D8 and G5, DDI 0406C B3.6), with sim_regime, and checks
 * the access: SIM_READ, SIM_WRITE or SIM_FETCH, plus SIM_UNPRIVILEGED. Shares nothing with mmu/.
 */
struct sim_answer sim_translate(uint64_t va, unsigned access);
/** The level at which walks of a half with so many bits start. */
unsigned sim_first_level(enum sim_format format, unsigned va_bits);

#endif
