/* SPDX-License-Identifier: MIT */
/*
 * Translation tables: map, unmap, protect, query, walk, dump, verify.
 *
 * `mmu` takes no lock (the caller holds the map's) and knows no allocator (tables come from the
 * injected take and give). Every operation has two phases: prepare checks everything and takes the
 * tables it needs; commit cannot fail. On an error nothing has changed.
 *
 * Of all functions, unless said otherwise. Addresses and sizes are multiples of 4 KiB, sizes are
 * in bytes and not 0, ranges are [va, va + size) and lie inside the map, whose end may be the end
 * of the address space. Errors of arguments: ASH_EINVAL (size 0, unknown attribute bits), ASH_EPERM
 * (attributes that no mapping may have), ASH_EALIGN, ASH_ERANGE (wraps, outside the map, physical
 * address beyond what the format reaches).
 * Context: any in which the map's lock may be held; interrupts need not be masked; MMU on or off.
 * Cost: linear in the entries that the range touches, never in how much is mapped.
 * Barriers: when a function returns, every CPU's next access uses the new translations: DSB ISHST,
 * invalidation, branch predictors if code is concerned, DSB ISH, ISB are done. Caches of the
 * *contents* are the caller's business (before memory becomes uncached: clean and invalidate).
 */
#ifndef ASHLAR_MMU_H
#define ASHLAR_MMU_H

#include "errors.h"
#include "print.h"
#include "types.h"

/** What a mapping is: one memory type and the accesses allowed. Reading is always allowed. */
typedef uint32_t ash_mmu_attr_t;

#define ASH_MMU_NORMAL    0x000u /**< write-back cacheable, inner shareable */
#define ASH_MMU_UNCACHED  0x100u /**< Normal non-cacheable (write-combining) */
#define ASH_MMU_DEVICE    0x200u /**< Device-nGnRE; never executable */
#define ASH_MMU_STRICT    0x300u /**< Device-nGnRnE; never executable */
#define ASH_MMU_TYPE_MASK 0x300u

#define ASH_MMU_WRITE 0x01u
#define ASH_MMU_EXEC  0x02u /**< by the privilege level that owns the page; not with WRITE */
#define ASH_MMU_USER  0x04u /**< for unprivileged code; then privileged code never executes it */
#define ASH_MMU_PAGES 0x10u /**< map: 4 KiB pages only, never blocks */
/** With EXEC: indirect branches into it must land where the compiler marked a target (FEAT_BTI).
 *  Kept by the AArch64 format alone; the bit is reserved on processors without the feature. */
#define ASH_MMU_GUARDED 0x20u
/** What has happened to a page or block since it was mapped so: only in maps that track it. */
#define ASH_MMU_OLD   0x40u /**< not accessed: the first access is noted */
#define ASH_MMU_CLEAN 0x80u /**< with WRITE: not written; the first write is noted */

/** The memory attribute registers that the types above need: attribute 0 is 0xFF (Normal,
 *  write-back, read- and write-allocate), 1 is 0x44, 2 is 0x04, 3 is 0x00 (DDI 0487 MAIR_EL1). */
#define ASH_MMU_MAIR0 0x000444ffu
#define ASH_MMU_MAIR1 0x00000000u

/** Constant data per descriptor format. Both have 4 KiB pages and 9 bits a level. */
struct ash_mmu_format;
/** AArch32 long descriptors (VMSAv8-32, ARMv7 with LPAE): maps of 25 to 32 bits. Up to 30 bits the
 *  walk starts at level 2, above at level 1. Output addresses of 40 bits. */
extern const struct ash_mmu_format ash_mmu_format_lpae;
/** AArch64 (VMSAv8-64): maps of 25 to 48 bits, output addresses of 48. */
extern const struct ash_mmu_format ash_mmu_format_a64;

/** Where tables come from. take gives one zeroed 4 KiB frame that is directly mapped (port_ptr),
 * and returns 0 or an error, which the operation then returns. It is called only while preparing;
 * give is called after the invalidation has completed, with a frame that is all zero again. Both
 * are called with the map's lock held. */
struct ash_mmu_tables {
    int (*take)(void *context, ash_pa_t *table);
    void (*give)(void *context, ash_pa_t table);
    void *context;
};

