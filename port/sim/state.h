/* SPDX-License-Identifier: MIT */
/*
 * What the files of the simulated machine share. Tests include sim.h and hostile.h only.
 *
 *   memory.c     banks of RAM, what the port does with page contents
 *   operations.c the port's operations: counted, made worse, handed on
 *   translate.c  what the manual says that tables mean
 *   rules.c      what a descriptor may be, and how it may change
 *   trees.c      tables that walks can reach
 *   tables.c     each store to one of them
 *   posted.c     stores to tables that walks may not see yet
 *   hardware.c   what walks write into tables
 *   tlb.c        what TLBs and walk caches may still hold
 *   cache.c      data and instruction caches, devices
 *   access.c     loads, stores and fetches by virtual address
 *   cpus.c       several CPUs
 *   publish.c    pointers to ordinary memory
 *   exclusive.c  exclusive accesses, and the atomic operations made of them
 *   verdict.c    how a run ends
 */
#ifndef ASHLAR_PORT_SIM_STATE_H
#define ASHLAR_PORT_SIM_STATE_H

#include "port/sim/hostile.h"

#define SIM_LINE    64u /* bytes of a line, as the caches of hostile frames see it */
#define SIM_LINES   (ASH_PAGE_SIZE / SIM_LINE)
#define SIM_ENTRIES 512u

/* What differs when two mappings of one frame do not match. */
enum sim_memory { SIM_CACHEABLE, SIM_UNCACHED, SIM_DEVICE, SIM_MEMORIES };

enum sim_use {
    SIM_USE_DATA,
    SIM_USE_FRESH, /* will be a table, no walk reaches it yet */
    SIM_USE_TABLE, /* walks reach it */
};

/* 4 KiB of RAM. */
struct sim_frame {
    uint64_t va;                 /* table: first address that it translates */
    uint64_t *parent;            /* table: the entry that links it; NULL for a root */
    uint32_t live[SIM_MEMORIES]; /* mappings of it that walks can reach */
    uint32_t live_user;          /* of these, for user mode */
    uint8_t use, level, tree;
    uint64_t absent;  /* lines that cannot be in the data cache */
    uint64_t dirty;   /* lines that were written by address */
    uint64_t arrived; /* lines that a device wrote since the CPU's last invalidation */
    uint64_t posted;  /* lines written through an uncached mapping, not yet behind a DSB SY */
    uint64_t code;    /* lines written since the instruction cache was last synchronised */
    uint64_t old;     /* MMU off: lines that the cache may hold older contents of */
};

/* RAM. What is larger than SIM_POISON_MAX has no frames, and nothing about it is checked. */
struct sim_bank {
    uint64_t base;
    size_t bytes;
    unsigned char *memory;    /* as CPUs see it */
    unsigned char *seen;      /* as table walks (of tables) and devices (of data) see it */
    struct sim_frame *frames; /* NULL: not checked */
};
extern struct sim_bank sim_banks[SIM_BANKS];
extern unsigned sim_bank_count;

/* A place in RAM. */
struct sim_spot {
    struct sim_bank *bank;
    size_t offset;
};
bool sim_spot_of(const void *pointer, struct sim_spot *spot);
bool sim_spot_at(uint64_t pa, struct sim_spot *spot);
/* The frame there, or NULL if it is not checked. */
static inline struct sim_frame *sim_spot_frame(const struct sim_spot *spot)
{
    return spot->bank->frames == NULL ? NULL : &spot->bank->frames[spot->offset / ASH_PAGE_SIZE];
}
static inline uint64_t *sim_spot_memory(const struct sim_spot *spot)
{
    return (uint64_t *)(spot->bank->memory + spot->offset);
}
/* The physical address of a pointer, or the pointer itself when it is not into RAM. */
uint64_t sim_address_of(const void *pointer);

/* Trees: tables below one root. */
#define SIM_TREES 64u
struct sim_tree {
    bool used;
    uint64_t root;
    enum sim_format format;
    unsigned va_bits, half;
    uint64_t mair;
    unsigned asid;
    /* Walks of it may be cached under any ASID: it maps something global, or was installed (TTBR0)
     * while the ASID changed. */
    bool any_asid;
    uint8_t installed; /* CPUs that walk it now */
    uint8_t cpus;      /* CPUs whose TLBs may hold something of it */
};
extern struct sim_tree sim_trees[SIM_TREES];

static inline unsigned sim_shift(unsigned level)
{
    return 39 - 9 * level;
}

/* rules.c: the rule that a valid descriptor breaks by itself, with the reason; 0: none. */
unsigned sim_rule_of(const struct sim_tree *tree, unsigned level, uint64_t descriptor,
                     const char **why);
/* A table descriptor at this level? */
static inline bool sim_is_link(uint64_t descriptor, unsigned level)
{
    return level < 3 && (descriptor & 3) == 3;
}
static inline bool sim_is_valid(uint64_t descriptor)
{
    return (descriptor & 1) != 0;
}
static inline uint64_t sim_output(uint64_t descriptor, unsigned level)
{
    return descriptor & 0x0000ffffffffffff & ~((UINT64_C(1) << sim_shift(level)) - 1);
}
/* What must not differ between a translation in use and another of the same address. NULL: they may
 * stand side by side. */
