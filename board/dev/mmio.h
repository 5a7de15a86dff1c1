/* SPDX-License-Identifier: MIT */
/*
 * Accesses to device registers: one aligned access each, never merged or repeated by the compiler.
 * Device memory keeps the order of accesses to one device; anything else (memory that the device
 * reads, another device) needs the barriers of the port, in the driver that knows why.
 */
#ifndef BOARD_DEV_MMIO_H
#define BOARD_DEV_MMIO_H

#include "ashlar/types.h"

static inline uint32_t mmio_read32(ash_va_t base, uint32_t offset)
{
    return *(const volatile uint32_t *)(base.value + offset);
}

static inline void mmio_write32(ash_va_t base, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(base.value + offset) = value;
}

static inline void mmio_write16(ash_va_t base, uint32_t offset, uint16_t value)
{
    *(volatile uint16_t *)(base.value + offset) = value;
}

static inline uint8_t mmio_read8(ash_va_t base, uint32_t offset)
{
    return *(const volatile uint8_t *)(base.value + offset);
}

static inline void mmio_write8(ash_va_t base, uint32_t offset, uint8_t value)
{
    *(volatile uint8_t *)(base.value + offset) = value;
}

#endif
