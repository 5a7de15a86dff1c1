/* SPDX-License-Identifier: MIT */
/*
 * Driver of the i.MX UART: 8 bits, polled. Owns the base address of the one console. Never sets the
 * baud rate: it depends on a clock that whoever ran before us knows.
 */
#include "board/dev/imx_uart.h"

#include "board/dev/mmio.h"

/* i.MX 7Dual Reference Manual, section 15.2.15 */
#define IMX_RXD  0x00u
#define IMX_TXD  0x40u
#define IMX_CR1  0x80u
#define IMX_CR2  0x84u
#define IMX_CR3  0x88u
#define IMX_TEST 0xb4u

#define IMX_RXD_READY   (1u << 15)
#define IMX_CR1_UARTEN  (1u << 0)
#define IMX_CR2_SRST    (1u << 0) /* clear: reset */
#define IMX_CR2_RXEN    (1u << 1)
#define IMX_CR2_TXEN    (1u << 2)
#define IMX_CR2_WS      (1u << 5)  /* 8 bits */
#define IMX_CR2_IRTS    (1u << 14) /* nobody waits for RTS */
#define IMX_CR2_WANTED  (IMX_CR2_SRST | IMX_CR2_RXEN | IMX_CR2_TXEN | IMX_CR2_WS | IMX_CR2_IRTS)
#define IMX_CR3_RXDMUX  (1u << 2) /* must be set (section 15.2.15.5) */
#define IMX_TEST_TXFULL (1u << 4)

static ash_va_t imx_base;

void imx_uart_init(ash_va_t base)
{
    imx_base = base;
    if (base.value == 0) {
        return;
    }
    /* All enables of interrupts and DMA share the register with the one of the UART. */
    mmio_write32(base, IMX_CR1, IMX_CR1_UARTEN);
    if ((mmio_read32(base, IMX_CR2) & IMX_CR2_WANTED) != IMX_CR2_WANTED) {
        mmio_write32(base, IMX_CR3, mmio_read32(base, IMX_CR3) | IMX_CR3_RXDMUX);
        mmio_write32(base, IMX_CR2, IMX_CR2_WANTED);
    }
}

void imx_uart_move(ash_va_t base)
{
    imx_base = base;
}

void imx_uart_put(char c)
{
    if (imx_base.value == 0) {
        return;
    }
    while (mmio_read32(imx_base, IMX_TEST) & IMX_TEST_TXFULL) {
    }
    mmio_write32(imx_base, IMX_TXD, (uint8_t)c);
}

int imx_uart_get(void)
{
    uint32_t received;

    if (imx_base.value == 0) {
        return -1;
    }
    received = mmio_read32(imx_base, IMX_RXD);
    return received & IMX_RXD_READY ? (int)(received & 0xff) : -1;
}