const char *sim_clash(uint64_t old, uint64_t new, unsigned level);
/* Nothing that a TLB or walk cache keeps differs. */
bool sim_same(uint64_t old, uint64_t new, unsigned level);
enum sim_memory sim_memory_of(uint64_t mair, uint64_t descriptor);
bool sim_is_executable(const struct sim_tree *tree, uint64_t descriptor);
/* For user mode, as the descriptor says. */
bool sim_is_user(uint64_t descriptor);

/* trees.c */
void sim_trees_start(void);
/* The lowest address that the root of the tree translates. */
uint64_t sim_tree_base(const struct sim_tree *tree);
/* Entries that a table at this level has: the root may have fewer than 512. */
unsigned sim_tree_entries(const struct sim_tree *tree, unsigned level);
/* The table that a link leads to, or false if its frame is not checked. */
bool sim_tree_table(uint64_t link, struct sim_spot *page);
/* Stops if the descriptor breaks a rule by itself. */
void sim_tree_judge(const struct sim_tree *tree, unsigned level, uint64_t va, uint64_t descriptor);
/* Walks reach this page or block from now on; or no walk that begins now does. */
void sim_tree_map(struct sim_tree *tree, unsigned level, uint64_t leaf);
void sim_tree_unmap(struct sim_tree *tree, unsigned level, uint64_t va, uint64_t leaf);
/* How what a table holds has become visible when walks begin to reach it. */
enum sim_order {
    SIM_ORDER_FORCED,   /* the test says so */
    SIM_ORDER_RELEASED, /* by the release of the store that links it */
    SIM_ORDER_NONE,     /* it has to be visible already */
};
/* The same for the table at this level and all below it. */
void sim_tree_adopt(struct sim_tree *tree, unsigned level, const struct sim_spot *page, uint64_t va,
                    uint64_t *parent, enum sim_order order);
void sim_tree_drop(struct sim_tree *tree, unsigned level, const struct sim_spot *page, uint64_t va);
/* Notices what the test, or an installation (checked), changed in this CPU's registers. */
void sim_tables_sync(bool checked);

/* tables.c */
void sim_tables_start(void);
/* A store to the entry is on its way: what the hardware still does before it. */
void sim_tables_before(const struct sim_spot *spot, uint64_t *entry);
void sim_tables_store(const struct sim_spot *spot, uint64_t *entry, uint64_t value, bool release);
/* The table is about to be overwritten other than by storing entries. */
void sim_tables_overwrite(struct sim_frame *frame, const struct sim_spot *page);
/* An address of which somebody's changes are not in force yet: the rule, or 0. */
unsigned sim_tables_pending(uint64_t va);
void sim_tables_rest(void);

/* posted.c: stores to tables that walks may not see yet */
void sim_posted_start(void);
/* rule: what is broken if this CPU relies on it too early, or 0. */
void sim_posted_store(const struct sim_spot *spot, uint64_t *entry, uint64_t va, uint64_t size,
                      unsigned rule);
void sim_posted_fresh(const struct sim_spot *page);
/* A DSB of this CPU. Those whose changes are now visible need an ISB of it (isb_due). */
void sim_posted_visible(bool nsh);
/* Something that this CPU stored, and that matters, is not visible yet. */
bool sim_posted_any(void);
unsigned sim_posted_covers(uint64_t va);
void sim_posted_rest(void);

/* tlb.c */
void sim_tlb_start(void);
/* This entry is being stored; then: by that, `descriptor`, which translates va, is gone from the
 * tree, being the entry itself or below it. */
void sim_tlb_store(const struct sim_spot *spot, unsigned level);
void sim_tlb_retire(const struct sim_tree *tree, unsigned level, uint64_t va, uint64_t descriptor);
/* The tree is not walked by this CPU any more, but its TLB keeps what it has of it; or again. */
void sim_tlb_leave(struct sim_tree *tree);
void sim_tlb_enter(struct sim_tree *tree);
void sim_tlb_forget_tree(const struct sim_tree *tree);
/* Stops if the tree is walked, or was and TLBs were not cleared of it. */
void sim_tlb_tree_held(const struct sim_tree *tree, const char *what);
/* Stops if a new descriptor clashes with what some TLB may hold. */
void sim_tlb_conflict(const struct sim_tree *tree, unsigned level, uint64_t va, uint64_t new);
void sim_tlb_invalidate(enum sim_op op, uint64_t va, uint64_t size, unsigned asid, bool local);
/* A DSB of this CPU: stores before it are visible; all: TLBIs are complete. */
void sim_tlb_barrier(bool nsh, bool all);
void sim_tlb_isb(void);
void sim_tlb_rest(void);
/* The table frame may be walked, or [pa, pa + size) reached, by what a TLB holds: stops. */
void sim_tlb_table_given(uint64_t table);
void sim_tlb_frames_freed(uint64_t pa, uint64_t size);
/* Stops if this CPU's TLB may translate va otherwise than `answer` says. */
void sim_tlb_check(uint64_t va, unsigned access, const struct sim_answer *answer);
/* A cacheable mapping of the frame may be in a TLB. */
bool sim_tlb_cacheable(uint64_t pa);

