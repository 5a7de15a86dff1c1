/* SPDX-License-Identifier: MIT */
/*
 * Memory of the port to threads: one bank of RAM, and page contents.
 */
#include "port/port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

_Thread_local unsigned host_cpu;
_Thread_local unsigned host_inside;
_Thread_local unsigned long host_masked;
void (*host_interrupt)(void);

static struct {
    ash_pa_t base;
    size_t bytes;
    unsigned char *memory;
} bank;

void host_ram(ash_pa_t base, size_t bytes)
{
    free(bank.memory);
    bank.base = base;
    bank.bytes = bytes;
    /* Blocks of frames have the alignment of their addresses. */
    if (posix_memalign((void **)&bank.memory, ASH_PAGE_SIZE << ASH_MAX_ORDER, bytes) != 0) {
        fprintf(stderr, "no host memory\n");
        abort();
    }
}

void *port_ptr(ash_pa_t pa)
{
    return pa.value - bank.base.value < bank.bytes ? bank.memory + (pa.value - bank.base.value)
                                                   : NULL;
}

void port_page_zero(void *page)
{
    memset(page, 0, ASH_PAGE_SIZE);
}

void port_page_copy(void *to, const void *from)
{
    memcpy(to, from, ASH_PAGE_SIZE);
}

void port_zero(void *to, size_t size)
{
    memset(to, 0, size);
}

void port_copy(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
}

void host_wait(void)
{
    const struct timespec moment = {.tv_nsec = 1000};

    nanosleep(&moment, NULL);
    if (host_masked == 0 && host_interrupt != NULL) {
        host_interrupt();
    }
}

uint32_t port_cycles(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_nsec;
}
