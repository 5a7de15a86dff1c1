/* SPDX-License-Identifier: MIT */
/*
 * Random operations on a translation map of the simulated machine, each compared with the shadow
 * (shadow.h), with what the machine's own walk finds and with what the interface promises. What
 * differs is a finding: it ends the run by way of soak_fail().
 *
 * The choices come from a seed, or from the bytes of a fuzzer's input: the same code either way.
 */
#ifndef ASHLAR_FUZZ_SOAK_H
#define ASHLAR_FUZZ_SOAK_H

#include "port/sim/hostile.h"
#include "tests/fuzz/shadow.h"

/* Choices */

struct soak_source {
    const uint8_t *bytes; /* NULL: random numbers */
    size_t left;
    uint64_t state;
    bool over; /* no bytes are left: every further choice is 0 */
};

void soak_seed(struct soak_source *source, uint64_t seed);
void soak_bytes(struct soak_source *source, const uint8_t *bytes, size_t size);
/** 0 to n - 1. */
uint64_t soak_draw(struct soak_source *source, uint64_t n);
/** True once in n times. */
bool soak_once_in(struct soak_source *source, unsigned n);

/* Maps */

/** What is counted apart: a descriptor format and the level at which its walks start. */
struct soak_format {
    const char *name;
    enum sim_format sim;
    unsigned start;        /* level of the root */
    unsigned output_bits;  /* of a physical address */
    uint64_t tables;       /* physical address of the table frames */
    const unsigned *sizes; /* log2 of the bytes of its maps, 0 ends; the first is the usual one */
};

#define SOAK_FORMATS 4u
extern const struct soak_format soak_formats[SOAK_FORMATS];

#define SOAK_FRAMES 56u /* for tables */

enum soak_verb {
    SOAK_MAP,
    SOAK_UNMAP,
    SOAK_PROTECT,
    SOAK_MERGE,
    SOAK_HARVEST,
    SOAK_TOUCH,
    SOAK_QUERY,
    SOAK_WALK,
    SOAK_NEEDED, /* tables_needed */
    SOAK_REMAP_ZONE,
    SOAK_OPEN_ZONE,
    SOAK_FREEZE,
    SOAK_ASID,
    SOAK_SET_TABLES,
    SOAK_PUBLISH,
    SOAK_REPORT, /* dump, dump_raw, explain */
    SOAK_DAMAGE, /* verify must notice what is wrong */
    SOAK_RENEW,  /* destroy and init */
    SOAK_VERBS,
};

struct soak_step {
    enum soak_verb verb;
    uint64_t page, pages; /* counted from the map's base */
    uint64_t frame;
    ash_mmu_attr_t attr;
    ash_va_t va; /* the arguments themselves, which may be bad */
    uint64_t size;
    ash_pa_t pa;
    int bad;          /* what they must give then, or 0 */
    unsigned fail_at; /* the n-th table cannot be had; 0: none fails */
    unsigned detail;  /* a choice of the verb's own */
    unsigned crowd;   /* other CPUs use the map meanwhile, by this seed; 0: they do not */
};

/** What happened, of one format. */
struct soak_counts {
    uint64_t steps, changed;
    uint64_t errors;           /* steps that had to fail, and did */
    uint64_t failures;         /* ... because a table could not be had */
    uint64_t verb[SOAK_VERBS]; /* of SOAK_RENEW, which is no step: the maps */
};

#define SOAK_HISTORY 16u

/** One map in its life from init to destroy, and the machine that it is on. */
struct soak {
    struct soak_source source;
    const struct soak_format *format;
    uint64_t seed;   /* of this session; 0: of a fuzzer's input */
    uint64_t number; /* of steps in it so far */
    uint64_t before; /* steps of the sessions before it */
    struct ash_mmu map;
    struct ash_mmu_config config;
    unsigned asid;
    struct shadow *shadow, *next; /* what is, and what a step makes of it */
    struct shadow *scratch;
    uint64_t focus[4]; /* pages near which it happens */
    bool live;         /* published: the machine may walk it */
    unsigned cpus;     /* that have it installed when it is live */
    bool ranges;       /* the processor invalidates ranges */
    /* Table frames */
    bool used[SOAK_FRAMES];
    bool first_free; /* given back is taken again at once; otherwise as late as possible */
    unsigned last;   /* taken */
    unsigned in_use;
    unsigned takes;   /* calls of take in this step */
    unsigned fail_at; /* counts down to the one that fails */
    unsigned pool;    /* which of two contexts take and give must be called with */
    struct soak_counts *counts;
    struct soak_step history[SOAK_HISTORY];
};

/** Begins a session: a fresh machine, a new map. */
void soak_start(struct soak *soak, const struct soak_format *format, struct soak_counts *counts);
/** Ends it: everything that the map held comes back. */
void soak_end(struct soak *soak);

/** Chooses what to do next. On SOAK_RENEW it is up to the caller to end the session. */
void soak_choose(struct soak *soak, struct soak_step *step);
/** Does it, and checks what came of it. */
void soak_perform(struct soak *soak, const struct soak_step *step);
/** Performs it with the n-th table failing for every n, then with none. */
void soak_perform_failing(struct soak *soak, const struct soak_step *step);

/** Session by session until `steps` steps are done; the format may change with each. */
void soak_run(struct soak *soak, uint64_t seed, uint64_t steps, unsigned formats,
              struct soak_counts *counts);

/** Prints what was done, a line or two for each format. */
void soak_print_counts(const struct soak_counts counts[SOAK_FORMATS]);

/** The verbs' names. */
extern const char *const soak_verbs[SOAK_VERBS];

/** Tells of a finding with the seed and the last steps, and does not return. */
_Noreturn void soak_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** What soak_fail() ends in after it has printed; abort() unless a test sets it. */
extern void (*soak_failed)(void);
/** Prints the session, once: how to see it again. For reports of others, too. */
void soak_print_session(void);

#define SOAK_CHECK(condition)                                                                      \
    ((condition) ? (void)0 : soak_fail("%s:%d: %s", __FILE__, __LINE__, #condition))
#define SOAK_SAME(found, wanted)                                                                   \
    ((uint64_t)(found) == (uint64_t)(wanted)                                                       \
         ? (void)0                                                                                 \
         : soak_fail("%s:%d: %s is %#llx, not %#llx", __FILE__, __LINE__, #found,                  \
                     (unsigned long long)(found), (unsigned long long)(wanted)))

#endif
