/* SPDX-License-Identifier: MIT */
/*
 * A function on a stack of its own that stops in the middle and goes on later, on whichever CPU
 * calls. In the processor's own folder.
 */
#ifndef ASHLAR_TARGET_COROUTINE_H
#define ASHLAR_TARGET_COROUTINE_H

/** Where it stopped: its stack pointer, below which nothing is. */
struct coroutine {
    void *sp;
};

/** Prepares function(arg), which must not return, on the stack that ends at `top` (16 bytes). */
void coroutine_init(struct coroutine *coroutine, void (*function)(void *arg), void *arg, void *top);

/** Stops here, in `from`, and goes on in `to`, which then is where this was called the last time.
 */
void coroutine_go(struct coroutine *from, struct coroutine *to);

#endif
