/* SPDX-License-Identifier: MIT */
/*
 * The reader of flattened device trees: checking a blob, walking its nodes and properties,
 * addresses and their translation. What properties mean to a board is platform.c's business.
 */
#include "board/dev/fdt.h"

#define FDT_MAGIC      0xd00dfeedu
#define FDT_VERSION    17u
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROP       3u
#define FDT_NOP        4u
#define FDT_END        9u

#define FDT_DEFAULT_ADDRESS_CELLS 2u
#define FDT_DEFAULT_SIZE_CELLS    1u

enum fdt_kind { FDT_KIND_BAD, FDT_KIND_NODE, FDT_KIND_NODE_END, FDT_KIND_PROPERTY, FDT_KIND_END };

struct fdt_token {
    uint32_t next;          /* offset of what follows */
    const char *name;       /* of a node */
    struct fdt_value value; /* of a property */
};

/* The blob is big-endian and, with the MMU off, must be read without unaligned accesses. */
static uint32_t fdt_load(const uint8_t *bytes)
{
    return ((uint32_t)bytes[0] << 24) | ((uint32_t)bytes[1] << 16) | ((uint32_t)bytes[2] << 8) |
           bytes[3];
}

static uint64_t fdt_load64(const uint8_t *bytes)
{
    return ((uint64_t)fdt_load(bytes) << 32) | fdt_load(bytes + 4);
}

static bool fdt_same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Reads the token at `offset`; the one place that turns bytes of the structure block into sense. */
static enum fdt_kind fdt_token_at(const struct fdt *tree, uint32_t offset, struct fdt_token *token)
{
    const uint32_t end = tree->structure_end;
    uint32_t kind = FDT_NOP;

    while (kind == FDT_NOP) {
        if (offset < tree->structure || offset > end || end - offset < 4) {
            return FDT_KIND_BAD;
        }
        kind = fdt_load(tree->blob + offset);
        offset += 4;
    }
    if (kind == FDT_BEGIN_NODE) {
        uint32_t at = offset;

        while (at < end && tree->blob[at] != 0) {
            at++;
        }
        if (end - at < 4 - at % 4) {
            return FDT_KIND_BAD;
        }
        token->name = (const char *)tree->blob + offset;
        token->next = (at & ~3u) + 4;
        return FDT_KIND_NODE;
    }
    if (kind == FDT_PROP) {
        uint32_t size, name;

        if (end - offset < 8) {
            return FDT_KIND_BAD;
        }
        size = fdt_load(tree->blob + offset);
        name = fdt_load(tree->blob + offset + 4);
        offset += 8;
        if (size > end - offset || name >= tree->strings_end - tree->strings) {
            return FDT_KIND_BAD;
        }
        token->value.name = (const char *)tree->blob + tree->strings + name;
        token->value.bytes = tree->blob + offset;
        token->value.size = size;
        if (end - offset - size < (4 - size % 4) % 4) {
            return FDT_KIND_BAD;
        }
        token->next = (offset + size + 3) & ~3u;
        return FDT_KIND_PROPERTY;
    }
    token->next = offset;
    if (kind == FDT_END_NODE) {
        return FDT_KIND_NODE_END;
    }
    return kind == FDT_END ? FDT_KIND_END : FDT_KIND_BAD;
}

/* One root, everything closed, properties before subnodes (section 5.4.2), not too deep. */
static bool fdt_tokens_valid(const struct fdt *tree)
{
    uint32_t offset = tree->structure;
    unsigned open = 0;
    bool root_seen = false, properties_allowed = false;

    for (;;) {
        struct fdt_token token;

        switch (fdt_token_at(tree, offset, &token)) {
        case FDT_KIND_NODE:
            if ((open == 0 && root_seen) || open == FDT_LEVELS) {
                return false;
            }
            open++;
            root_seen = true;
            properties_allowed = true;
            break;
        case FDT_KIND_NODE_END:
            if (open == 0) {
                return false;
            }
            open--;
            properties_allowed = false;
            break;
        case FDT_KIND_PROPERTY:
            if (!properties_allowed) {
                return false;
            }
            break;
        case FDT_KIND_END:
            return open == 0 && root_seen;
        default:
            return false;
        }
        offset = token.next;
    }
}

/* The reservation block ends with an empty entry, inside the blob. */
static bool fdt_reservations_end(const struct fdt *tree, uint32_t *end)
{
    uint32_t offset = tree->reservations;

    while (offset <= tree->size && tree->size - offset >= 16) {
        if (fdt_load64(tree->blob + offset) == 0 && fdt_load64(tree->blob + offset + 8) == 0) {
            *end = offset + 16;
            return true;
        }
        offset += 16;
    }
    return false;
}

