/* SPDX-License-Identifier: MIT */
/*
 * Exclusive accesses (DDI 0487 B2.9, DDI 0406C A3.4), and the port's atomic operations made of
 * them. A monitor may fail for no reason, and knows nothing of values.
 */
#include "port/sim/state.h"

#include <string.h>

#define WATCHED       16u
#define SPURIOUS_IN_N 16u

/* Words that a compare-exchange takes for untouched: stores so far, and at each CPU's last load. */
static struct {
    const void *word;
    uint32_t stores;
    uint32_t loaded[SIM_CPUS];
} watched[WATCHED];
static unsigned watched_count;
const void *sim_released;

void sim_exclusive_start(void)
{
    watched_count = 0;
    sim_released = NULL;
}

void sim_watch(const void *word)
{
    if (watched_count == WATCHED) {
        sim_broken(SIM_MISUSE, "too many words are watched");
    }
    memset(&watched[watched_count], 0, sizeof watched[0]);
    watched[watched_count++].word = word;
}

void sim_watch_load(const void *word)
{
    for (unsigned i = 0; i < watched_count; i++) {
        if (watched[i].word == word) {
            watched[i].loaded[sim_cpu] = watched[i].stores;
        }
    }
}

/* A store by any CPU closes the monitors of the others for that word. */
void sim_watch_store(const void *word)
{
    for (unsigned i = 0; i < watched_count; i++) {
        watched[i].stores += watched[i].word == word;
    }
    for (unsigned cpu = 0; cpu < sim_cpu_count; cpu++) {
        if (cpu != sim_cpu && sim_cpu_states[cpu].monitor == word) {
            sim_cpu_states[cpu].monitor = NULL;
        }
    }
}

static void watch_exchange(const void *word)
{
    for (unsigned i = 0; i < watched_count; i++) {
        if (watched[i].word == word && watched[i].loaded[sim_cpu] != watched[i].stores) {
            sim_broken(40, "a word that was changed and changed back is taken for untouched (ABA)");
        }
    }
}

void sim_explicit_failed(void)
{
    if (sim_hostile) {
        sim_broken(40, "a memory access between an exclusive load and its store");
    }
}

void sim_exclusive_rest(void)
{
    if (sim_this()->monitor != NULL) {
        sim_broken(40, "the exclusive monitor was left open (no CLREX)");
    }
}

void sim_exception_return(void)
{
    sim_exclusive_rest();
}

static uint64_t value_of(const void *word, size_t size)
{
    return size == sizeof(uint32_t) ? __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE)
                                    : __atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE);
}

uint64_t sim_load_exclusive(const void *word, size_t size)
{
    sim_explicit_access();
    if (sim_hostile && (sim_this()->mmu_off || sim_this()->no_smp)) {
        sim_broken(39, "CPU %u: an exclusive access %s", sim_cpu,
                   sim_this()->mmu_off ? "with the MMU off" : "without the SMP bit");
    }
    sim_step();
    sim_this()->monitor = word;
    return value_of(word, size);
}

/* The store of a compare-exchange, or another. */
static bool store(void *word, uint64_t value, size_t size, bool compared)
{
    bool open = sim_this()->monitor == word;

    sim_this()->monitor = NULL;
    if (!open || (sim_stepping && sim_random() % SPURIOUS_IN_N == 0)) {
        return false;
    }
    if (compared && sim_hostile) {
        watch_exchange(word);
    }
    sim_watch_store(word);
    if (size == sizeof(uint32_t)) {
        __atomic_store_n((uint32_t *)word, (uint32_t)value, __ATOMIC_RELEASE);
    } else {
        __atomic_store_n((uint64_t *)word, value, __ATOMIC_RELEASE);
    }
    return true;
}

bool sim_store_exclusive(void *word, uint64_t value, size_t size)
{
    return store(word, value, size, false);
}

void sim_clear_exclusive(void)
{
    sim_this()->monitor = NULL;
}

uint32_t port_fetch_add(uint32_t *word, uint32_t n)
{
    uint32_t old;

    do {
        old = (uint32_t)sim_load_exclusive(word, sizeof *word);
        sim_step();
    } while (!sim_store_exclusive(word, old + n, sizeof *word));
    return old;
}

uint32_t port_fetch_add_relaxed(uint32_t *word, uint32_t n)
{
    return port_fetch_add(word, n);
}

/* A failed comparison: the monitor is closed, unless a test wants that forgotten. */
static bool compare_failed(void)
{
    if (sim_made_worse(SIM_EXCHANGE, false) != SIM_OPEN_MONITOR) {
        sim_clear_exclusive();
    }
    return false;
}

bool port_exchange32(uint32_t *word, uint32_t expected, uint32_t value)
{
    do {
        if (sim_load_exclusive(word, sizeof *word) != expected) {
            return compare_failed();
        }
        sim_step();
    } while (!store(word, value, sizeof *word, true));
    return true;
}

bool sim_exchange64(uint64_t *word, uint64_t *expected, uint64_t value)
{
    do {
        uint64_t seen = sim_load_exclusive(word, sizeof *word);

        if (seen != *expected) {
            *expected = seen;
            return compare_failed();
        }
        sim_step();
    } while (!store(word, value, sizeof *word, true));
    return true;
}

uint32_t port_load_acquire(const uint32_t *word)
{
    sim_explicit_access();
    sim_step();
    sim_watch_load(word);
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

void port_store_release(uint32_t *word, uint32_t value)
{
    sim_explicit_access();
    sim_watch_store(word);
    sim_released = word;
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    sim_step();
}

/* One attempt of a compare-exchange. */
static bool attempt(void *word, uint64_t expected, uint64_t value, size_t size)
{
    if (sim_load_exclusive(word, size) != expected) {
        return compare_failed();
    }
    sim_step();
    return store(word, value, size, true);
}

bool port_exchange64_acquire(uint64_t *word, uint64_t expected, uint64_t value)
{
    return attempt(word, expected, value, sizeof *word);
}

bool port_exchange64_release(uint64_t *word, uint64_t expected, uint64_t value)
{
    sim_publish_barrier();
    return attempt(word, expected, value, sizeof *word);
}

bool port_exchange32_relaxed(uint32_t *word, uint32_t expected, uint32_t value)
{
    return attempt(word, expected, value, sizeof *word);
}

uint64_t port_load64_relaxed(const uint64_t *word)
{
    sim_explicit_access();
    sim_step();
    sim_watch_load(word);
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

void port_store64_relaxed(uint64_t *word, uint64_t value)
{
    sim_explicit_access();
    sim_watch_store(word);
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
    sim_step();
}

uint32_t port_load_relaxed(const uint32_t *word)
{
    sim_explicit_access();
    sim_step();
    sim_watch_load(word);
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

void port_store_relaxed(uint32_t *word, uint32_t value)
{
    sim_explicit_access();
    sim_watch_store(word);
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
    sim_step();
}
