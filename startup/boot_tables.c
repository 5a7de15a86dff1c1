/* SPDX-License-Identifier: MIT */
/*
 * Where the tables of the firmware's map come from: RAM that no allocator has yet, and then the
 * frame allocator, which takes over what was used before.
 */
#include "ashlar/boot.h"
#include "ashlar/frames.h"
#include "port/port.h"
#include "startup/boot_map.h"

/* Early tables come from the top of RAM one below the other, so few runs are enough to remember
 * them. What does not fit into the list stays reserved for good. */
#define EARLY_RUNS 8
static struct ash_regions *early_regions;
static struct ash_range early_run[EARLY_RUNS];
static unsigned early_runs;

static int early_take(void *context, ash_pa_t *table)
{
    struct ash_range *run = early_runs == 0 ? NULL : &early_run[early_runs - 1];
    int error;

    (void)context;
    error = ash_regions_take(early_regions, ASH_PAGE_SIZE, ASH_PAGE_SIZE, boot_map_limit(), table);
    if (error != 0) {
        return error;
    }
    port_page_zero(port_ptr(*table));
    if (run != NULL && table->value + ASH_PAGE_SIZE == run->base.value) {
        run->base.value = table->value;
        run->size += ASH_PAGE_SIZE;
    } else if (early_runs < EARLY_RUNS) {
        early_run[early_runs].base.value = table->value;
        early_run[early_runs].size = ASH_PAGE_SIZE;
        early_runs++;
    }
    return 0;
}

/* Only a failed operation gives tables back, and then the boot stops. */
static void early_give(void *context, ash_pa_t table)
{
    (void)context;
    (void)table;
}

static int frame_take(void *context, ash_pa_t *table)
{
    ash_frame_t frame;
    int error;

    (void)context;
    error = ash_frames_alloc(
        0, ASH_FRAMES_NORMAL | ASH_FRAMES_ZERO | ASH_FRAMES_OWNER(ASH_OWNER_TABLES), &frame);
    if (error == 0) {
        *table = ash_frame_pa(frame);
    }
    return error;
}

static void frame_give(void *context, ash_pa_t table)
{
    (void)context;
    ash_frames_free(ash_pa_frame(table), 0);
}

void boot_tables_early(struct ash_regions *regions, struct ash_mmu_tables *tables)
{
    early_regions = regions;
    early_runs = 0;
    tables->take = early_take;
    tables->give = early_give;
    tables->context = NULL;
}

int boot_tables_adopt(void)
{
    static const struct ash_mmu_tables tables = {frame_take, frame_give, NULL};
    int error = 0;

    for (unsigned i = 0; i < early_runs && error == 0; i++) {
        error = ash_frames_adopt(early_run[i], ASH_OWNER_TABLES);
    }
    ash_mmu_set_tables(&ash_boot_map, &tables);
    return error;
}