struct ash_mmu_config {
    const struct ash_mmu_format *format; /**< NULL: that of the processor this is built for */
    /** Lowest address: 0 (TTBR0), or the top 2^va_bits bytes of the address space (TTBR1). */
    ash_va_t base;
    unsigned va_bits; /**< the map covers 2^va_bits bytes: 32 - TxSZ (AArch32), 64 - TxSZ */
    bool global;      /**< true: entries are global (firmware); false: nG=1, under `asid` */
    unsigned asid;    /**< of a map that is not global; not 0, the ASID of no space */
    /** The MMU is off while the map is built: nothing is invalidated in TLBs, and the lines of each
     *  table are invalidated in the cache. Ends with ash_mmu_publish(). */
    bool early;
    /** Table walks do not look into the data cache (ID_MMFR3.CohWalk = 0): every entry written is
     *  cleaned before it is relied on. */
    bool incoherent;
    /** OLD and CLEAN may be used. By the processor if `updates`, else by faults: see
     *  ash_mmu_touch(). */
    bool track;
    /** With track: the processor sets access flags and dirty state in this map's entries, which are
     *  then changed by compare-exchange. Must be set where port_updates() is not 0 (FEAT_HAFDBS is
     *  on: what the processor notes behind a plain store would be lost); not while early. */
    bool updates;
    /** Runs of 16 aligned pages or blocks that are neither OLD nor CLEAN carry the contiguous hint,
     *  so a TLB may hold them in one entry. To change a part of such a run is break-before-make of
     *  the whole: like a block's, its pages fault for a moment. Not in remap zones. Some cores have
     *  errata. */
    bool contiguous;
    /** A mapping that fills a table tries to merge it, as ash_mmu_merge() does, unless it has
     *  ASH_MMU_PAGES or the map is frozen. The neighbours in the same 2 MiB or 1 GiB then fault for
     * a moment. */
    bool merge;
    struct ash_mmu_tables tables;
};

/** What happened so far. Invalidations are counted as issued: one covers any number of CPUs. */
struct ash_mmu_counters {
    uint32_t tables;   /**< in use now, root included */
    uint32_t taken;    /**< in all, those given back unused included */
    uint32_t pages;    /**< invalidations of one address */
    uint32_t ranges;   /**< ... of a range of addresses, where the processor has that */
    uint32_t asids;    /**< ... of one ASID */
    uint32_t alls;     /**< ... of everything */
    uint32_t barriers; /**< barrier pairs: DSB before, DSB (if anything was invalidated) and ISB */
    uint32_t breaks;   /**< entries or runs of entries changed by break-before-make */
    uint32_t splits;   /**< blocks split */
    uint32_t merges;   /**< tables merged into a block */
};

/** Ranges of a map that remain changeable after ash_mmu_freeze(). */
#define ASH_MMU_ZONES 8
struct ash_mmu_zone {
    uintptr_t page;  /**< first page, counted from the map's base */
    uintptr_t pages; /**< number of them */
};

/** A map. Its fields are mmu's own; ash_mmu_init() sets them all. */
struct ash_mmu {
    const struct ash_mmu_format *format;
    uint64_t *root;
    ash_pa_t root_pa;
    ash_va_t base;
    uintptr_t pages; /* that the map covers */
    unsigned start;  /* level of the root */
    unsigned asid;
    uint32_t root_count; /* valid entries of the root */
    bool global, early, incoherent, frozen;
    bool track, updates, contiguous, merge;
    bool special; /* one of those */
    unsigned zone_count;
    struct ash_mmu_zone zone[ASH_MMU_ZONES];
    struct ash_mmu_tables tables;
    struct ash_mmu_counters counters;
};

/** One entry that maps memory: a page or a block. */
struct ash_mmu_mapping {
    ash_va_t va;         /**< first address of the page or block */
    ash_pa_t pa;         /**< where it leads */
    uint64_t size;       /**< 4 KiB, 2 MiB or 1 GiB */
    unsigned level;      /**< architectural level of the entry, 3 for pages */
    ash_mmu_attr_t attr; /**< type, WRITE, EXEC, USER, GUARDED, OLD, CLEAN */
    uint64_t descriptor; /**< as it stands in the table */
};

/** Sees one mapping; anything but 0 ends the walk, which returns it. It must not change the map. */
typedef int (*ash_mmu_visitor)(void *arg, const struct ash_mmu_mapping *mapping);

/** What ash_mmu_verify() found. */
struct ash_mmu_report {
    uint32_t tables;    /**< reached from the root, root included */
    uint64_t leaves[4]; /**< valid page and block entries, by level */
    uint64_t bytes;     /**< mapped */
    uint32_t errors;
    const char *what;    /**< the first error in words; NULL if there is none */
    ash_va_t va;         /**< where it is */
    unsigned level;      /**< of the table that holds the entry */
    uint64_t descriptor; /**< that entry */
};

/**
 * Makes an empty map: takes the root (a whole frame whatever its size, so that its alignment
 * holds). Errors: ASH_EINVAL (va_bits or base that the format does not allow, no take or give), or
 * what take returned.
 */
