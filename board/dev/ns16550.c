/* SPDX-License-Identifier: MIT */
/*
 * Driver of UARTs that are compatible with the NS16550A: 8 bits, FIFOs on, polled. Owns the base
 * address of the one console. Never sets the baud rate: it depends on a clock that whoever ran
 * before us knows.
 */
#include "board/dev/ns16550.h"

#include "board/dev/mmio.h"

/* PC16550D, section 8.0: numbers of the registers */
#define NS16550_DATA 0u /* RBR when read, THR when written */
#define NS16550_IER  1u
#define NS16550_IIR  2u
#define NS16550_FCR  2u
#define NS16550_LCR  3u
#define NS16550_LSR  5u

#define NS16550_IIR_FIFOS (3u << 6)
#define NS16550_FCR_FIFOS (1u << 0)
#define NS16550_LCR_8BIT  3u /* one stop bit, no parity, divisor latch closed */
#define NS16550_LSR_DR    (1u << 0)
#define NS16550_LSR_THRE  (1u << 5)

static ash_va_t ns16550_base;
static unsigned ns16550_shift, ns16550_width;

static uint32_t ns16550_read(uint32_t number)
{
    uint32_t offset = number << ns16550_shift;

    return ns16550_width == 1 ? mmio_read8(ns16550_base, offset)
                              : mmio_read32(ns16550_base, offset);
}

static void ns16550_write(uint32_t number, uint8_t value)
{
    uint32_t offset = number << ns16550_shift;

    if (ns16550_width == 1) {
        mmio_write8(ns16550_base, offset, value);
    } else {
        mmio_write32(ns16550_base, offset, value);
    }
}

void ns16550_init(ash_va_t base, unsigned shift, unsigned width)
{
    ns16550_base = base;
    ns16550_shift = shift;
    ns16550_width = width;
    if (base.value == 0) {
        return;
    }
    /* Some implementations refuse this write while they send; then it was right before. */
    if ((ns16550_read(NS16550_LCR) & 0xff) != NS16550_LCR_8BIT) {
        ns16550_write(NS16550_LCR, NS16550_LCR_8BIT);
    }
    ns16550_write(NS16550_IER, 0);
    /* Turned on, the FIFOs lose what is in them. */
    if ((ns16550_read(NS16550_IIR) & NS16550_IIR_FIFOS) != NS16550_IIR_FIFOS) {
        ns16550_write(NS16550_FCR, NS16550_FCR_FIFOS);
    }
}

void ns16550_move(ash_va_t base)
{
    ns16550_base = base;
}

void ns16550_put(char c)
{
    if (ns16550_base.value == 0) {
        return;
    }
    while ((ns16550_read(NS16550_LSR) & NS16550_LSR_THRE) == 0) {
    }
    ns16550_write(NS16550_DATA, (uint8_t)c);
}

int ns16550_get(void)
{
    if (ns16550_base.value == 0 || (ns16550_read(NS16550_LSR) & NS16550_LSR_DR) == 0) {
        return -1;
    }
    return (int)(ns16550_read(NS16550_DATA) & 0xff);
}
