/* SPDX-License-Identifier: MIT */
/*
 * The mistakes that C can make.
 */
#include "tests/target/provoke.h"

#include <stdlib.h>
#include <string.h>

#include "ashlar/boot.h"
#include "ashlar/frames.h"
#include "ashlar/irq.h"
#include "ashlar/platform.h"
#include "ashlar/trap.h"
#include "ashlar/vmap.h"
#include "port/port.h"

#define PROVOKE_STACK_BYTES ((size_t)8192)

const uint32_t provoke_table[PROVOKE_TABLE_WORDS] = {0x41534800, 0x41534801, 0x41534802,
                                                     0x41534803};

/* The compiler must not know what is wrong with an address. */
static uintptr_t hidden(uintptr_t address)
{
    __asm__ volatile("" : "+r"(address));
    return address;
}

static void store(uintptr_t address)
{
    *(volatile uint32_t *)hidden(address) = 0;
}

static void call(uintptr_t address)
{
    ((void (*)(void))hidden(address))();
}

static void null_read(void *unused)
{
    (void)unused;
    (void)*(volatile uint32_t *)hidden(8);
}

static void null_write(void *unused)
{
    (void)unused;
    store(8);
}

static void null_call(void *unused)
{
    (void)unused;
    call(0);
}

static void rodata_write(void *unused)
{
    (void)unused;
    store((uintptr_t)&provoke_table[1]);
}

static void text_write(void *unused)
{
    (void)unused;
    store((uintptr_t)ash_strerror);
}

static void data_call(void *unused)
{
    static uint32_t code[1];

    (void)unused;
    code[0] = provoke_return_code[0];
    port_code_sync(code, sizeof(code));
    call((uintptr_t)code);
}

static void stack_call(void *unused)
{
    volatile uint32_t code[1];

    (void)unused;
    code[0] = provoke_return_code[0];
    port_code_sync((const void *)(uintptr_t)code, sizeof(code));
    call((uintptr_t)code);
}

static void heap_call(void *unused)
{
    static uint32_t *code; /* found again by the next run: a fault never comes back to free it */

    (void)unused;
    if (code == NULL) {
        code = malloc(sizeof(*code));
    }
    if (code != NULL) {
        code[0] = provoke_return_code[0];
        port_code_sync(code, sizeof(*code));
        call((uintptr_t)code);
    }
}

static void rodata_call(void *unused)
{
    (void)unused;
    call((uintptr_t)provoke_return_code);
}

static void device_call(void *unused)
{
    const struct ash_range *registers = &ash_platform.device[0].range;
    ash_va_t va;

    (void)unused;
    if (ash_map_device(registers->base, ASH_PAGE_SIZE, &va) == 0) {
        call(va.value);
    }
}

static void overflow_created(void *unused)
{
    static char *stack; /* a report is the end: nobody destroys it */

    if (stack == NULL) {
        stack = ash_stack_create("worker", PROVOKE_STACK_BYTES);
    }
    if (stack != NULL) {
        provoke_on_stack(provoke_overflow_here, unused, stack + PROVOKE_STACK_BYTES);
    }
}

static void double_free(void *unused)
{
    ash_frame_t frame;

    (void)unused;
    if (ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame) == 0) {
        ash_frames_free(frame, 0);
        ash_frames_free(frame, 0);
    }
}

static void foreign_free(void *unused)
{
    static uint32_t word;

    (void)unused;
    free((void *)hidden((uintptr_t)&word));
}

static void aborted(void *unused)
{
    (void)unused;
    abort();
}

static void read_null_on_tick(void *unused)
{
    null_read(unused);
}

static void wait_for_a_tick(void *unused)
{
    (void)unused;
    ash_irq_enable();
    for (volatile unsigned i = 0; i < 100000000; i++) {
    }
}

/* The program catches its own faults; a handler's fault in the middle of that is not one. */
static void handler_fault(void *unused)
{
    struct ash_trap trap;

    if (ash_tick(100, read_null_on_tick, NULL) == 0) {
        (void)ash_trap_catch(wait_for_a_tick, unused, &trap);
    }
}

#define ONE(name, help, run)                                                                       \
    {                                                                                              \
        name, help, run, ASH_STACK_NONE                                                            \
    }

static const struct provocation provocations[] = {
    ONE("null-read", "read through NULL", null_read),
    ONE("null-write", "write through NULL", null_write),
    ONE("null-call", "call NULL", null_call),
    ONE("rodata-write", "write a constant", rodata_write),
    ONE("text-write", "write code", text_write),
    ONE("data-call", "execute .data or .bss", data_call),
    ONE("stack-call", "execute the stack", stack_call),
    ONE("heap-call", "execute the heap", heap_call),
    ONE("rodata-call", "execute constants", rodata_call),
    ONE("device-call", "execute device registers", device_call),
    ONE("undefined", "an undefined instruction", provoke_undefined),
    ONE("call", "a supervisor call that nobody serves", provoke_call),
    ONE("alignment", "a misaligned double-word load", provoke_alignment),
    ONE("overflow-created", "run over a stack made by ash_stack_create", overflow_created),
    ONE("handler-fault", "read through NULL in an interrupt handler", handler_fault),
    ONE("double-free", "free a frame twice", double_free),
    ONE("foreign-free", "free what malloc never gave", foreign_free),
    ONE("abort", "call abort()", aborted),
};

#define GENERAL (sizeof(provocations) / sizeof(provocations[0]))

const struct provocation *provoke_nth(unsigned n)
{
    const struct provocation *p = n < GENERAL ? &provocations[n] : &provoke_own[n - GENERAL];

    return p->name == NULL ? NULL : p;
}

const struct provocation *provoke_find(const char *name)
{
    const struct provocation *p;

    for (unsigned n = 0; (p = provoke_nth(n)) != NULL && strcmp(p->name, name) != 0; n++) {
    }
    return p;
}