int ash_mmu_init(struct ash_mmu *map, const struct ash_mmu_config *config);

/**
 * Gives all tables back, mapped or not, zones included; cannot fail. No CPU has the map installed.
 * Cost: linear in the number of tables.
 * Barriers: stale translations are invalidated first (whole ASID, or everything).
 */
void ash_mmu_destroy(struct ash_mmu *map);

/** For TTBRn: the address of the root. */
ash_pa_t ash_mmu_root(const struct ash_mmu *map);

/** Replaces where tables come from and go to, from the next operation on. Tables that the old one
 *  gave go back to the new one. */
void ash_mmu_set_tables(struct ash_mmu *map, const struct ash_mmu_tables *tables);

/**
 * Ends the early phase: called with the MMU off, as the last thing before it is turned on.
 * Invalidates the cache lines of every table to PoC, so that neither walks nor later accesses meet
 * stale lines; from here on the map is treated as live. Barriers: DSB SY.
 */
void ash_mmu_publish(struct ash_mmu *map);

/**
 * Maps [va, va + size) to pa with the largest blocks that VA, PA and size allow.
 * Errors: arguments; ASH_EEXIST if any page of it is mapped already; what take returned.
 * Costs no TLB invalidation: entries that fault are not cached.
 */
int ash_mmu_map(struct ash_mmu *map, ash_va_t va, ash_pa_t pa, uint64_t size, ash_mmu_attr_t attr);

/** The number of tables that ash_mmu_map() with the same arguments would take, or its error. */
int ash_mmu_tables_needed(const struct ash_mmu *map, ash_va_t va, ash_pa_t pa, uint64_t size,
                          ash_mmu_attr_t attr, unsigned *tables);

/**
 * Unmaps the range. A block of which only a part goes is split (break-before-make of that block),
 * tables that become empty are given back.
 * Errors: arguments; ASH_ENOENT if any page of it is not mapped; ASH_EBUSY (frozen map); what take
 * returned for a split. Unmapping whole entries takes no table and so cannot run out of memory.
 */
int ash_mmu_unmap(struct ash_mmu *map, ash_va_t va, uint64_t size);

/**
 * Replaces type and access of the range, keeps where it leads. Access alone changes without a hole;
 * a change of type, or of a part of a block, goes by break-before-make: the entries (one table's at
 * a time) or the block fault for a moment, so nobody else may use them meanwhile.
 * ASH_MMU_PAGES is ignored.
 * Errors: arguments; ASH_ENOENT if any page of it is not mapped; ASH_EBUSY (frozen map); what take
 * returned for a split.
 */
int ash_mmu_protect(struct ash_mmu *map, ash_va_t va, uint64_t size, ash_mmu_attr_t attr);

/**
 * Makes all pages of the range lead elsewhere, with other attributes: the n-th to pa + n * step,
 * where step is 4 KiB, or 0: all to one page. First all of them become a hole, then all lead there,
 * so nobody sees a part of each; meanwhile they fault (see ash_space_retry()). What was noted of
 * accesses is lost. Takes no table. Errors: arguments; ASH_EINVAL (step); ASH_ENOENT if any page of
 * it is not mapped; ASH_EBUSY (frozen map, a block, or a run with the contiguous hint).
 */
int ash_mmu_repoint(struct ash_mmu *map, ash_va_t va, uint64_t size, ash_pa_t pa, uint64_t step,
                    ash_mmu_attr_t attr);

/**
 * For a fault in a map with `track` whose processor does not update it, and harmless otherwise:
 * notes an access, and a write if `write`, to the page or block that covers va (any alignment). 0:
 * the mapping lets it pass now. Whether it may is otherwise the caller's question.
 * Errors: ASH_ERANGE, ASH_ENOENT, ASH_EPERM (a write where WRITE is not given), ASH_EINVAL (a map
 * without `track`).
 */
int ash_mmu_touch(struct ash_mmu *map, ash_va_t va, bool write);

/**
 * Calls visitor for each page and block that touches the range and was accessed (not OLD) or
 * written (ash_mmu_written()), as it is found, and in the same atomic step makes it OLD and CLEAN
 * as `clear` says. What was written under a mapping that ash_mmu_protect() has made read-only since
 * is reported too, so to be sure of the last write: protect, then harvest. If clear has either,
 * runs with the contiguous hint lose it. Returns 0, or what the visitor returned: entries past that
 * one are untouched. Errors: arguments; ASH_EINVAL (other bits in clear, a map without `track`);
 * ASH_EBUSY (frozen map).
 */
