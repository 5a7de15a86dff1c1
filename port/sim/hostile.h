/* SPDX-License-Identifier: MIT */
/*
 * The hostile side of the simulated machine: it does whatever the architecture allows to go wrong.
 *
 * It does not guess what a TLB, a walk cache, a store buffer or a data cache holds: it keeps a list
 * of everything that each of them may hold, and stops as soon as that could be seen. So one run
 * stands for all that real processors might do, and a missing barrier is found at its first use.
 *
 *   - An entry that a walk could reach, once overwritten, may stay in the TLBs and walk caches of
 *     every CPU that has or had its table installed, until a TLBI that covers it was issued after
 *     the store was visible (DSB), and was completed (DSB ISH or SY; then ISB).
 *   - A store to a table is posted: until a DSB, walks find the old or the new value. Without
 *     coherent walks it must be cleaned as well.
 *   - Data lines may be in the cache at any time while a cacheable mapping exists; devices see
 *     memory behind it. Lines of the instruction cache are what they were until synchronised.
 *
 * What breaks a rule of arm-rules.md stops the run with the number of the rule. sim_weaken() drops
 * or weakens one of the operations that the code under test issues: the run must then be stopped.
 */
#ifndef ASHLAR_PORT_SIM_HOSTILE_H
#define ASHLAR_PORT_SIM_HOSTILE_H

#include "port/sim/sim.h"

/** Set by sim_start(). Cleared, the machine is flat: no rule is checked. */
extern bool sim_hostile;

/* Verdicts */

#define SIM_MISUSE 99u /* in the place of a rule: the test or the code uses the machine wrongly */

struct sim_verdict {
    unsigned rule; /**< of arm-rules.md; 0: none was broken */
    char what[200];
};

/** Runs body(arg) on `cpus` CPUs at once, each in turn until one of its operations; who goes on is
 *  drawn from the seed (0: CPUs take turns only where one waits). Interrupts are on at first.
 *  Returns when all have ended, or when a rule is broken: then they are left where they are.
 *  With verdict NULL a broken rule ends the program, as it does outside of sim_run(). */
bool sim_run(unsigned cpus, void (*body)(void *arg), void *arg, uint32_t seed,
             struct sim_verdict *verdict);

/** The last operations, for a person. */
void sim_print_recent(void);

/* CPUs */

#define SIM_CPUS 4u

/** CPUs of the machine, 1 at start. Each new one gets the translation registers of CPU 0. */
void sim_set_cpus(unsigned count);
/** The test goes on as that CPU. */
void sim_on_cpu(unsigned cpu);

/* Operations made worse */

enum sim_weakness {
    SIM_INTACT,
    SIM_DROPPED,           /**< any: it does nothing */
    SIM_NSH,               /**< DSB ISHST and ISH: of the non-shareable domain */
    SIM_STORES_ONLY,       /**< DSB ISH and SY: completes stores only (DSB ISHST) */
    SIM_LOCAL,             /**< TLBI: not inner shareable */
    SIM_LAST_LEVEL,        /**< TLBI of a page with its walk: of the page alone */
    SIM_BY_ASID,           /**< TLBI of all ASIDs: of the current ASID */
    SIM_OPERAND,           /**< TLBI by address: the address is not put in its place */
    SIM_SHORT,             /**< a range without its last page */
    SIM_RELAXED,           /**< a releasing store of an entry: a plain one */
    SIM_PLAIN,             /**< a compare-exchange of an entry: it does not compare */
    SIM_UNFINISHED,        /**< cache operation: not followed by a DSB */
    SIM_DATA_ONLY,         /**< code sync: only cleans the data cache */
    SIM_INSTRUCTIONS_ONLY, /**< code sync: only invalidates the instruction cache */
    SIM_TWO_WRITES,        /**< installation of a space: first the root, then the ASID */
    SIM_KEEPS_ASID,        /**< no space: walks are off, but the ASID stays the current one */
    SIM_OPEN_MONITOR,      /**< a compare-exchange that fails: no CLREX */
    SIM_WEAKNESSES,
};

/** The n-th operation from now on (1: the next) that can be made worse in that way is. */
void sim_weaken(unsigned n, enum sim_weakness how);
/** Whether that has happened; then *op is what was hit. Disarms the hook. */
bool sim_weakened(enum sim_op *op);
const char *sim_weakness_name(enum sim_weakness how);
const char *sim_op_name(enum sim_op op);

