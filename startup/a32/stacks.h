/* SPDX-License-Identifier: MIT */
/*
 * One block of stacks per CPU, every stack with an unmapped guard page right below it.
 *
 *   0x00000 guard   0x01000 FIQ   0x02000 guard   0x03000 IRQ    0x05000 guard   0x06000 ABT
 *   0x08000 guard   0x09000 SVC   0x10000 guard   0x11000 UND    0x12000 guard   0x13000 emergency
 *
 * ABT lies where address bit 13 is set, and its guard where it is clear (blocks are aligned to
 * 16 KiB): the abort entry tests that one bit to know, before its first push, whether its own
 * stack ran over.
 */
#ifndef ASHLAR_STARTUP_A32_STACKS_H
#define ASHLAR_STARTUP_A32_STACKS_H

#define STACKS_ALIGN 0x4000
#define STACKS_BYTES 0x14000 /* of one CPU */
#define STACKS_GUARD 0x1000

#define STACK_FIQ_BASE       0x01000
#define STACK_FIQ_TOP        0x02000
#define STACK_IRQ_BASE       0x03000
#define STACK_IRQ_TOP        0x05000
#define STACK_ABT_BASE       0x06000
#define STACK_ABT_TOP        0x08000
#define STACK_SVC_BASE       0x09000
#define STACK_SVC_TOP        0x10000
#define STACK_UND_BASE       0x11000
#define STACK_UND_TOP        0x12000
#define STACK_EMERGENCY_BASE 0x13000
#define STACK_EMERGENCY_TOP  0x14000

#define STACK_ABT_BIT 0x2000 /* set in every address of ABT, clear in its guard */

#define MODE_USR 0x10
#define MODE_FIQ 0x11
#define MODE_IRQ 0x12
#define MODE_SVC 0x13
#define MODE_MON 0x16
#define MODE_ABT 0x17
#define MODE_HYP 0x1a
#define MODE_UND 0x1b
#define MODE_SYS 0x1f

#endif
