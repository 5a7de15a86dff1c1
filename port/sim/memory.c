/* SPDX-License-Identifier: MIT */
/*
 * Simulated RAM. Each bank that is checked is there twice: as CPUs see it, which is what pointers
 * lead to, and as those see it that look behind the store buffers and the data cache.
 */
#include "port/sim/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_bank sim_banks[SIM_BANKS];
unsigned sim_bank_count;
bool sim_hostile;

/* Banks of the machine before, whose memory is used again: tests start thousands of machines. */
static struct sim_bank spare[SIM_BANKS];

static void free_bank(struct sim_bank *bank)
{
    free(bank->memory);
    free(bank->seen);
    free(bank->frames);
    *bank = (struct sim_bank){0};
}

static void forget_banks(void)
{
    for (unsigned i = 0; i < SIM_BANKS; i++) {
        if (i < sim_bank_count) {
            free_bank(&spare[i]);
            spare[i] = sim_banks[i];
        }
    }
    sim_bank_count = 0;
}

void sim_start(void)
{
    forget_banks();
    sim_hostile = true;
    sim_user = false;
    sim_range_tlbi = false;
    sim_coherent_walks = true;
    sim_line = 64;
    sim_regime = (struct sim_regime){.wxn = true};
    sim_cpus_start();
    sim_exclusive_start();
    sim_tables_start();
    sim_tlb_start();
    sim_cache_start();
    sim_operations_start();
}

/* Blocks of frames have the alignment of their addresses. */
static void *take(size_t bytes)
{
    void *memory;

    if (posix_memalign(&memory, ASH_PAGE_SIZE << ASH_MAX_ORDER, bytes) != 0) {
        sim_broken(SIM_MISUSE, "no host memory for %zu bytes", bytes);
    }
    return memory;
}

/* Memory for a bank of that size, whatever it holds. */
static void take_bank(struct sim_bank *bank, size_t bytes, bool checked)
{
    for (unsigned i = 0; i < SIM_BANKS; i++) {
        if (spare[i].memory != NULL && spare[i].bytes == bytes) {
            *bank = spare[i];
            spare[i] = (struct sim_bank){0};
            return;
        }
    }
    bank->bytes = bytes;
    bank->memory = take(bytes);
    if (checked) {
        bank->seen = take(bytes);
        bank->frames = malloc(bytes / ASH_PAGE_SIZE * sizeof *bank->frames);
        if (bank->frames == NULL) {
            sim_broken(SIM_MISUSE, "no host memory for %zu bytes", bytes);
        }
    }
}

void sim_add_ram(ash_pa_t base, size_t bytes)
{
    struct sim_bank *bank = &sim_banks[sim_bank_count];
    bool checked = bytes <= SIM_POISON_MAX;

    if (sim_bank_count == SIM_BANKS || !ash_is_aligned(base.value | bytes, ASH_PAGE_SIZE)) {
        sim_broken(SIM_MISUSE, "RAM refused: %#llx", (unsigned long long)base.value);
    }
    take_bank(bank, bytes, checked);
    bank->base = base.value;
    memset(bank->memory, checked ? SIM_POISON : 0, bytes);
    if (checked) {
        memset(bank->seen, SIM_POISON, bytes);
        memset(bank->frames, 0, bytes / ASH_PAGE_SIZE * sizeof *bank->frames);
    }
    sim_bank_count++;
}

bool sim_spot_at(uint64_t pa, struct sim_spot *spot)
{
    for (unsigned i = 0; i < sim_bank_count; i++) {
        if (pa - sim_banks[i].base < sim_banks[i].bytes) {
            spot->bank = &sim_banks[i];
            spot->offset = (size_t)(pa - sim_banks[i].base);
            return true;
        }
    }
    return false;
}

bool sim_spot_of(const void *pointer, struct sim_spot *spot)
{
    for (unsigned i = 0; i < sim_bank_count; i++) {
        uintptr_t offset = (uintptr_t)pointer - (uintptr_t)sim_banks[i].memory;

        if (offset < sim_banks[i].bytes) {
            spot->bank = &sim_banks[i];
            spot->offset = offset;
            return true;
        }
    }
    return false;
}

void *port_ptr(ash_pa_t pa)
{
    struct sim_spot spot;

    return sim_spot_at(pa.value, &spot) ? spot.bank->memory + spot.offset : NULL;
}

uint64_t sim_address_of(const void *pointer)
{
    struct sim_spot spot;

    return sim_spot_of(pointer, &spot) ? spot.bank->base + spot.offset : (uintptr_t)pointer;
}

ash_pa_t sim_pa(const void *pointer)
{
    uint64_t address = sim_address_of(pointer);

    if (port_ptr(ash_pa(address)) != pointer) {
        sim_broken(SIM_MISUSE, "not a pointer into RAM: %p", pointer);
    }
    return ash_pa(address);
}

void port_page_zero(void *page)
{
    if (!ash_is_aligned((uintptr_t)page, ASH_PAGE_SIZE)) {
        sim_broken(SIM_MISUSE, "page_zero of a misaligned page: %p", page);
    }
    port_zero(page, ASH_PAGE_SIZE);
}

void port_page_copy(void *to, const void *from)
{
    if (!ash_is_aligned((uintptr_t)to | (uintptr_t)from, ASH_PAGE_SIZE)) {
        sim_broken(SIM_MISUSE, "page_copy of a misaligned page: %p, %p", to, from);
    }
    port_copy(to, from, ASH_PAGE_SIZE);
}

void port_zero(void *to, size_t size)
{
    sim_cache_bulk(to, size, false);
    memset(to, 0, size);
    sim_cache_bulk(to, size, true);
}

void port_copy(void *to, const void *from, size_t size)
{
    sim_cache_bulk_read(from, size);
    sim_cache_bulk(to, size, false);
    memcpy(to, from, size);
    sim_cache_bulk(to, size, true);
}