static bool fdt_block(uint32_t total, uint32_t offset, uint32_t size, uint32_t *end)
{
    return offset >= FDT_HEADER_BYTES && !__builtin_add_overflow(offset, size, end) &&
           *end <= total;
}

int fdt_open(struct fdt *tree, const void *blob, uint64_t room)
{
    const uint8_t *header = blob;
    struct fdt opened;
    uint32_t reservations_end;

    if (room < FDT_HEADER_BYTES || fdt_load(header) != FDT_MAGIC) {
        return ASH_EBADTREE;
    }
    opened.blob = header;
    opened.size = fdt_load(header + 4);
    opened.structure = fdt_load(header + 8);
    opened.strings = fdt_load(header + 12);
    opened.reservations = fdt_load(header + 16);
    if (opened.size < FDT_HEADER_BYTES || opened.size > room ||
        fdt_load(header + 20) < FDT_VERSION || fdt_load(header + 24) > FDT_VERSION ||
        !fdt_block(opened.size, opened.structure, fdt_load(header + 36), &opened.structure_end) ||
        !fdt_block(opened.size, opened.strings, fdt_load(header + 32), &opened.strings_end) ||
        opened.structure % 4 != 0 || opened.reservations % 8 != 0 ||
        opened.reservations < FDT_HEADER_BYTES ||
        !fdt_reservations_end(&opened, &reservations_end)) {
        return ASH_EBADTREE;
    }
    opened.used = opened.structure_end;
    if (opened.used < opened.strings_end) {
        opened.used = opened.strings_end;
    }
    if (opened.used < reservations_end) {
        opened.used = reservations_end;
    }
    /* Names beyond the last terminator would run out of the block. */
    while (opened.strings_end > opened.strings && header[opened.strings_end - 1] != 0) {
        opened.strings_end--;
    }
    if (!fdt_tokens_valid(&opened)) {
        return ASH_EBADTREE;
    }
    *tree = opened;
    return 0;
}

bool fdt_reservation(const struct fdt *tree, unsigned n, struct ash_range *range)
{
    uint32_t offset;

    if (n >= tree->size / 16) {
        return false;
    }
    for (unsigned i = 0; i <= n; i++) {
        offset = tree->reservations + 16 * i;
        if (offset > tree->size || tree->size - offset < 16) {
            return false;
        }
        range->base = ash_pa(fdt_load64(tree->blob + offset));
        range->size = fdt_load64(tree->blob + offset + 8);
        if (range->base.value == 0 && range->size == 0) {
            return false;
        }
    }
    return true;
}

bool fdt_value_next(const struct fdt *tree, uint32_t *cursor, struct fdt_value *value)
{
    struct fdt_token token;

    if (fdt_token_at(tree, *cursor, &token) != FDT_KIND_PROPERTY) {
        return false;
    }
    *value = token.value;
    *cursor = token.next;
    return true;
}

static bool fdt_level_value(const struct fdt *tree, const struct fdt_level *level, const char *name,
                            struct fdt_value *value)
{
    uint32_t cursor = level->properties;

    while (fdt_value_next(tree, &cursor, value)) {
        if (fdt_same(value->name, name)) {
            return true;
        }
    }
    return false;
}

bool fdt_value_find(const struct fdt_walk *walk, const char *name, struct fdt_value *value)
{
    return fdt_level_value(walk->tree, fdt_here(walk), name, value);
}

bool fdt_value_cell(const struct fdt_value *value, uint32_t n, uint32_t *cell)
{
    if (n >= value->size / 4) {
        return false;
    }
    *cell = fdt_load(value->bytes + 4 * n);
    return true;
}

const char *fdt_value_string(const struct fdt_value *value)
{
    for (uint32_t i = 0; i < value->size; i++) {
        if (value->bytes[i] == 0) {
            return i + 1 == value->size ? (const char *)value->bytes : NULL;
        }
    }
    return NULL;
}

bool fdt_value_lists(const struct fdt_value *value, const char *text)
{
    uint32_t start = 0;

    for (uint32_t i = 0; i < value->size; i++) {
        if (value->bytes[i] == 0) {
            if (fdt_same((const char *)value->bytes + start, text)) {
                return true;
            }
            start = i + 1;
        }
    }
    return false;
}

bool fdt_is(const struct fdt_walk *walk, const char *property, const char *text)
{
    struct fdt_value value;
    const char *string;

    if (!fdt_value_find(walk, property, &value)) {
        return false;
    }
    string = fdt_value_string(&value);
    return string != NULL && fdt_same(string, text);
}

