/* SPDX-License-Identifier: MIT */
/*
 * Marks: who wants to know is told when a zone has little free, and when it has enough again. Sees
 * the figures only when they pass the floor or the ceiling that it sets.
 */
#include "alloc/frames.h"

static void note_level(struct frames_zone *zone, enum ash_frames_level level)
{
    zone->level = level;
    __atomic_store_n(&zone->pending, zone->pending | 1u << level, __ATOMIC_RELAXED);
}

void frames_note(struct frames_zone *zone)
{
    const struct ash_frames_marks *marks = &zone->marks;
    uint32_t mark = 0;

    if (zone->free < zone->least) {
        zone->least = zone->free;
    }
    if (zone->free >= marks->high && zone->level != ASH_FRAMES_ENOUGH) {
        note_level(zone, ASH_FRAMES_ENOUGH);
    }
    if (zone->free < marks->low && zone->level < ASH_FRAMES_LOW) {
        note_level(zone, ASH_FRAMES_LOW);
    }
    if (zone->free < marks->min && zone->level < ASH_FRAMES_MIN) {
        note_level(zone, ASH_FRAMES_MIN);
    }
    if (zone->level != ASH_FRAMES_MIN) {
        mark = zone->level == ASH_FRAMES_ENOUGH ? marks->low : marks->min;
    }
    zone->floor = mark > zone->least ? mark : zone->least;
    zone->ceiling = zone->level == ASH_FRAMES_ENOUGH ? UINT32_MAX : marks->high;
}

void frames_tell(void)
{
    for (unsigned i = 0; i < ASH_ZONE_COUNT; i++) {
        struct frames_zone *zone = &frames_state.zone[i];
        unsigned long saved = spinlock_acquire(&frames_state.lock);
        struct ash_frames_marks marks = zone->marks;
        unsigned pending = zone->pending;

        __atomic_store_n(&zone->pending, 0, __ATOMIC_RELAXED);
        spinlock_release(&frames_state.lock, saved);
        for (unsigned level = 0; pending >> level != 0; level++) {
            if ((pending >> level & 1u) != 0) {
                marks.crossed((enum ash_zone)i, (enum ash_frames_level)level, marks.arg);
            }
        }
    }
}

int ash_frames_watch(enum ash_zone zone, const struct ash_frames_marks *marks)
{
    struct frames_zone *watched = &frames_state.zone[zone];
    unsigned long saved;

    if ((unsigned)zone >= ASH_ZONE_COUNT ||
        (marks != NULL &&
         (marks->crossed == NULL || marks->min > marks->low || marks->low > marks->high))) {
        return ASH_EINVAL;
    }
    saved = spinlock_acquire(&frames_state.lock);
    watched->marks = marks != NULL ? *marks : (struct ash_frames_marks){0};
    watched->level = ASH_FRAMES_ENOUGH;
    watched->pending = 0;
    frames_note(watched);
    spinlock_release(&frames_state.lock, saved);
    frames_tell();
    return 0;
}