/* hardware.c: access flag and dirty state */
void sim_hardware_start(void);
/* An access that was translated so. */
void sim_hardware_access(const struct sim_answer *answer, uint64_t va, unsigned access);
/* Somebody accesses, at the last moment, what this entry maps: it is about to be changed, or its
 * table unlinked. */
void sim_hardware_last(const struct sim_tree *tree, unsigned level, uint64_t va, uint64_t *entry);
/* The code under test has read the entry; or has changed it, knowing what it has read. */
void sim_hardware_seen(const uint64_t *entry);
void sim_hardware_changed(const uint64_t *entry);
void sim_hardware_rest(void);

/* publish.c: a barrier of this CPU; and whatever may come after a store of the link */
void sim_publish_start(void);
void sim_publish_barrier(void);
void sim_publish_check(void);

/* cache.c */
void sim_cache_start(void);
/* Walks reach (1) or reach no more (-1) a mapping of this physical memory. */
void sim_cache_mapped(uint64_t pa, uint64_t size, enum sim_memory memory, bool user, int change);
/* Programs may fetch instructions there from now on, nobody knows when (rule 36). */
void sim_cache_user_code(uint64_t pa, uint64_t size);
void sim_cache_operation(enum sim_op op, const void *start, size_t size, enum sim_weakness how);
/* A DSB of this CPU completes its maintenance. */
void sim_cache_complete(void);
/* DMB SY or DSB SY of this CPU. */
void sim_cache_barrier(bool dsb);
/* Accesses of this CPU by address; a store: before and after (done). */
void sim_cache_read(const struct sim_spot *spot, size_t size, enum sim_memory memory);
void sim_cache_write(const struct sim_spot *spot, size_t size, enum sim_memory memory, bool done);
void sim_cache_fetch(const struct sim_spot *spot);
/* Before and after the port has written to memory by a pointer. */
void sim_cache_bulk(const void *to, size_t size, bool done);
/** Before the port copies from there: what the cache holds is not older than memory. */
void sim_cache_bulk_read(const void *from, size_t size);
/* A store with the MMU off; it does not leave its page. */
void sim_cache_early_store(const struct sim_spot *spot, size_t size);

/* One step of a translation: a walk's rest, from the table at this level on. */
struct sim_answer sim_walk_from(const struct sim_tree *tree, uint64_t table, unsigned level,
                                uint64_t va, unsigned access);
struct sim_answer sim_walk_leaf(const struct sim_tree *tree, uint64_t descriptor, unsigned level,
                                uint64_t va, unsigned access);

/* cpus.c */
struct sim_cpu_state {
    struct sim_regime regime;
    struct sim_regime known; /* as sim_tables_sync() saw it last */
    bool irq_masked;
    bool isb_due;    /* a new entry is visible, and no ISB followed */
    bool branch_due; /* code was mapped, and BPIALL did not follow */
    bool branch_flight;
    bool device_done; /* it knows that a device has finished, and no barrier followed */
    bool unordered;   /* it wrote what a device may read, and no barrier followed */
    bool mmu_off, no_smp;
    const void *monitor;
};
extern struct sim_cpu_state sim_cpu_states[SIM_CPUS];
extern unsigned sim_cpu_count;
static inline struct sim_cpu_state *sim_this(void)
{
    return &sim_cpu_states[sim_cpu];
}
static inline uint8_t sim_cpu_bit(void)
{
    return (uint8_t)(1u << sim_cpu);
}
void sim_cpus_start(void);
/* Another CPU may go on here, or an interrupt come. */
extern bool sim_stepping;
extern unsigned sim_moments;
void sim_switch(bool waiting);
void sim_moment(void);
static inline void sim_let_in(void)
{
    if (sim_moments != 0) {
        sim_moment();
    }
}
static inline void sim_step(void)
{
    sim_let_in();
    if (sim_stepping) {
        sim_switch(false);
    }
}

/* exclusive.c */
void sim_exclusive_start(void);
/* An explicit access: none may be made while the monitor is open (rule 40). */
void sim_explicit_failed(void);
static inline void sim_explicit_access(void)
{
    if (sim_this()->monitor != NULL) {
        sim_explicit_failed();
    }
}
void sim_exclusive_rest(void);
bool sim_exchange64(uint64_t *word, uint64_t *expected, uint64_t value);
/* A load or a store of what may be watched. */
void sim_watch_load(const void *word);
void sim_watch_store(const void *word);

/* verdict.c */
_Noreturn void sim_broken(unsigned rule, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* In a run whose end is watched: leaves it. */
extern struct sim_verdict *sim_watched;
_Noreturn void sim_leave(void);
uint32_t sim_seed_of_run(void);
uint32_t sim_random(void);

/* operations.c */
void sim_operations_start(void);
/* How this operation is to be made worse; all_asids: it is of that form. */
enum sim_weakness sim_made_worse(enum sim_op op, bool all_asids);
void sim_record(enum sim_op op, uint64_t address, uint64_t value, unsigned asid);

#endif
