/* SPDX-License-Identifier: MIT */
/*
 * Cutting and joining areas, and the frames that their nodes lie in.
 */
#include "alloc/vmap_areas.h"

#include "ashlar/errors.h"
#include "ashlar/frames.h"
#include "port/port.h"

/* A frame full of nodes starts with this. */
struct vmap_node_frame {
    LIST_ENTRY(vmap_node_frame) link;
    SLIST_HEAD(vmap_spare_nodes, vmap_area) nodes; /* spare ones */
    ash_frame_t frame;
    uint32_t age; /* the lower the older */
    uint32_t used;
};

#define NODES_AT                                                                                   \
    ((sizeof(struct vmap_node_frame) + _Alignof(struct vmap_area) - 1) &                           \
     ~(_Alignof(struct vmap_area) - 1))
#define NODES ((ASH_PAGE_SIZE - NODES_AT) / sizeof(struct vmap_area))

static int compare_address(const struct vmap_area *a, const struct vmap_area *b)
{
    return a->page < b->page ? -1 : a->page > b->page;
}

static int compare_size(const struct vmap_area *a, const struct vmap_area *b)
{
    if (a->pages != b->pages) {
        return a->pages < b->pages ? -1 : 1;
    }
    return compare_address(a, b);
}

/* cppcheck-suppress unknownMacro */
RB_GENERATE_STATIC(vmap_address_tree, vmap_area, by_address, compare_address)
RB_GENERATE_STATIC(vmap_size_tree, vmap_area, by_size, compare_size)

static struct vmap_node_frame *frame_of(const struct vmap_area *node)
{
    return (struct vmap_node_frame *)((uintptr_t)node & ~(ASH_PAGE_SIZE - 1));
}

static int add_frame(struct vmap_areas *areas)
{
    struct vmap_node_frame *nodes;
    struct vmap_area *node;
    ash_frame_t frame;
    int error = ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNER_VMAP), &frame);

    if (error != 0) {
        return error;
    }
    nodes = port_ptr(ash_frame_pa(frame));
    nodes->frame = frame;
    nodes->age = areas->frames++;
    nodes->used = 0;
    SLIST_INIT(&nodes->nodes);
    node = (struct vmap_area *)((uintptr_t)nodes + NODES_AT);
    for (unsigned i = 0; i < NODES; i++) {
        SLIST_INSERT_HEAD(&nodes->nodes, &node[i], spare);
    }
    LIST_INSERT_HEAD(&areas->spare, nodes, link);
    areas->node_frames++;
    return 0;
}

static int node_take(struct vmap_areas *areas, struct vmap_area **node)
{
    struct vmap_node_frame *nodes;
    int error = LIST_EMPTY(&areas->spare) ? add_frame(areas) : 0;

    if (error != 0) {
        return error;
    }
    nodes = LIST_FIRST(&areas->spare);
    *node = SLIST_FIRST(&nodes->nodes);
    SLIST_REMOVE_HEAD(&nodes->nodes, spare);
    nodes->used++;
    if (SLIST_EMPTY(&nodes->nodes)) {
        LIST_REMOVE(nodes, link);
    }
    return 0;
}

static void node_give(struct vmap_areas *areas, struct vmap_area *node)
{
    struct vmap_node_frame *nodes = frame_of(node);

    if (SLIST_EMPTY(&nodes->nodes)) {
        LIST_INSERT_HEAD(&areas->spare, nodes, link);
    }
    SLIST_INSERT_HEAD(&nodes->nodes, node, spare);
    if (--nodes->used == 0) {
        LIST_REMOVE(nodes, link);
        areas->node_frames--;
        ash_frames_free(nodes->frame, 0);
    }
}

static void set(struct vmap_area *area, uintptr_t page, uintptr_t pages, enum vmap_kind kind)
{
    area->page = page;
    area->pages = pages;
    area->kind = kind;
}

int vmap_areas_init(struct vmap_areas *areas, uintptr_t page, uintptr_t pages)
{
    struct vmap_area *area;
    int error;

    *areas = (struct vmap_areas){.pages = pages, .free = pages};
    error = node_take(areas, &area);
    if (error == 0) {
        set(area, page, pages, VMAP_FREE);
        RB_INSERT(vmap_address_tree, &areas->by_address, area);
        RB_INSERT(vmap_size_tree, &areas->by_size, area);
        areas->count = areas->free_count = 1;
    }
    return error;
}

/* The smallest free area of at least that many pages. */
static struct vmap_area *fitting(struct vmap_areas *areas, uintptr_t pages)
{
    struct vmap_area least;

    set(&least, 0, pages, VMAP_FREE);
    return RB_NFIND(vmap_size_tree, &areas->by_size, &least);
}

/* Nodes for what a cut leaves before and behind, besides that of the area that is cut. */
static int spare_nodes(struct vmap_areas *areas, unsigned count, struct vmap_area *node[2])
{
    for (unsigned i = 0; i < count; i++) {
        int error = node_take(areas, &node[i]);

        if (error != 0) {
            if (i > 0) {
                node_give(areas, node[0]);
            }
            return error;
        }
    }
    return 0;
}

/* [page, page + pages) of the free area becomes one that is in use. The old node stays with what
 * stays free, so that giving the area back gives the new nodes back. */
