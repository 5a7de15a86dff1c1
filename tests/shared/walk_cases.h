/* SPDX-License-Identifier: MIT */
/*
 * Random translation tables and questions about them, the same on the host and on the target: the
 * simulated machine's walker and the hardware must give the same answers. Plain C without a
 * library.
 *
 * A set is two roots, with what lies below, and registers. Its tables grow while questions are
 * asked: the path of each address is laid out by chance where nothing is yet. Entries that were
 * laid never change within a set, so nothing need be invalidated until the next.
 */
#ifndef ASHLAR_SHARED_WALK_CASES_H
#define ASHLAR_SHARED_WALK_CASES_H

#include <stdbool.h>
#include <stdint.h>

#define WALK_SETS    2400u
#define WALK_QUERIES 24u /* of a set */
#define WALK_PAGES   20u

enum walk_format {
    WALK_LPAE,       /**< ARMv8 in AArch32 state */
    WALK_LPAE_ARMV7, /**< descriptors have 40 bits of address: nothing above can be wrong */
    WALK_A64,
    WALK_FORMATS,
};

/** Bits of output addresses: TCR.IPS in AArch64. */
#define WALK_OUTPUT_BITS 40u

/** What the user has: set before walk_begin(). */
struct walk_place {
    enum walk_format format;
    uint64_t *tables; /**< WALK_PAGES pages, 4 KiB each and aligned to that */
    uint64_t tables_pa;
    uint64_t code_pa; /**< of a function that does nothing, for questions whether a fetch works */
};

/** The registers of a set. */
struct walk_set {
    unsigned bits[2]; /**< of the addresses of each half: 32 - TxSZ, 64 - TxSZ */
    uint64_t root[2];
    bool epd1;
    /** The first entries of the lower root: no question is about them, so the user may put in what
     *  its own code needs. */
    uint64_t *low;
    unsigned low_count;
};

enum walk_access { WALK_READ, WALK_WRITE, WALK_FETCH, WALK_USER_READ, WALK_USER_WRITE };

struct walk_query {
    uint64_t va;
    enum walk_access access; /**< a fetch is privileged, and of code_pa if it works */
};

/** An answer: a translation, or the status of the fault (DDI 0487 D17.2.37 IFSC: type and level).
 */
struct walk_answer {
    bool ok;
    uint8_t status;
    uint8_t memory; /**< MAIR byte, of reads and writes */
    uint64_t pa;    /**< of reads and writes */
};

enum walk_category {
    WALK_TRANSLATED,
    WALK_FAULTED,
    WALK_LOWER, /**< translated, by TTBR0 */
    WALK_UPPER,
    WALK_FROM_0, /**< translated by a walk that starts at this level */
    WALK_FROM_1,
    WALK_FROM_2,
    WALK_BLOCK_1G,
    WALK_BLOCK_2M,
    WALK_PAGE_4K,
    WALK_CONTIGUOUS,
    WALK_AP_TABLE_USER, /**< APTable[0] on the way */
    WALK_AP_TABLE_WRITE,
    WALK_XN_TABLE,
    WALK_PXN_TABLE,
    WALK_EXECUTED,
    WALK_REFUSED, /**< readable, but not executable */
    WALK_GAP,     /**< an address of neither half, or walks of its half are off */
    WALK_CATEGORIES,
};

struct walk {
    struct walk_place place;
    struct walk_set set;
    uint64_t random;
    unsigned sets, queries; /* so far; queries: of this set */
    unsigned pages, laid;   /* taken in this set */
    uint64_t *log[512];     /* entries that were laid, to be cleared */
    uint8_t level_of[WALK_PAGES];
    struct walk_query query;
    uint64_t last;  /* address that was drawn */
    unsigned flags; /* categories that the path of the query has, if it translates */
    unsigned leaf;  /* level of the leaf that it ends at */
    bool gap, code; /* of neither half; it ends at the function */
    uint32_t crc;
    uint32_t count[WALK_CATEGORIES];
    uint32_t fault[64]; /* by status */
    uint32_t asked;
};

void walk_begin(struct walk *walk, const struct walk_place *place);
/** The next set, in walk->set; false at the end. */
bool walk_next_set(struct walk *walk);
/** The next question, in walk->query; false at the end of the set. */
bool walk_next_query(struct walk *walk);
/** The answer to it joins the checksum and the counts. */
void walk_answer(struct walk *walk, const struct walk_answer *answer);

const char *walk_format_name(enum walk_format format);
const char *walk_category_name(enum walk_category category);
/** "translation", "access flag", "permission", "address size", or NULL: none of these. */
const char *walk_fault_name(unsigned status);

#endif