/* What the code under test says of its frames: called by the test's allocator */

/** The frame is going to be a table. */
void sim_table_taken(ash_pa_t table);
/** The frame is no table any more and may be used for something else (rule 4). */
void sim_table_given(ash_pa_t table);
/** The frames may be used for something else (rule 4). */
void sim_frames_freed(ash_pa_t pa, uint64_t size);

/** Somebody uses these addresses all the time: code that runs, its stack, vectors, a console, or
 *  what another CPU is at. No break-before-make may cover them (rule 8). */
void sim_in_use(uint64_t va, uint64_t size, const char *what);
/** The code edits tables through mappings with VA = PA: none may be made a hole while a table is
 *  edited that lies there (rule 8). Cleared by sim_start(). */
extern bool sim_identity;

/** The software bit in which the code under test keeps that a page was written, when it makes it
 *  read-only or clean (rule 6); 0 at sim_start(): none. */
extern uint64_t sim_written_bit;

/**
 * An operation has returned: this CPU relies on all that it has changed. Every store is visible,
 * whatever became stale is invalidated, and so on (rules 1, 3, 10, 12, 13, 33, 40, 42). Implied by
 * sim_translate(). Other CPUs' operations may be under way.
 */
void sim_rest(void);

/** Walks find every table that they can reach as it was written, but for bits that they ignore. */
bool sim_tables_seen(void);

/** Whoever takes no lock follows the pointer at `link` into that page of ordinary memory: what is
 *  there is complete, and a barrier (DMB ISH) made, before the pointer is stored (rule 2). */
void sim_watch_link(const void *link, const void *page);

/* Accesses through the TLB, by the CPU that the test is at. sim_read() and sim_write() return false
 * if the access faults; sim_fetch() gives the instruction word. Where the TLB may hold something
 * else than what the tables say, and that matters, a rule is broken. */

bool sim_read(uint64_t va, void *to, size_t size);
bool sim_write(uint64_t va, const void *from, size_t size);
bool sim_fetch(uint64_t va, uint32_t *instruction);
/** They are those of user mode; cleared by sim_start(). */
extern bool sim_user;
/** The translation that such an access uses: access as in sim_translate(). */
struct sim_answer sim_access(uint64_t va, unsigned access);

/* Devices, which see memory behind the data cache */

void sim_device_read(ash_pa_t pa, void *to, size_t size);
void sim_device_write(ash_pa_t pa, const void *from, size_t size);
/** This CPU learns (reads a status register, or an uncached word) that the device has finished:
 *  until a barrier, loads of what the device wrote may have been made before. */
void sim_device_done(void);
/** This CPU tells the device to start: what it wrote without a barrier since, to uncached memory or
 *  for a device that looks into the caches, is not there yet. */
void sim_device_start(void);
/** Devices look into the caches; cleared by sim_start(). */
extern bool sim_coherent_devices;

/** Walks look into the data cache (ID_MMFR3.CohWalk); set by sim_start(). */
extern bool sim_coherent_walks;

/** The CPU's MMU and caches are off, and the cache holds lines of `size` bytes from pa on which
 *  somebody left there, some of them dirty. Stores bypass the cache from here on. */
void sim_mmu_off(ash_pa_t pa, uint64_t size);
/** MMU and caches go on, with the translation registers as they are (rules 2, 19, 39). */
void sim_mmu_on(void);
/** ACTLR.SMP or CPUECTLR.SMPEN of this CPU; set at start. */
void sim_set_smp(bool set);

/* Exclusives, as the port's atomic operations use them */

uint64_t sim_load_exclusive(const void *word, size_t size);
/** False if the monitor is not open for that word, and, by the seed, sometimes for no reason. */
bool sim_store_exclusive(void *word, uint64_t value, size_t size);
void sim_clear_exclusive(void);
/** Returning from an exception on an ARMv7 processor: the monitor must be closed (rule 40). */
void sim_exception_return(void);
/** A compare-exchange of this word relies on nothing else having been there since this CPU loaded
 *  it (port_load_acquire): pointers without a tag, for example (rule 40). */
void sim_watch(const void *word);
/** The word that was last stored with release order (port_store_release), or NULL. */
extern const void *sim_released;

#endif
