/* SPDX-License-Identifier: MIT */
/*
 * NXP's SABRE board with the i.MX 7Dual: where its devices are, which drivers they have, and how a
 * watchdog resets it. Firmware below us, if there is some, starts the second CPU and powers off.
 */
#include "ashlar/board.h"

#include "ashlar/boot.h"
#include "ashlar/config.h"
#include "ashlar/errors.h"
#include "board/arm_init.h"
#include "board/dev/gic.h"
#include "board/dev/imx_uart.h"
#include "board/dev/mmio.h"
#include "board/dev/psci.h"
#include "board/dev/timer.h"
#include "board/table.h"
#include "port/image.h"
#include "port/port.h"

#define SABRE_CPUS       2u
#define SABRE_TIMER_IRQ  27u
#define SABRE_WDOG1      0x30280000u
#define SABRE_UART1      0x30860000u
#define SABRE_PAGE_BYTES 0x1000u

/* i.MX 7Dual Reference Manual, chapter "Watchdog Timer (WDOG)": SRS, bit 4, resets when it is 0. */
#define WDOG_WCR     0x0u
#define WDOG_WCR_WDE (1u << 2)
#define WDOG_WCR_WDA (1u << 5) /* clear: the pin WDOG_B goes low */

static const struct ash_device sabre_devices[] = {
    {.range = {{SABRE_WDOG1}, SABRE_PAGE_BYTES}, .name = "fsl,imx7d-wdt"},
};

static const struct board_table sabre_table = {
    .ram = {{0x80000000u}, 1u << 30},
    .console = {{SABRE_UART1}, SABRE_PAGE_BYTES},
    .irq = {2, {{0x31001000u}, 0x1000}, {{0x31002000u}, 0x2000}},
    .timer_irq = SABRE_TIMER_IRQ,
    .psci = ASH_PSCI_SMC,
    .cpus = SABRE_CPUS,
    .device = sabre_devices,
    .device_count = sizeof(sabre_devices) / sizeof(sabre_devices[0]),
};

static enum ash_psci_conduit sabre_psci;
static ash_va_t sabre_wdog = {SABRE_WDOG1};

/* The second CPU is held in reset by the system reset controller, which firmware knows. In the
 * secure state there is none, and QEMU has no model of that controller to try its registers on. */
static void sabre_discover(const void *hint, struct ash_platform *platform)
{
    imx_uart_init(ash_va(SABRE_UART1));
    table_platform(hint, &sabre_table, image_ram(), ash_boot_info.secure, platform);
    if (ash_boot_info.secure) {
        platform->cpu_count = 1;
    }
    sabre_psci = platform->psci;
}

static void sabre_console_init(const struct ash_platform *platform)
{
    imx_uart_init(ash_va((uintptr_t)platform->console.base.value));
}

static int sabre_init(const struct ash_platform *platform)
{
    int error = arm_init(platform, imx_uart_move);

    return first_error(error, ash_map_device(ash_pa(SABRE_WDOG1), SABRE_PAGE_BYTES, &sabre_wdog));
}

static int sabre_cpu_start(unsigned cpu, ash_pa_t entry)
{
    return cpu == 0 || cpu >= SABRE_CPUS ? ASH_ENODEV : psci_cpu_on(sabre_psci, cpu, entry);
}

static void sabre_power_off(void)
{
    psci_system_off(sabre_psci);
}

static void sabre_reset(void)
{
    psci_system_reset(sabre_psci);
    mmio_write16(sabre_wdog, WDOG_WCR, WDOG_WCR_WDE | WDOG_WCR_WDA);
    for (;;) {
        port_wait_event();
    }
}

static const struct ash_console_ops sabre_console = {imx_uart_put, imx_uart_get};

const struct ash_board ash_board = {
    .name = "mcimx7d-sabre",
    .remap_bytes = 4u << 20,
    .pmem_bytes = 2u << 20,
    .space_bits = ASH_SPACE_BITS,
    .vmap = {{0x40000000u}, 0x3fff0000}, /* PCIe, of which nothing is used */
    .bus_offset = 0,
    .hole = {0x34000000u},
    .discover = sabre_discover,
    .console_init = sabre_console_init,
    .init = sabre_init,
    .cpu_init = arm_cpu_init,
    .console = &sabre_console,
    .clock = &timer_clock_ops,
    .irq = &gic_irq_ops,
    .cpu_start = sabre_cpu_start,
    .power_off = sabre_power_off,
    .reset = sabre_reset,
};
