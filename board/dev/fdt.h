/* SPDX-License-Identifier: MIT */
/*
 * A reader of flattened device trees (Devicetree Specification v0.4, chapter 5).
 *
 * Early code: runs with the MMU off, reads the blob byte by byte, calls nothing. It never writes,
 * allocates, recurses or trusts: fdt_open() checks the whole blob once, and every later step
 * checks its offsets again, so that a corrupted tree yields an error or "not there" and nothing
 * else.
 */
#ifndef BOARD_DEV_FDT_H
#define BOARD_DEV_FDT_H

#include "ashlar/errors.h"
#include "ashlar/types.h"

/** Levels of nodes that the reader follows, the root included. */
#define FDT_LEVELS 16
/** Bytes of the smallest header that is read. */
#define FDT_HEADER_BYTES 40u

/** A blob that fdt_open() has checked. Offsets are from its start. */
struct fdt {
    const uint8_t *blob;
    uint32_t size;         /**< totalsize of the header */
    uint32_t used;         /**< end of the last block: the rest of the blob is slack */
    uint32_t reservations; /**< memory reservation block */
    uint32_t structure, structure_end;
    uint32_t strings, strings_end; /**< up to the last terminator */
};

/** One property. bytes points into the blob and is not aligned in any way that matters here. */
struct fdt_value {
    const char *name;
    const uint8_t *bytes;
    uint32_t size;
};

/** A node on the way from the root to the current one. */
struct fdt_level {
    uint32_t properties;    /**< offset of what follows the node's name */
    const char *name;       /**< with its unit address; "" for the root */
    uint32_t address_cells; /**< of the children's reg */
    uint32_t size_cells;
    uint32_t interrupt_parent; /**< phandle, inherited; 0 if none */
};

/** A position: a node with all its ancestors. level[depth] is the node itself, level[0] the root.
 */
struct fdt_walk {
    const struct fdt *tree;
    uint32_t next; /**< offset of the next token */
    unsigned depth;
    bool started;
    struct fdt_level level[FDT_LEVELS];
};

/**
 * Checks the header, the blocks and every token of the blob, of which `room` bytes may be read.
 * ASH_EBADTREE if anything is wrong; *tree is then not filled.
 * Cost: linear in the size of the structure block.
 */
int fdt_open(struct fdt *tree, const void *blob, uint64_t room);

/** The n-th entry of the memory reservation block; false past the last. */
bool fdt_reservation(const struct fdt *tree, unsigned n, struct ash_range *range);

/** Puts the walk before the root. */
void fdt_walk_start(struct fdt_walk *walk, const struct fdt *tree);
/** Goes to the next node in the order of the blob (parents first); false at the end. */
bool fdt_walk_next(struct fdt_walk *walk);
/** Passes over the descendants of the current node; the next step goes to what follows them. */
void fdt_walk_skip(struct fdt_walk *walk);
/** Puts the walk on the node with this phandle; false if there is none. */
bool fdt_walk_phandle(struct fdt_walk *walk, const struct fdt *tree, uint32_t phandle);
/**
 * Puts the walk on the node of an absolute path, ended by '\0' or ':' (stdout-path); a component
 * without a unit address finds the first node of that name. false if there is none.
 */
bool fdt_walk_path(struct fdt_walk *walk, const struct fdt *tree, const char *path);
/** The same for a path that starts with a name of /aliases instead of '/'. */
bool fdt_walk_alias(struct fdt_walk *walk, const struct fdt *tree, const char *path);

/** The node that the walk is on. */
static inline const struct fdt_level *fdt_here(const struct fdt_walk *walk)
{
    return &walk->level[walk->depth];
}

/** The property at *cursor of the current node (start with fdt_here()->properties), and on. */
bool fdt_value_next(const struct fdt *tree, uint32_t *cursor, struct fdt_value *value);
/** The property `name` of the current node. */
bool fdt_value_find(const struct fdt_walk *walk, const char *name, struct fdt_value *value);
/** The n-th 32-bit cell of a property; false past its end. */
bool fdt_value_cell(const struct fdt_value *value, uint32_t n, uint32_t *cell);
/** The property as one terminated string without zeroes inside, or NULL. */
const char *fdt_value_string(const struct fdt_value *value);
/** True if the property, a list of strings, holds `text`. */
bool fdt_value_lists(const struct fdt_value *value, const char *text);

/** True if the current node's property is exactly the string `text`. */
bool fdt_is(const struct fdt_walk *walk, const char *property, const char *text);
/** True if the current node is compatible with `text`. */
bool fdt_compatible(const struct fdt_walk *walk, const char *text);
/** True if the name of the ancestor at `depth` (or of the current node) is `name`, but for its
 *  unit address. */
bool fdt_named(const struct fdt_walk *walk, unsigned depth, const char *name);

/**
 * The n-th entry of the current node's reg, as its parent addresses it.
 * Errors: ASH_ENOENT (no reg, or no n-th entry), ASH_EBADTREE (reg is not a multiple of its
 * cells), ASH_ERANGE (more than two cells, so not an address of 64 bits).
 */
int fdt_reg_local(const struct fdt_walk *walk, uint32_t n, struct ash_range *range);
/**
 * The same as a physical address: translated through the ranges of every bus up to the root.
 * Also ASH_ERANGE if a bus on the way does not translate it (or has no ranges), or it wraps.
 */
int fdt_reg(const struct fdt_walk *walk, uint32_t n, struct ash_range *range);

#endif
