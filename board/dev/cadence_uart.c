/* SPDX-License-Identifier: MIT */
/*
 * Driver of Cadence's UART: 8 bits, polled. Owns the base address of the one console. Never sets
 * the baud rate: it depends on a clock that whoever ran before us knows.
 */
#include "board/dev/cadence_uart.h"

#include "board/dev/mmio.h"

/* UG1087, module UART */
#define CADENCE_CONTROL 0x00u
#define CADENCE_MODE    0x04u
#define CADENCE_INT_DIS 0x0cu
#define CADENCE_STATUS  0x2cu
#define CADENCE_FIFO    0x30u

#define CADENCE_CONTROL_RXEN  (1u << 2)
#define CADENCE_CONTROL_RXDIS (1u << 3)
#define CADENCE_CONTROL_TXEN  (1u << 4)
#define CADENCE_CONTROL_TXDIS (1u << 5)
#define CADENCE_CONTROL_OFF   (CADENCE_CONTROL_RXDIS | CADENCE_CONTROL_TXDIS)
#define CADENCE_CONTROL_ON    (CADENCE_CONTROL_RXEN | CADENCE_CONTROL_TXEN)
#define CADENCE_MODE_8N1      0x20u /* 8 bits, no parity, one stop bit */
#define CADENCE_INTERRUPTS    0x1fffu
#define CADENCE_STATUS_REMPTY (1u << 1)
#define CADENCE_STATUS_TFUL   (1u << 4)

static ash_va_t cadence_base;

void cadence_uart_init(ash_va_t base)
{
    uint32_t control;

    cadence_base = base;
    if (base.value == 0) {
        return;
    }
    mmio_write32(base, CADENCE_INT_DIS, CADENCE_INTERRUPTS);
    control = mmio_read32(base, CADENCE_CONTROL);
    if ((control & (CADENCE_CONTROL_ON | CADENCE_CONTROL_OFF)) != CADENCE_CONTROL_ON) {
        mmio_write32(base, CADENCE_MODE, CADENCE_MODE_8N1);
        mmio_write32(base, CADENCE_CONTROL, (control & ~CADENCE_CONTROL_OFF) | CADENCE_CONTROL_ON);
    }
}

void cadence_uart_move(ash_va_t base)
{
    cadence_base = base;
}

void cadence_uart_put(char c)
{
    if (cadence_base.value == 0) {
        return;
    }
    while (mmio_read32(cadence_base, CADENCE_STATUS) & CADENCE_STATUS_TFUL) {
    }
    mmio_write32(cadence_base, CADENCE_FIFO, (uint8_t)c);
}

int cadence_uart_get(void)
{
    if (cadence_base.value == 0 ||
        (mmio_read32(cadence_base, CADENCE_STATUS) & CADENCE_STATUS_REMPTY)) {
        return -1;
    }
    return (int)(mmio_read32(cadence_base, CADENCE_FIFO) & 0xff);
}
