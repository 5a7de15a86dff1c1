/* SPDX-License-Identifier: MIT */
/*
 * Loads, stores and fetches by virtual address: translated as the tables say, unless something is
 * pending or a TLB may know otherwise; then a rule is broken.
 */
#include "port/sim/state.h"

#include <string.h>

bool sim_user;

struct sim_answer sim_access(uint64_t va, unsigned access)
{
    bool hostile = sim_hostile;
    struct sim_answer answer;
    unsigned rule;

    sim_step();
    sim_explicit_access();
    sim_hostile = false; /* the walk alone, whatever other CPUs are at */
    answer = sim_translate(va, access);
    sim_hostile = hostile;
    if (!hostile) {
        return answer;
    }
    sim_tables_sync(false);
    sim_tlb_check(va, access, &answer);
    rule = sim_tables_pending(va);
    if (rule != 0) {
        sim_broken(rule, "an access to %#llx relies on an entry that may not be in force yet",
                   (unsigned long long)va);
    }
    sim_hardware_access(&answer, va, access);
    return answer;
}

static enum sim_memory memory_type(uint8_t memory)
{
    return memory >> 4 == 0 ? SIM_DEVICE : memory == 0x44 ? SIM_UNCACHED : SIM_CACHEABLE;
}

/* The part of an access that lies in one page. */
static size_t part_of(uint64_t va, size_t size)
{
    size_t room = ASH_PAGE_SIZE - (size_t)(va % ASH_PAGE_SIZE);

    return size < room ? size : room;
}

static bool touch(uint64_t va, unsigned access, struct sim_spot *spot, enum sim_memory *memory)
{
    struct sim_answer answer = sim_access(va, access | (sim_user ? SIM_UNPRIVILEGED : 0));

    if (answer.fault != SIM_OK) {
        return false;
    }
    *memory = memory_type(answer.memory);
    return sim_spot_at(answer.pa.value, spot);
}

bool sim_read(uint64_t va, void *to, size_t size)
{
    unsigned char *bytes = to;

    while (size > 0) {
        size_t part = part_of(va, size);
        enum sim_memory memory;
        struct sim_spot spot;

        if (!touch(va, SIM_READ, &spot, &memory)) {
            return false;
        }
        if (sim_hostile) {
            sim_cache_read(&spot, part, memory);
        }
        memcpy(bytes, spot.bank->memory + spot.offset, part);
        va += part;
        bytes += part;
        size -= part;
    }
    return true;
}

bool sim_write(uint64_t va, const void *from, size_t size)
{
    const unsigned char *bytes = from;

    while (size > 0) {
        size_t part = part_of(va, size);
        enum sim_memory memory;
        struct sim_spot spot;

        if (!touch(va, SIM_WRITE, &spot, &memory)) {
            return false;
        }
        if (sim_hostile) {
            sim_cache_write(&spot, part, memory, false);
        }
        memcpy(spot.bank->memory + spot.offset, bytes, part);
        if (sim_hostile) {
            sim_cache_write(&spot, part, memory, true);
        }
        va += part;
        bytes += part;
        size -= part;
    }
    return true;
}

bool sim_fetch(uint64_t va, uint32_t *instruction)
{
    enum sim_memory memory;
    struct sim_spot spot;

    if (!touch(va, SIM_FETCH, &spot, &memory)) {
        return false;
    }
    if (sim_hostile) {
        sim_cache_fetch(&spot);
    }
    memcpy(instruction, spot.bank->memory + spot.offset, sizeof *instruction);
    return true;
}
