/* SPDX-License-Identifier: MIT */
/*
 * Calls of the firmware below us (Arm SMC Calling Convention, DEN 0028): function and three
 * arguments in r0-r3, the result in r0.
 */
#ifndef ASHLAR_PORT_A32_SMCCC_H
#define ASHLAR_PORT_A32_SMCCC_H

#include <stdint.h>

static inline int32_t port_hvc(uint32_t function, uintptr_t a, uintptr_t b, uintptr_t c)
{
    register uintptr_t r0 __asm__("r0") = function;
    register uintptr_t r1 __asm__("r1") = a;
    register uintptr_t r2 __asm__("r2") = b;
    register uintptr_t r3 __asm__("r3") = c;

    __asm__ volatile("hvc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)::"memory");
    return (int32_t)r0;
}

static inline int32_t port_smc(uint32_t function, uintptr_t a, uintptr_t b, uintptr_t c)
{
    register uintptr_t r0 __asm__("r0") = function;
    register uintptr_t r1 __asm__("r1") = a;
    register uintptr_t r2 __asm__("r2") = b;
    register uintptr_t r3 __asm__("r3") = c;

    __asm__ volatile("smc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)::"memory");
    return (int32_t)r0;
}

#endif
