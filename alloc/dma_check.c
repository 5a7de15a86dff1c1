/* SPDX-License-Identifier: MIT */
/*
 * The checker's table of mappings and buffers. It changes none of them, and nothing that a device
 * or driver relies on comes from it: a table that is full makes nothing fail.
 */
#include "alloc/dma_check.h"

#if ASH_CHECK >= 1

#include "ashlar/fault.h"
#include "port/port.h"
#include "port/spinlock.h"

static struct {
    struct ash_spinlock lock;
    struct dma_record record[ASH_DMA_RECORDS];
    uint32_t end; /* all records from here on are free */
    uint32_t used, unrecorded, misused;
    struct ash_range stacks;
} checker = {.lock = ASH_SPINLOCK(ASH_LOCK_DMA, "dma checker")};

void dma_check_start(struct ash_range stacks)
{
    spinlock_retire(&checker.lock);
    spinlock_init(&checker.lock, ASH_LOCK_DMA, "dma checker");
    port_zero(checker.record, sizeof(checker.record));
    checker.end = checker.used = checker.unrecorded = checker.misused = 0;
    checker.stacks = stacks;
}

int dma_misuse(const char *what, uint64_t address, const void *caller, int error)
{
    const struct ash_fault fault = {
        .kind = ASH_FAULT_DMA,
        .module = "dma",
        .what = what,
        .address = address,
        .caller = caller,
    };

    (void)port_fetch_add(&checker.misused, 1);
    ash_fault_hook(&fault);
    return error;
}

static bool check_overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static bool check_device_writes(const struct dma_record *record)
{
    return record->direction != ASH_DMA_TO_DEVICE;
}

/* Memory that can be read and not written. (Whole pages have one permission; both ends stand for
 * all of it.) */
static bool check_read_only(uint64_t pa)
{
    struct port_translation unused;

    return port_translate(ash_va((uintptr_t)pa), PORT_READ, &unused) &&
           !port_translate(ash_va((uintptr_t)pa), PORT_WRITE, &unused);
}

static const char *check_place(const struct dma_record *wanted)
{
    if (!check_device_writes(wanted) || wanted->direction == DMA_BUFFER) {
        return NULL;
    }
    if (checker.stacks.size != 0 &&
        check_overlaps(wanted->pa, wanted->size, checker.stacks.base.value, checker.stacks.size)) {
        return "a device would write to a stack";
    }
    if (check_read_only(wanted->pa) || check_read_only(wanted->pa + wanted->size - 1)) {
        return "a device would write to read-only memory";
    }
    return NULL;
}

int dma_check_begin(const struct dma_record *wanted, uint32_t *record)
{
    const char *wrong = check_place(wanted);
    uint32_t free = ASH_DMA_RECORDS;
    bool overlaps = false;
    unsigned long saved;

    if (wrong != NULL) {
        return dma_misuse(wrong, wanted->pa, wanted->caller, ASH_EPERM);
    }
    saved = spinlock_acquire(&checker.lock);
    for (uint32_t i = 0; i < checker.end && !overlaps; i++) {
        const struct dma_record *other = &checker.record[i];

        if (other->device == NULL) {
            free = free == ASH_DMA_RECORDS ? i : free;
        } else {
            overlaps = (check_device_writes(wanted) || check_device_writes(other)) &&
                       check_overlaps(wanted->pa, wanted->size, other->pa, other->size);
        }
    }
    if (free == ASH_DMA_RECORDS) {
        free = checker.end;
    }
    if (overlaps) {
        free = ASH_DMA_RECORDS;
    } else if (free < ASH_DMA_RECORDS) {
        checker.record[free] = *wanted;
        checker.end = free == checker.end ? free + 1 : checker.end;
        checker.used++;
    } else {
        checker.unrecorded++;
    }
    spinlock_release(&checker.lock, saved);
    *record = free < ASH_DMA_RECORDS ? free + 1 : 0;
    return overlaps ? dma_misuse("memory is mapped that a device has", wanted->pa, wanted->caller,
                                 ASH_EBUSY)
                    : 0;
}

/* Under the lock. */
static void check_drop(uint32_t i)
{
    checker.record[i].device = NULL;
    checker.used--;
    while (checker.end > 0 && checker.record[checker.end - 1].device == NULL) {
        checker.end--;
    }
}

bool dma_check_end(const struct ash_dma_device *device, ash_pa_t pa, uint32_t record)
{
    unsigned long saved;
    bool known;

    if (record == 0 || record > ASH_DMA_RECORDS) {
        return false;
    }
    saved = spinlock_acquire(&checker.lock);
    known =
        checker.record[record - 1].device == device && checker.record[record - 1].pa == pa.value;
    if (known) {
        check_drop(record - 1);
    }
    spinlock_release(&checker.lock, saved);
    return known;
}

int dma_check_same(const struct dma_record *wanted, uint32_t record)
{
    struct dma_record noted = {.device = NULL};
    unsigned long saved;
    const char *wrong;

    if (record == 0) {
        return 0;
    }
    if (record <= ASH_DMA_RECORDS) {
        saved = spinlock_acquire(&checker.lock);
        noted = checker.record[record - 1];
        spinlock_release(&checker.lock, saved);
    }
    wrong = noted.device == NULL || noted.owner != wanted->owner
                ? "a copy of a mapping or buffer, or what was ended before"
            : noted.device != wanted->device       ? "a mapping of another device"
            : noted.pa != wanted->pa               ? "a mapping of other memory"
            : noted.size != wanted->size           ? "a mapping of another size"
            : noted.direction != wanted->direction ? "a mapping of another direction"
                                                   : NULL;
    return wrong == NULL ? 0 : dma_misuse(wrong, wanted->pa, wanted->caller, ASH_ECORRUPT);
}

bool dma_check_next(uint32_t *cursor, struct dma_record *record)
{
    unsigned long saved = spinlock_acquire(&checker.lock);
    bool found = false;

    while (*cursor < checker.end && !found) {
        *record = checker.record[(*cursor)++];
        found = record->device != NULL;
    }
    spinlock_release(&checker.lock, saved);
    return found;
}

void dma_check_forget(const struct ash_dma_device *device)
{
    unsigned long saved = spinlock_acquire(&checker.lock);

    for (uint32_t i = checker.end; i-- > 0;) {
        if (checker.record[i].device == device) {
            check_drop(i);
        }
    }
    spinlock_release(&checker.lock, saved);
}

void dma_check_left(const struct ash_dma_device *device, const void *caller)
{
    struct dma_record record;
    uint32_t cursor = 0;

    while (dma_check_next(&cursor, &record)) {
        if (record.device == device) {
            (void)dma_misuse(record.direction == DMA_BUFFER ? "a device goes, and leaves a buffer"
                                                            : "a device goes, and leaves a mapping",
                             record.pa, caller, 0);
        }
    }
}

void dma_check_stats(struct ash_dma_stats *stats)
{
    unsigned long saved = spinlock_acquire(&checker.lock);

    stats->recorded = checker.used;
    stats->unrecorded = checker.unrecorded;
    spinlock_release(&checker.lock, saved);
    stats->misused = port_load_acquire(&checker.misused);
}

#endif
