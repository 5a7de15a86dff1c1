/* SPDX-License-Identifier: MIT */
/*
 * Printing a map: runs of mappings that continue each other, and the walk of one address.
 */
#include "mmu/attributes.h"
#include "mmu/walk.h"

const char *ash_mmu_type_name(ash_mmu_attr_t attr)
{
    static const char *const names[] = {"normal", "uncached", "device", "strict"};

    return names[(attr & ASH_MMU_TYPE_MASK) >> MMU_TYPE_SHIFT];
}

/* A run: neighbours that continue each other in VA and PA with the same attributes. */
struct run {
    ash_print_fn print;
    bool raw; /* for programs: one level a run */
    bool open;
    uint64_t va, pa, size; /* 64 bits: a run may end with the address space */
    ash_mmu_attr_t attr;
    unsigned level;         /* of its first entry */
    unsigned entries[4];    /* by level */
    unsigned long long sum; /* bytes of all runs */
};

static const char *access_name(ash_mmu_attr_t attr)
{
    static const char *const names[] = {"r---", "rw--", "r-x-", "rwx-",
                                        "r--u", "rw-u", "r-xu", "rwxu"};

    return names[attr & (ASH_MMU_WRITE | ASH_MMU_EXEC | ASH_MMU_USER)];
}

/* A size as a number and a unit that leave nothing out. */
static void print_size(ash_print_fn print, const char *format, uint64_t bytes)
{
    unsigned unit = 0;

    for (bytes >>= 10; unit < 2 && bytes != 0 && (bytes & 1023) == 0; unit++) {
        bytes >>= 10;
    }
    print(format, (unsigned long long)bytes, &"K\0M\0G"[unit * 2]);
}

static void close_run(struct run *run)
{
    static const char *const sizes[] = {"512G", "1G", "2M", "4K"};

    if (!run->open) {
        return;
    }
    run->open = false;
    run->sum += run->size;
    if (run->raw) {
        run->print("map 0x%llx 0x%llx 0x%llx %u %s %s\n", (unsigned long long)run->va,
                   (unsigned long long)run->pa, (unsigned long long)run->size, run->level,
                   ash_mmu_type_name(run->attr), access_name(run->attr));
        return;
    }
    run->print("  0x%08llx-0x%08llx", (unsigned long long)run->va,
               (unsigned long long)(run->va + (run->size - 1)));
    if (run->va == run->pa) {
        run->print(" = PA          ");
    } else {
        run->print(" > 0x%010llx", (unsigned long long)run->pa);
    }
    print_size(run->print, " %5llu %siB", run->size);
    run->print(" %-8s %s ", ash_mmu_type_name(run->attr), access_name(run->attr));
    for (unsigned level = 1; level <= 3; level++) {
        if (run->entries[level] > 0) {
            run->print(" %u x %s", run->entries[level], sizes[level]);
        }
    }
    run->print("\n");
}

static int extend(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct run *run = arg;

    if (!run->open || run->va + run->size != mapping->va.value ||
        run->pa + run->size != mapping->pa.value ||
        ((run->attr ^ mapping->attr) & ~MMU_ATTR_STATE) ||
        (run->raw && run->level != mapping->level)) {
        close_run(run);
        run->open = true;
        run->va = mapping->va.value;
        run->pa = mapping->pa.value;
        run->size = 0;
        run->attr = mapping->attr;
        run->level = mapping->level;
        run->entries[1] = run->entries[2] = run->entries[3] = 0;
    }
    run->size += mapping->size;
    run->entries[mapping->level]++;
    return 0;
}

static unsigned long long print_runs(const struct ash_mmu *map, ash_print_fn print, bool raw)
{
    struct run run = {.print = print, .raw = raw};

    ash_mmu_walk(map, map->base, (uint64_t)map->pages << ASH_PAGE_SHIFT, extend, &run);
    close_run(&run);
    return run.sum;
}

void ash_mmu_dump(const struct ash_mmu *map, ash_print_fn print)
{
    unsigned long long sum;

    print("%s, level %u to 3, root at 0x%llx, ", map->format->name, map->start,
          (unsigned long long)map->root_pa.value);
    if (map->global) {
        print("global\n");
    } else {
        print("ASID %u\n", map->asid);
    }
    sum = print_runs(map, print, false);
    print_size(print, "  %llu %siB mapped", sum);
    print(", %u tables\n", (unsigned)map->counters.tables);
}

void ash_mmu_dump_raw(const struct ash_mmu *map, ash_print_fn print)
{
    print_runs(map, print, true);
}

static void explain_leaf(const struct ash_mmu *map, uint64_t descriptor, unsigned level,
                         uintptr_t va, ash_print_fn print)
{
    ash_mmu_attr_t attr = mmu_leaf_decode(map, descriptor);
    uintptr_t inside = va & (uintptr_t)(mmu_leaf_step(level) - 1);

    print("%s at 0x%llx: %s %s%s%s\n", level == 3 ? "page" : "block",
          (unsigned long long)mmu_output(descriptor).value, ash_mmu_type_name(attr),
          access_name(attr), descriptor & MMU_NOT_GLOBAL ? "" : " global",
          descriptor & MMU_ACCESSED ? "" : " AF=0");
    print("  PA 0x%llx\n", (unsigned long long)(mmu_output(descriptor).value + inside));
}

void ash_mmu_explain(const struct ash_mmu *map, ash_va_t va, ash_print_fn print)
{
    uintptr_t page = (va.value - map->base.value) >> ASH_PAGE_SHIFT;
    ash_pa_t table = map->root_pa;

    print("VA 0x%llx\n", (unsigned long long)va.value);
    if (page >= map->pages) {
        print("  outside of this map\n");
        return;
    }
    for (unsigned level = map->start;; level++) {
        const uint64_t *entries = port_ptr(table);
        unsigned index = (unsigned)(page >> mmu_shift(level)) & (MMU_ENTRIES - 1);
        uint64_t descriptor = port_entry_load(&entries[index]);

        print("  level %u: table 0x%llx [%u] = 0x%016llx ", level, (unsigned long long)table.value,
              index, (unsigned long long)descriptor);
        if (!mmu_is_valid(descriptor)) {
            print("invalid: translation fault, level %u\n", level);
            return;
        }
        if (!mmu_is_table(descriptor, level)) {
            explain_leaf(map, descriptor, level, va.value, print);
            return;
        }
        table = mmu_output(descriptor);
        print("table at 0x%llx, %u entries valid%s\n", (unsigned long long)table.value,
              mmu_count(descriptor), descriptor & MMU_PINNED ? ", stays" : "");
    }
}