bool fdt_compatible(const struct fdt_walk *walk, const char *text)
{
    struct fdt_value value;

    return fdt_value_find(walk, "compatible", &value) && fdt_value_lists(&value, text);
}

/* True if the path component at `path` names the node; it may leave out the unit address. */
static bool fdt_component(const char *name, const char *path)
{
    while (*path != '\0' && *path != '/' && *path != ':' && *path == *name) {
        path++;
        name++;
    }
    if (*path != '\0' && *path != '/' && *path != ':') {
        return false;
    }
    return *name == '\0' || *name == '@';
}

bool fdt_named(const struct fdt_walk *walk, unsigned depth, const char *name)
{
    return depth <= walk->depth && fdt_component(walk->level[depth].name, name);
}

void fdt_walk_start(struct fdt_walk *walk, const struct fdt *tree)
{
    walk->tree = tree;
    walk->next = tree->structure;
    walk->depth = 0;
    walk->started = false;
}

/* Reads what the node at `depth` says about its children. Of two properties of one name the first
 * counts, as in fdt_value_find. */
static void fdt_enter(struct fdt_walk *walk, unsigned depth, const struct fdt_token *token)
{
    static const char *const names[] = {"#address-cells", "#size-cells", "interrupt-parent"};
    struct fdt_level *level = &walk->level[depth];
    uint32_t *const cells[] = {&level->address_cells, &level->size_cells, &level->interrupt_parent};
    uint32_t cursor = token->next, seen = 0;
    struct fdt_value value;

    level->properties = token->next;
    level->name = token->name;
    level->address_cells = FDT_DEFAULT_ADDRESS_CELLS;
    level->size_cells = FDT_DEFAULT_SIZE_CELLS;
    level->interrupt_parent = depth == 0 ? 0 : walk->level[depth - 1].interrupt_parent;
    while (fdt_value_next(walk->tree, &cursor, &value)) {
        for (uint32_t i = 0; i < 3; i++) {
            if ((seen & 1u << i) == 0 && fdt_same(value.name, names[i])) {
                seen |= 1u << i;
                (void)fdt_value_cell(&value, 0, cells[i]);
            }
        }
    }
    walk->next = cursor;
    walk->depth = depth;
}

bool fdt_walk_next(struct fdt_walk *walk)
{
    /* Nodes open at walk->next: the levels 0 ... open-1. */
    unsigned open = walk->started ? walk->depth + 1 : 0;

    for (;;) {
        struct fdt_token token;

        switch (fdt_token_at(walk->tree, walk->next, &token)) {
        case FDT_KIND_NODE:
            if (open == FDT_LEVELS) {
                return false;
            }
            walk->started = true;
            fdt_enter(walk, open, &token);
            return true;
        case FDT_KIND_NODE_END:
            if (open == 0) {
                return false;
            }
            open--;
            break;
        case FDT_KIND_PROPERTY:
            break;
        default:
            return false;
        }
        walk->next = token.next;
    }
}

void fdt_walk_skip(struct fdt_walk *walk)
{
    unsigned inside = 0;
    struct fdt_token token;

    for (;;) {
        switch (fdt_token_at(walk->tree, walk->next, &token)) {
        case FDT_KIND_NODE:
            inside++;
            break;
        case FDT_KIND_NODE_END:
            if (inside == 0) {
                return; /* the end of the node itself is the next step's */
            }
            inside--;
            break;
        case FDT_KIND_PROPERTY:
            break;
        default:
            return;
        }
        walk->next = token.next;
    }
}

bool fdt_walk_phandle(struct fdt_walk *walk, const struct fdt *tree, uint32_t phandle)
{
    fdt_walk_start(walk, tree);
    while (phandle != 0 && phandle != UINT32_MAX && fdt_walk_next(walk)) {
        struct fdt_value value;
        uint32_t cell;

        if ((fdt_value_find(walk, "phandle", &value) ||
             fdt_value_find(walk, "linux,phandle", &value)) &&
            fdt_value_cell(&value, 0, &cell) && cell == phandle) {
            return true;
        }
    }
    return false;
}

/* The component after the next '/', or the end of the path. */
static const char *fdt_path_rest(const char *path)
{
    while (*path != '\0' && *path != '/' && *path != ':') {
        path++;
    }
    while (*path == '/') {
        path++;
    }
    return path;
}

bool fdt_walk_path(struct fdt_walk *walk, const struct fdt *tree, const char *path)
{
    unsigned found = 0; /* depth of the node that the path has reached */

    fdt_walk_start(walk, tree);
    if (*path != '/' || !fdt_walk_next(walk)) {
        return false;
    }
    path = fdt_path_rest(path);
    while (*path != '\0' && *path != ':') {
        if (!fdt_walk_next(walk) || walk->depth <= found) {
            return false;
        }
        if (fdt_component(fdt_here(walk)->name, path)) {
            found = walk->depth;
            path = fdt_path_rest(path);
        } else {
            fdt_walk_skip(walk);
        }
    }
    return true;
}

