/* SPDX-License-Identifier: MIT */
/*
 * Temporary windows: a stack of open ones for each CPU, and a slot of addresses for each place in
 * it. A slot goes from invalid to valid and back, so there is never a break-before-make; its table
 * is there for good, so opening one takes no memory.
 *
 * Translations of closed windows are not kept for later: the frame may be given back at once, and
 * then no TLB of any CPU may reach it (arm-rules 4). Other CPUs do not use these addresses, but
 * their table walkers may have seen them; hence the broadcast invalidation.
 */
#include "alloc/vmap.h"
#include "port/port.h"

struct window_stack {
    unsigned open;
    void *window[ASH_WINDOWS];
};

static struct window_stack stacks[ASH_CPUS]; /* each used by its CPU, interrupts masked */
static uintptr_t slots;                      /* the first slot's page; 0: there are none */

int vmap_windows_init(bool wanted)
{
    uintptr_t pages = 2u * ASH_CPUS * ASH_WINDOWS - 1, align = 1;
    struct vmap_area *area;
    int error;

    slots = 0;
    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        stacks[cpu].open = 0;
    }
    if (!wanted) {
        return 0;
    }
    /* One table is enough if they do not lie across its end. */
    while (align < pages) {
        align <<= 1;
    }
    error = vmap_open(pages, align, 0, &area);
    if (error != 0) {
        return error;
    }
    error = ash_mmu_remap_zone(vmap_state.map, vmap_area_va(area), pages << ASH_PAGE_SHIFT);
    if (error != 0) {
        vmap_close(area);
        return error;
    }
    slots = area->page + 1;
    vmap_ready(area, VMAP_WINDOWS);
    return 0;
}

/* A guard page lies between two slots. */
static void *slot_address(unsigned cpu, unsigned n)
{
    return (void *)vmap_page_va(slots + 2 * (cpu * ASH_WINDOWS + n)).value;
}

static int map_slot(void *window, ash_pa_t pa)
{
    unsigned long saved = spinlock_acquire(vmap_state.map_lock);
    int error = ash_mmu_map(vmap_state.map, ash_va_of(window), pa, ASH_PAGE_SIZE,
                            ASH_MMU_NORMAL | ASH_MMU_WRITE | ASH_MMU_PAGES);

    spinlock_release(vmap_state.map_lock, saved);
    return error;
}

/* The frame's address while it is the n-th window of this CPU; NULL if it cannot be one. */
static void *reach(ash_frame_t frame, unsigned cpu, unsigned n)
{
    ash_pa_t pa = ash_frame_pa(frame);
    void *window = port_ptr(pa);
#if ASH_CHECK >= 1
    struct ash_frame_info info;

    ash_frames_query(frame, &info);
    if (info.state == ASH_FRAME_ABSENT) {
        return NULL;
    }
#endif
    if (window != NULL) {
        return window;
    }
    if (slots == 0) {
        return NULL;
    }
    window = slot_address(cpu, n);
    return map_slot(window, pa) == 0 ? window : NULL;
}

void *ash_window_open(ash_frame_t frame)
{
    unsigned long saved = port_irq_save();
    unsigned cpu = port_cpu();
    struct window_stack *stack = &stacks[cpu];
    void *window = NULL;

    if (stack->open < ASH_WINDOWS) {
        window = reach(frame, cpu, stack->open);
    }
    if (window != NULL) {
        stack->window[stack->open++] = window;
    }
    port_irq_restore(saved);
    return window;
}

/* Why `window` is not the one that was opened last; NULL if it is. */
static const char *refusal(const struct window_stack *stack, const void *window,
                           enum ash_fault_kind *kind)
{
    if (stack->open > 0 && stack->window[stack->open - 1] == window) {
        return NULL;
    }
    for (unsigned n = 0; n < stack->open; n++) {
        if (stack->window[n] == window) {
            *kind = ASH_FAULT_CORRUPT;
            return "window is not the one that was opened last";
        }
    }
    *kind = ASH_FAULT_FOREIGN;
    return "no such window is open on this CPU";
}

void ash_window_close(void *window)
{
    unsigned long saved = port_irq_save();
    unsigned cpu = port_cpu();
    struct window_stack *stack = &stacks[cpu];
    enum ash_fault_kind kind;
    const char *what = refusal(stack, window, &kind);

    if (what == NULL) {
        stack->open--;
        if (slots != 0 && window == slot_address(cpu, stack->open)) {
            vmap_unmap((uintptr_t)window >> ASH_PAGE_SHIFT, 1);
        }
    }
    port_irq_restore(saved);
    if (what != NULL) {
        vmap_fault(kind, what, (uintptr_t)window, __builtin_return_address(0));
    }
}
