/* SPDX-License-Identifier: MIT */
/*
 * Calls of the firmware below us (Arm SMC Calling Convention, DEN 0028): function and three
 * arguments in registers 0 to 3, the result in register 0.
 */
#ifndef ASHLAR_PORT_SMCCC_H
#define ASHLAR_PORT_SMCCC_H

#include <stdint.h>

/* In AArch64, version 1.0 lets the firmware change x4 to x17 as well. */
#if __SIZEOF_POINTER__ == 8
#define SMCCC_REGISTER(n) __asm__("x" #n)
#define SMCCC_CHANGED                                                                              \
    "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",    \
        "memory"
#else
#define SMCCC_REGISTER(n) __asm__("r" #n)
#define SMCCC_CHANGED     "memory"
#endif

#define SMCCC_CALL(instruction)                                                                    \
    register uintptr_t r0 SMCCC_REGISTER(0) = function;                                            \
    register uintptr_t r1 SMCCC_REGISTER(1) = a;                                                   \
    register uintptr_t r2 SMCCC_REGISTER(2) = b;                                                   \
    register uintptr_t r3 SMCCC_REGISTER(3) = c;                                                   \
                                                                                                   \
    __asm__ volatile(instruction : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)::SMCCC_CHANGED);         \
    return (int32_t)r0

static inline int32_t port_hvc(uint32_t function, uintptr_t a, uintptr_t b, uintptr_t c)
{
    SMCCC_CALL("hvc #0");
}

static inline int32_t port_smc(uint32_t function, uintptr_t a, uintptr_t b, uintptr_t c)
{
    SMCCC_CALL("smc #0");
}

#endif