bool fdt_walk_alias(struct fdt_walk *walk, const struct fdt *tree, const char *path)
{
    struct fdt_value value;
    uint32_t cursor;

    if (*path == '/') {
        return fdt_walk_path(walk, tree, path);
    }
    if (!fdt_walk_path(walk, tree, "/aliases")) {
        return false;
    }
    cursor = fdt_here(walk)->properties;
    while (fdt_value_next(tree, &cursor, &value)) {
        const char *target = fdt_value_string(&value);

        if (target != NULL && fdt_component(value.name, path)) {
            return fdt_walk_path(walk, tree, target);
        }
    }
    return false;
}

/* The number in `count` (0 to 2) cells from the n-th on. */
static bool fdt_number(const struct fdt_value *value, uint32_t n, uint32_t count, uint64_t *number)
{
    *number = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cell;

        if (!fdt_value_cell(value, n + i, &cell)) {
            return false;
        }
        *number = (*number << 32) | cell;
    }
    return true;
}

int fdt_reg_local(const struct fdt_walk *walk, uint32_t n, struct ash_range *range)
{
    struct fdt_value reg;
    uint32_t address_cells, size_cells, entry;
    uint64_t base, size;

    if (walk->depth == 0 || !fdt_value_find(walk, "reg", &reg)) {
        return ASH_ENOENT;
    }
    address_cells = walk->level[walk->depth - 1].address_cells;
    size_cells = walk->level[walk->depth - 1].size_cells;
    if (address_cells == 0 || address_cells > 2 || size_cells > 2) {
        return ASH_ERANGE;
    }
    entry = address_cells + size_cells;
    if (reg.size == 0 || reg.size % (4 * entry) != 0) {
        return ASH_EBADTREE;
    }
    if (n >= reg.size / (4 * entry)) {
        return ASH_ENOENT;
    }
    if (!fdt_number(&reg, n * entry, address_cells, &base) ||
        !fdt_number(&reg, n * entry + address_cells, size_cells, &size)) {
        return ASH_EBADTREE;
    }
    range->base = ash_pa(base);
    range->size = size;
    return 0;
}

/* Takes *base of `size` bytes from the bus at `depth` to the bus above it (section 2.3.8). */
static int fdt_translate(const struct fdt_walk *walk, unsigned depth, uint64_t *base, uint64_t size)
{
    const struct fdt_level *bus = &walk->level[depth], *above = &walk->level[depth - 1];
    struct fdt_value ranges;
    uint32_t entry;

    if (!fdt_level_value(walk->tree, bus, "ranges", &ranges)) {
        return ASH_ERANGE;
    }
    if (ranges.size == 0) {
        return 0;
    }
    if (bus->address_cells == 0 || bus->address_cells > 2 || above->address_cells == 0 ||
        above->address_cells > 2 || bus->size_cells == 0 || bus->size_cells > 2) {
        return ASH_ERANGE;
    }
    entry = bus->address_cells + above->address_cells + bus->size_cells;
    for (uint32_t n = 0; n < ranges.size / (4 * entry); n++) {
        uint32_t cell = n * entry;
        uint64_t child, parent, length;

        if (!fdt_number(&ranges, cell, bus->address_cells, &child) ||
            !fdt_number(&ranges, cell + bus->address_cells, above->address_cells, &parent) ||
            !fdt_number(&ranges, cell + bus->address_cells + above->address_cells, bus->size_cells,
                        &length)) {
            return ASH_EBADTREE;
        }
        if (*base >= child && *base - child < length && size <= length - (*base - child)) {
            return __builtin_add_overflow(parent, *base - child, base) ? ASH_ERANGE : 0;
        }
    }
    return ASH_ERANGE;
}

int fdt_reg(const struct fdt_walk *walk, uint32_t n, struct ash_range *range)
{
    struct ash_range local;
    uint64_t base, end;
    int error = fdt_reg_local(walk, n, &local);

    if (error != 0) {
        return error;
    }
    base = local.base.value;
    for (unsigned depth = walk->depth - 1; depth > 0; depth--) {
        error = fdt_translate(walk, depth, &base, local.size);
        if (error != 0) {
            return error;
        }
    }
    if (!ash_range_end(base, local.size, &end)) {
        return ASH_ERANGE;
    }
    range->base = ash_pa(base);
    range->size = local.size;
    return 0;
}
