/* SPDX-License-Identifier: MIT */
/*
 * Contexts of the firmware itself: threads of control with a stack each, which give the processor
 * to one another by a call. Who runs when and where is a scheduler's business (examples/sched).
 */
#ifndef ASHLAR_CONTEXT_H
#define ASHLAR_CONTEXT_H

#include "types.h"

/** A context that does not run: all its registers are on its stack. */
struct ash_context {
    uintptr_t sp;
};

/** The least stack of a context in bytes. Interrupts have a stack of their own. */
#define ASH_CONTEXT_STACK 2048u

/**
 * A context that starts with function(arg), and must not return from it. Its stack is [stack,
 * stack + size), `size` at least ASH_CONTEXT_STACK; the rest of it is the context's own and must
 * stay. A guarded one comes from ash_vmap_stack().
 * Floating point starts with the default modes. Errors: ASH_EINVAL (no function, a stack too
 * small). Context: any.
 */
int ash_context_init(struct ash_context *context, void *stack, size_t size,
                     void (*function)(void *arg), void *arg);

/**
 * Goes on with *to; returns when somebody goes on with *from, on whichever CPU. Registers that C
 * code counts on are kept, floating point and its modes included; the interrupt mask is the CPU's
 * and stays as it is, so whoever switches has interrupts masked.
 * Each context catches its own exceptions: inside ash_trap_catch() it may switch, and go on upon
 * another CPU.
 * Context: interrupts masked, not in an interrupt. Another CPU may go on with *from only when this
 * one has left it: a lock that is held over the switch sees to that.
 * Barriers: none; CLREX, so that no exclusive access begins in one context and ends in another.
 * Cost: 19 instructions on AArch32, 42 on AArch64 (make bench).
 */
void ash_context_switch(struct ash_context *from, const struct ash_context *to);

#endif
