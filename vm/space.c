/* SPDX-License-Identifier: MIT */
/*
 * Spaces: made, switched to, changed, ended. What is in one is decided elsewhere.
 */
#include "vm/space.h"

#include "ashlar/frames.h"
#include "port/outside.h"

_Static_assert(offsetof(struct ash_space, context) == 0, "space_of()");

struct spaces_state spaces_state = {
    .lock = ASH_SPINLOCK(ASH_LOCK_SPACES, "spaces"),
    .shares_lock = ASH_SPINLOCK(ASH_LOCK_SHARES, "shares"),
};

static int take(void *context, ash_pa_t *table)
{
    ash_frame_t frame;
    int error;

    (void)context;
    error = ash_frames_alloc(
        0, ASH_FRAMES_NORMAL | ASH_FRAMES_ZERO | ASH_FRAMES_OWNER(ASH_OWNER_SPACE), &frame);
    if (error == 0) {
        *table = ash_frame_pa(frame);
    }
    return error;
}

static void give(void *context, ash_pa_t table)
{
    (void)context;
    ash_frames_free(ash_pa_frame(table), 0);
}

void ash_spaces_init(const struct ash_spaces_config *config)
{
    if (!outside_interrupts(__func__)) {
        return;
    }
    spinlock_retire(&spaces_state.lock);
    spinlock_retire(&spaces_state.shares_lock);
    port_zero(&spaces_state, sizeof spaces_state);
    spinlock_init(&spaces_state.lock, ASH_LOCK_SPACES, "spaces");
    spinlock_init(&spaces_state.shares_lock, ASH_LOCK_SHARES, "shares");
    spaces_state.bits = config->bits;
    spaces_state.asid_bits = port_asid_bits();
    spaces_state.config.format = config->format;
    spaces_state.config.base = config->base;
    spaces_state.config.va_bits = config->bits;
    spaces_state.config.incoherent = config->incoherent;
    spaces_state.config.tables.take = take;
    spaces_state.config.tables.give = give;
    asid_start(&spaces_state.asids, spaces_state.asid_bits);
}

ash_va_t ash_space_base(void)
{
    return spaces_state.config.base;
}

uint64_t ash_space_size(void)
{
    return spaces_state.bits == 0 ? 0 : (uint64_t)1 << spaces_state.bits;
}

static void set_name(struct ash_space *space, const char *name)
{
    unsigned length = 0;

    for (; length < ASH_SPACE_NAME - 1 && name[length] != '\0'; length++) {
        space->name[length] = name[length];
    }
    space->name[length] = '\0';
}

int ash_space_create(struct ash_space *space, const char *name)
{
    unsigned long saved;
    int error;

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    if (spaces_state.bits == 0) {
        return ASH_ENODEV;
    }
    error = ash_mmu_init(&space->map, &spaces_state.config);
    if (error != 0) {
        return error;
    }
    space->context = 0;
    set_name(space, name);
    spinlock_init(&space->lock, ASH_LOCK_SPACE, space->name);
    saved = spinlock_acquire(&spaces_state.lock);
    space->next = spaces_state.first;
    space->link = &spaces_state.first;
    if (space->next != NULL) {
        space->next->link = &space->next;
    }
    spaces_state.first = space;
    spaces_state.count++;
    spinlock_release(&spaces_state.lock, saved);
    return 0;
}

int ash_space_destroy(struct ash_space *space)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    unsigned long saved = spinlock_acquire(&spaces_state.lock);
    bool live = asid_is_live(&spaces_state.asids, &space->context);

    if (!live) {
        *space->link = space->next;
        if (space->next != NULL) {
            space->next->link = space->link;
        }
        spaces_state.count--;
    }
    spinlock_release(&spaces_state.lock, saved);
    if (live) {
        return ASH_EBUSY;
    }
    spinlock_retire(&space->lock);
    ash_mmu_destroy(&space->map);
    return 0;
}

/* Changes of the map invalidate by the ASID that it has: while one is under way there is no other
 * one, under which a walk could find what the change is about to take away. */
static __attribute__((noinline)) void switch_slowly(struct asid_cpu *cpu, struct ash_space *space,
                                                    unsigned long saved)
{
    unsigned long map_saved = spinlock_acquire(&space->lock);
    unsigned long own_saved = spinlock_acquire(&spaces_state.lock);
    unsigned asid = asid_renew(&spaces_state.asids, &space->context);

    ash_mmu_set_asid(&space->map, asid);
    port_space_install(ash_mmu_root(&space->map), asid);
    asid_installed(cpu, &space->context);
    spaces_state.renewals++;
    spinlock_release(&spaces_state.lock, own_saved);
    spinlock_release(&space->lock, map_saved);
    port_irq_restore(saved);
}

void ash_space_switch(struct ash_space *space)
{
    unsigned long saved = port_irq_save();
    struct asid_cpu *cpu = asid_this_cpu(&spaces_state.asids);
    unsigned asid;

    if (!asid_announce(cpu, &space->context, &asid)) {
        switch_slowly(cpu, space, saved);
        return;
    }
    port_space_switch(space->map.root_pa, asid);
    asid_installed(cpu, &space->context);
    port_irq_restore(saved);
}

void ash_space_leave(void)
{
    unsigned long saved = port_irq_save();

    port_space_none();
    asid_left(asid_this_cpu(&spaces_state.asids));
    port_irq_restore(saved);
}

struct ash_space *ash_space_current(void)
{
    unsigned long saved = port_irq_save();
    const uint64_t *holder = asid_holder_load(&asid_this_cpu(&spaces_state.asids)->now);

    port_irq_restore(saved);
    return space_of(holder);
}

int ash_space_map(struct ash_space *space, ash_va_t va, ash_pa_t pa, uint64_t size,
                  ash_mmu_attr_t attr)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    unsigned long saved = spinlock_acquire(&space->lock);
    int error = ash_mmu_map(&space->map, va, pa, size, attr);

    spinlock_release(&space->lock, saved);
    return error;
}

int ash_space_unmap(struct ash_space *space, ash_va_t va, uint64_t size)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    unsigned long saved = spinlock_acquire(&space->lock);
    int error = ash_mmu_unmap(&space->map, va, size);

    spinlock_release(&space->lock, saved);
    return error;
}

int ash_space_protect(struct ash_space *space, ash_va_t va, uint64_t size, ash_mmu_attr_t attr)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    unsigned long saved = spinlock_acquire(&space->lock);
    int error = ash_mmu_protect(&space->map, va, size, attr);

    spinlock_release(&space->lock, saved);
    return error;
}

int ash_space_query(struct ash_space *space, ash_va_t va, struct ash_mmu_mapping *mapping)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    unsigned long saved = spinlock_acquire(&space->lock);
    int error = ash_mmu_query(&space->map, va, mapping);

    spinlock_release(&space->lock, saved);
    return error;
}

int ash_space_walk(struct ash_space *space, ash_va_t va, uint64_t size, ash_mmu_visitor visitor,
                   void *arg)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    unsigned long saved = spinlock_acquire(&space->lock);
    int error = ash_mmu_walk(&space->map, va, size, visitor, arg);

    spinlock_release(&space->lock, saved);
    return error;
}

int ash_space_retry(struct ash_space *space, ash_va_t va, ash_mmu_attr_t access)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    struct ash_mmu_mapping mapping;
    int error = ash_space_query(space, va, &mapping);

    if (error != 0) {
        return error;
    }
    return (mapping.attr & access) == access ? 0 : ASH_EPERM;
}
