/* SPDX-License-Identifier: MIT */
/*
 * Driver of the PL011 UART: 8 bits, FIFOs on, polled. Owns the base address of the one console.
 * Sets the baud rate for boards that ask for it only: it depends on a clock that whoever ran before
 * us knows.
 */
#include "board/dev/pl011.h"

#include "board/dev/mmio.h"

/* DDI 0183G, section 3.2 */
#define PL011_DR   0x00u
#define PL011_FR   0x18u
#define PL011_IBRD 0x24u
#define PL011_FBRD 0x28u
#define PL011_LCRH 0x2cu
#define PL011_CR   0x30u
#define PL011_IMSC 0x38u

#define PL011_FR_RXFE   (1u << 4)
#define PL011_FR_TXFF   (1u << 5)
#define PL011_LCRH_FEN  (1u << 4)
#define PL011_LCRH_8BIT (3u << 5)
#define PL011_CR_UARTEN (1u << 0)
#define PL011_CR_TXE    (1u << 8)
#define PL011_CR_RXE    (1u << 9)
#define PL011_CR_WANTED (PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE)

static ash_va_t pl011_base;

void pl011_init(ash_va_t base)
{
    uint32_t control;

    pl011_base = base;
    if (base.value == 0) {
        return;
    }
    mmio_write32(base, PL011_IMSC, 0);
    control = mmio_read32(base, PL011_CR);
    if ((control & PL011_CR_WANTED) != PL011_CR_WANTED) {
        /* The line control is written with the UART disabled (section 3.3.7). */
        mmio_write32(base, PL011_CR, control & ~PL011_CR_UARTEN);
        mmio_write32(base, PL011_LCRH, PL011_LCRH_8BIT | PL011_LCRH_FEN);
        mmio_write32(base, PL011_CR, control | PL011_CR_WANTED);
    }
}

bool pl011_is_on(ash_va_t base)
{
    return (mmio_read32(base, PL011_CR) & PL011_CR_UARTEN) != 0;
}

/* Section 3.3.6: the divisor is clock / (16 * baud), with 6 bits behind the point; they take effect
 * when the line control is written, which pl011_init() does. */
void pl011_set_rate(ash_va_t base, uint32_t clock, uint32_t baud)
{
    uint32_t divisor = clock / (baud / 4);

    if (divisor >= 1u << 6 && divisor < 1u << 22) {
        mmio_write32(base, PL011_IBRD, divisor >> 6);
        mmio_write32(base, PL011_FBRD, divisor & 0x3f);
    }
}

void pl011_move(ash_va_t base)
{
    pl011_base = base;
}

void pl011_put(char c)
{
    if (pl011_base.value == 0) {
        return;
    }
    while (mmio_read32(pl011_base, PL011_FR) & PL011_FR_TXFF) {
    }
    mmio_write32(pl011_base, PL011_DR, (uint8_t)c);
}

int pl011_get(void)
{
    if (pl011_base.value == 0 || (mmio_read32(pl011_base, PL011_FR) & PL011_FR_RXFE)) {
        return -1;
    }
    return (int)(mmio_read32(pl011_base, PL011_DR) & 0xff);
}
