/* SPDX-License-Identifier: MIT */
/*
 * Frames and attributes for a step: no frame ever has two memory types.
 */
#include "tests/fuzz/soak_parts.h"

ash_mmu_attr_t soak_draw_attr(struct soak *soak)
{
    static const ash_mmu_attr_t access[] = {
        0,
        ASH_MMU_WRITE,
        ASH_MMU_USER,
        ASH_MMU_WRITE | ASH_MMU_USER,
        ASH_MMU_EXEC,
        ASH_MMU_EXEC | ASH_MMU_USER,
        ASH_MMU_EXEC | ASH_MMU_GUARDED,
        ASH_MMU_EXEC | ASH_MMU_USER | ASH_MMU_GUARDED,
    };
    ash_mmu_attr_t type = (ash_mmu_attr_t)soak_draw(&soak->source, 4) << 8;
    ash_mmu_attr_t attr = type | access[soak_draw(&soak->source, type < ASH_MMU_DEVICE ? 8 : 4)];

    if (soak->config.track) {
        attr |= soak_draw(&soak->source, 3) == 0 ? ASH_MMU_OLD : 0;
        attr |= (attr & ASH_MMU_WRITE) && soak_draw(&soak->source, 2) == 0 ? ASH_MMU_CLEAN : 0;
    }
    return attr;
}

/* The memory type that other mappings of these frames have; false: they have several. `but` is not
 * looked at (pages of the mapping itself), `type` is what it shall be if there are none. */
static bool type_of_others(const struct soak *soak, uint64_t frame, uint64_t pages,
                           const struct soak_span *but, ash_mmu_attr_t *type)
{
    bool found = false;

    for (unsigned i = 0; i < soak->shadow->runs; i++) {
        const struct shadow_run *run = &soak->shadow->run[i];
        uint64_t from = frame > run->frame ? frame : run->frame;
        uint64_t to = soak_least(frame + pages, run->frame + run->pages);
        uint64_t first, last;

        if (from >= to) {
            continue;
        }
        first = run->page + (from - run->frame);
        last = run->page + (to - run->frame);
        if (first >= but->page && last <= but->end) {
            continue;
        }
        if (found && (run->attr & ASH_MMU_TYPE_MASK) != *type) {
            return false;
        }
        *type = run->attr & ASH_MMU_TYPE_MASK;
        found = true;
    }
    return true;
}

/* How far the frames are from the pages: mostly so that blocks and merges are possible. */
static uint64_t draw_frame(struct soak *soak, uint64_t page, uint64_t pages)
{
    uint64_t frames = 1ull << (soak->format->output_bits - ASH_PAGE_SHIFT), frame = page;
    const struct shadow_run *run = shadow_after(soak->shadow, page > 0 ? page - 1 : 0);

    switch (soak_draw(&soak->source, 8)) {
    case 0:
    case 1:
    case 2:
        if (run != NULL) {
            frame = page + (run->frame - run->page); /* continues its neighbour */
        }
        break;
    case 3:
    case 4:
        frame = page + shadow_reach(1) * soak_draw(&soak->source, 64);
        break;
    case 5:
        frame = page + shadow_reach(2) * soak_draw(&soak->source, 4096);
        break;
    case 6:
        frame = page + soak_draw(&soak->source, 65536);
        break;
    default:
        frame = frames - pages;
        break;
    }
    frame %= frames;
    return frame + pages > frames ? frames - pages : frame;
}

bool soak_draw_target(struct soak *soak, struct soak_step *step)
{
    const struct soak_span nothing = {0, 0};
    uint64_t tables = soak->format->tables >> ASH_PAGE_SHIFT;

    for (unsigned tries = 0; tries < 4; tries++) {
        ash_mmu_attr_t attr = soak_draw_attr(soak), type = attr & ASH_MMU_TYPE_MASK;

        step->frame = draw_frame(soak, step->page, step->pages);
        if (step->frame < tables + SOAK_FRAMES && tables < step->frame + step->pages) {
            continue;
        }
        if (!type_of_others(soak, step->frame, step->pages, &nothing, &type)) {
            continue;
        }
        if (type >= ASH_MMU_DEVICE) {
            attr &= ~(ASH_MMU_EXEC | ASH_MMU_GUARDED);
        }
        step->attr = (attr & ~ASH_MMU_TYPE_MASK) | type;
        return true;
    }
    return false;
}

static bool has_hole(const struct shadow *shadow, const struct soak_span *span)
{
    const struct shadow_run *run = shadow_after(shadow, span->page);
    uint64_t page = span->page;

    for (; page < span->end; page = shadow_end(run++)) {
        if (run == NULL || run == shadow->run + shadow->runs || run->page > page) {
            return true;
        }
    }
    return false;
}

void soak_keep_type(struct soak *soak, struct soak_step *step)
{
    const struct soak_span own = {step->page, step->page + step->pages};
    const struct shadow_run *run = shadow_after(soak->shadow, step->page);
    ash_mmu_attr_t wanted = step->attr & ASH_MMU_TYPE_MASK;

    if (has_hole(soak->shadow, &own)) {
        return; /* refused anyway */
    }
    for (; run < soak->shadow->run + soak->shadow->runs && run->page < own.end; run++) {
        ash_mmu_attr_t type = wanted;
        uint64_t from = run->page > own.page ? run->page : own.page;
        uint64_t to = soak_least(shadow_end(run), own.end);

        if (!type_of_others(soak, run->frame + (from - run->page), to - from, &own, &type) ||
            type != wanted) {
            /* As the first run's; a range of several types is cut where they differ. */
            step->attr &= ~(ASH_MMU_TYPE_MASK | ASH_MMU_EXEC | ASH_MMU_GUARDED);
            run = shadow_after(soak->shadow, own.page);
            step->attr |= run->attr & ASH_MMU_TYPE_MASK;
            for (to = own.page; to < own.end && ((run->attr ^ step->attr) & ASH_MMU_TYPE_MASK) == 0;
                 run++) {
                to = shadow_end(run);
            }
            step->pages = soak_least(step->pages, to - own.page);
            return;
        }
    }
}