int ash_mmu_harvest(struct ash_mmu *map, ash_va_t va, uint64_t size, ash_mmu_attr_t clear,
                    ash_mmu_visitor visitor, void *arg);

/**
 * Replaces tables in the range by blocks where all 512 entries of a table form one, as far up as
 * possible; break-before-make of each, so nobody may use the range meanwhile. Remap zones keep
 * their pages. Cannot run out of memory. *merged (may be NULL) is the number of tables given back.
 * Errors: arguments; ASH_EBUSY (frozen map).
 */
int ash_mmu_merge(struct ash_mmu *map, ash_va_t va, uint64_t size, unsigned *merged);

/**
 * Registers a remap zone: the tables of the range are taken now and stay until destroy, so it is
 * always mapped by pages and never merged, and it is changeable after ash_mmu_freeze(). Registered
 * later than that, it makes changeable what was not: the caller answers for who uses it.
 * Errors: arguments; ASH_EEXIST if a block is mapped in the 2 MiB slots it touches, or a run with
 * the contiguous hint in the range; ASH_ENOMEM if there are ASH_MMU_ZONES zones already; what take
 * returned.
 */
int ash_mmu_remap_zone(struct ash_mmu *map, ash_va_t va, uint64_t size);

/**
 * Registers a range that is changeable after ash_mmu_freeze() and may hold blocks: the board's vmap
 * range. Takes no tables. Registered later than that: as above. Errors: arguments; ASH_ENOMEM
 * (ASH_MMU_ZONES).
 */
int ash_mmu_open_zone(struct ash_mmu *map, ash_va_t va, uint64_t size);

/**
 * From here on what is mapped outside the registered zones is immutable: unmap, protect, merge and
 * harvest with `clear` return ASH_EBUSY unless one zone holds the range, and all of the blocks and
 * of the runs with the contiguous hint of which it has a part. Mapping where nothing is mapped, and
 * ash_mmu_touch(), stay allowed; mappings do not merge by themselves any more.
 */
void ash_mmu_freeze(struct ash_mmu *map);

/** Gives a map that is not global another ASID, after the old one's entries were invalidated by
 *  whoever hands out ASIDs. The map is not installed. */
void ash_mmu_set_asid(struct ash_mmu *map, unsigned asid);

/**
 * The mapping that covers va (any alignment). The physical address of va itself is
 * mapping->pa + (va - mapping->va). Errors: ASH_ERANGE, ASH_ENOENT. Cost: one load a level.
 */
int ash_mmu_query(const struct ash_mmu *map, ash_va_t va, struct ash_mmu_mapping *mapping);

/** Whether a mapping that a map with `track` reported was written since it was last harvested, or
 *  may have been; also of one that is no longer writable. */
bool ash_mmu_written(const struct ash_mmu_mapping *mapping);

/**
 * Calls visitor for each page and block that touches the range, in ascending order; those at the
 * edges are reported whole. Empty parts are skipped at the cost of their entries.
 * Returns 0, what the visitor returned, or an error of arguments.
 */
int ash_mmu_walk(const struct ash_mmu *map, ash_va_t va, uint64_t size, ash_mmu_visitor visitor,
                 void *arg);

/** Prints every mapping for people: runs of like neighbours as one line, sizes of their entries. */
void ash_mmu_dump(const struct ash_mmu *map, ash_print_fn print);

/** The same runs for programs, one line each:
 *  `map VA PA SIZE LEVEL TYPE ACCESS`: hexadecimal with 0x, level in decimal, type normal,
 * uncached, device or strict, access `rwxu` with `-` for what is not allowed. A run has one level.
 */
void ash_mmu_dump_raw(const struct ash_mmu *map, ash_print_fn print);

/** Prints how va (any alignment) is translated: of each level the table, index, descriptor as it
 *  stands, and what it means. */
void ash_mmu_explain(const struct ash_mmu *map, ash_va_t va, ash_print_fn print);

/**
 * Checks the whole map: counts of valid entries, tables reached against tables in use, addresses
 * and types of descriptors, attributes that no mapping may have, largest blocks' alignment,
 * contiguous runs, and that no frame is mapped with two memory types (arm-rules 24).
 * report may be NULL. Returns 0 or ASH_ECORRUPT. Changes nothing. Cost: all entries of all tables,
 * and of all
 * mappings again for every 16 runs of neighbours that are not write-back memory.
 */
int ash_mmu_verify(const struct ash_mmu *map, struct ash_mmu_report *report);

/** "normal", "uncached", "device" or "strict". */
const char *ash_mmu_type_name(ash_mmu_attr_t attr);

#endif