static int cut(struct vmap_areas *areas, struct vmap_area *from, uintptr_t page, uintptr_t pages,
               struct vmap_area **taken)
{
    uintptr_t before = page - from->page;
    uintptr_t behind = from->pages - before - pages;
    struct vmap_area *node[2] = {from, NULL};
    unsigned more = (before != 0 ? 1u : 0u) + (behind != 0 ? 1u : 0u);
    int error = spare_nodes(areas, more, node);

    if (error != 0) {
        return error;
    }
    RB_REMOVE(vmap_size_tree, &areas->by_size, from);
    if (before != 0) {
        set(from, from->page, before, VMAP_FREE);
        RB_INSERT(vmap_size_tree, &areas->by_size, from);
    }
    if (behind != 0) {
        struct vmap_area *rest = before != 0 ? node[1] : from;

        set(rest, page + pages, behind, VMAP_FREE);
        RB_INSERT(vmap_size_tree, &areas->by_size, rest);
        if (rest != from) {
            RB_INSERT(vmap_address_tree, &areas->by_address, rest);
        }
    }
    set(node[0], page, pages, VMAP_CHANGING);
    if (node[0] != from) {
        RB_INSERT(vmap_address_tree, &areas->by_address, node[0]);
    }
    areas->count += more;
    areas->free_count += more - 1; /* the parts that stay free, in place of the one area */
    areas->free -= pages;
    *taken = node[0];
    return 0;
}

int vmap_areas_take(struct vmap_areas *areas, uintptr_t pages, uintptr_t align, uintptr_t phase,
                    struct vmap_area **taken)
{
    uintptr_t needed;
    struct vmap_area *from;

    if (__builtin_add_overflow(pages, align - 1, &needed)) {
        return ASH_ENOMEM;
    }
    from = fitting(areas, needed);
    if (from == NULL) {
        return ASH_ENOMEM;
    }
    return cut(areas, from, from->page + ((phase - (from->page + 1)) & (align - 1)), pages, taken);
}

static void leave_trees(struct vmap_areas *areas, struct vmap_area *area)
{
    RB_REMOVE(vmap_address_tree, &areas->by_address, area);
    if (area->kind == VMAP_FREE) {
        RB_REMOVE(vmap_size_tree, &areas->by_size, area);
    }
}

/* One area of two neighbours, neither of them in a tree. The node in the older frame stays, so that
 * the younger frames drain. */
static struct vmap_area *join(struct vmap_areas *areas, struct vmap_area *low,
                              struct vmap_area *high)
{
    uintptr_t page = low->page, pages = low->pages + high->pages;
    bool keep_low = frame_of(low)->age <= frame_of(high)->age;
    struct vmap_area *kept = keep_low ? low : high;

    node_give(areas, keep_low ? high : low);
    set(kept, page, pages, VMAP_FREE);
    areas->count--;
    areas->free_count--;
    return kept;
}

void vmap_areas_give(struct vmap_areas *areas, struct vmap_area *area)
{
    struct vmap_area *low = RB_PREV(vmap_address_tree, &areas->by_address, area);
    struct vmap_area *high = RB_NEXT(vmap_address_tree, &areas->by_address, area);

    areas->free += area->pages;
    areas->free_count++;
    leave_trees(areas, area);
    if (low != NULL && low->kind == VMAP_FREE) {
        leave_trees(areas, low);
        area = join(areas, low, area);
    }
    if (high != NULL && high->kind == VMAP_FREE) {
        leave_trees(areas, high);
        area = join(areas, area, high);
    }
    area->kind = VMAP_FREE;
    RB_INSERT(vmap_address_tree, &areas->by_address, area);
    RB_INSERT(vmap_size_tree, &areas->by_size, area);
}

struct vmap_area *vmap_areas_find(struct vmap_areas *areas, uintptr_t page)
{
    struct vmap_area *area = RB_ROOT(&areas->by_address);

    while (area != NULL && page - area->page >= area->pages) {
        area = page < area->page ? RB_LEFT(area, by_address) : RB_RIGHT(area, by_address);
    }
    return area;
}

struct vmap_area *vmap_areas_first(struct vmap_areas *areas)
{
    return RB_MIN(vmap_address_tree, &areas->by_address);
}

struct vmap_area *vmap_areas_next(struct vmap_area *area)
{
    return RB_NEXT(vmap_address_tree, NULL, area);
}

uintptr_t vmap_areas_largest(struct vmap_areas *areas)
{
    const struct vmap_area *largest = RB_MAX(vmap_size_tree, &areas->by_size);

    return largest == NULL ? 0 : largest->pages;
}

bool vmap_areas_sound(struct vmap_areas *areas)
{
    struct vmap_area *area = vmap_areas_first(areas);
    uintptr_t page = area->page, pages = 0, free = 0;
    uint32_t count = 0, free_count = 0, listed = 0;
    bool after_free = false;

    for (; area != NULL; area = vmap_areas_next(area)) {
        bool is_free = area->kind == VMAP_FREE;

        if (area->page != page || area->pages == 0 || area->kind > VMAP_WINDOWS ||
            (is_free && after_free)) {
            return false;
        }
        page += area->pages;
        pages += area->pages;
        free += is_free ? area->pages : 0;
        after_free = is_free;
        count++;
        free_count += is_free;
    }
    RB_FOREACH (area, vmap_size_tree, &areas->by_size) {
        if (area->kind != VMAP_FREE || listed++ == free_count) {
            return false;
        }
    }
    return listed == free_count && free_count == areas->free_count && count == areas->count &&
           pages == areas->pages && free == areas->free;
}
