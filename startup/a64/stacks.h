/* SPDX-License-Identifier: MIT */
/*
 * One block of stacks per CPU, every stack with an unmapped guard right below it.
 *
 *   0x00000 guard   0x02000 exception   0x04000 guard   0x06000 program
 *   0x10000 guard   0x12000 IRQ         0x14000 guard   0x16000 emergency
 *
 * Programs run on SP_EL0, exceptions are taken on SP_EL1, so an exception always finds room,
 * whatever stack the program has; only an exception inside an exception can find its stack used up.
 * Its entry looks before the first push.
 */
#ifndef ASHLAR_STARTUP_A64_STACKS_H
#define ASHLAR_STARTUP_A64_STACKS_H

#define STACKS_ALIGN 0x4000
#define STACKS_BYTES 0x18000 /* of one CPU */
#define STACKS_GUARD 0x2000

#define STACK_EXCEPTION_BASE 0x02000
#define STACK_EXCEPTION_TOP  0x04000
#define STACK_PROGRAM_BASE   0x06000
#define STACK_PROGRAM_TOP    0x10000
#define STACK_IRQ_BASE       0x12000
#define STACK_IRQ_TOP        0x14000
#define STACK_EMERGENCY_BASE 0x16000
#define STACK_EMERGENCY_TOP  0x18000

#define STACK_MARGIN 0x800 /* what an exception inside an exception needs */

#endif
