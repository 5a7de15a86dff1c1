/* SPDX-License-Identifier: MIT */
/*
 * Calxeda's ECX-2000, a server chip with Cortex-A15 ("midway"): where its devices are, which
 * drivers they have, and how its system registers power off and reset. All devices lie above
 * 0xffe00000, among the addresses that spaces have: they are mapped in the vmap range.
 */
#include "ashlar/board.h"

#include "ashlar/boot.h"
#include "ashlar/config.h"
#include "ashlar/errors.h"
#include "board/arm_init.h"
#include "board/dev/gic.h"
#include "board/dev/mmio.h"
#include "board/dev/pl011.h"
#include "board/dev/psci.h"
#include "board/dev/timer.h"
#include "board/table.h"
#include "port/image.h"

#define MIDWAY_CPUS       4u
#define MIDWAY_TIMER_IRQ  27u
#define MIDWAY_UART       0xfff36000u
#define MIDWAY_SREGS      0xfff3c000u
#define MIDWAY_PAGE_BYTES 0x1000u

/* Power requests (Linux, arch/arm/mach-highbank/sysregs.h) */
#define SREG_POWER_REQUEST 0xf00u
#define SREG_HARD_RESET    2u
#define SREG_SHUTDOWN      3u

static const struct ash_device midway_devices[] = {
    {.range = {{MIDWAY_SREGS}, MIDWAY_PAGE_BYTES}, .name = "calxeda,hb-sregs"},
};

static const struct board_table midway_table = {
    .ram = {{0}, 1u << 30},
    .console = {{MIDWAY_UART}, MIDWAY_PAGE_BYTES},
    .irq = {2, {{0xfff11000u}, 0x1000}, {{0xfff12000u}, 0x2000}},
    .timer_irq = MIDWAY_TIMER_IRQ,
    .psci = ASH_PSCI_SMC,
    .cpus = MIDWAY_CPUS,
    .device = midway_devices,
    .device_count = 1,
};

static enum ash_psci_conduit midway_psci;
static ash_va_t midway_sregs; /* 0: not mapped yet, or not at all */

static void midway_discover(const void *hint, struct ash_platform *platform)
{
    pl011_init(ash_va(MIDWAY_UART));
    table_platform(hint, &midway_table, image_ram(), ash_boot_info.secure, platform);
    midway_psci = platform->psci;
}

static void midway_console_init(const struct ash_platform *platform)
{
    pl011_init(ash_va((uintptr_t)platform->console.base.value));
}

static int midway_init(const struct ash_platform *platform)
{
    int error = arm_init(platform, pl011_move);

    return first_error(error,
                       ash_map_device(ash_pa(MIDWAY_SREGS), MIDWAY_PAGE_BYTES, &midway_sregs));
}

/* Without firmware below us all of them came to the image's first instruction, and wait at the pen.
 */
static int midway_cpu_start(unsigned cpu, ash_pa_t entry)
{
    if (cpu == 0 || cpu >= MIDWAY_CPUS) {
        return ASH_ENODEV;
    }
    return midway_psci == ASH_PSCI_NONE ? 0 : psci_cpu_on(midway_psci, cpu, entry);
}

static void midway_request(uint32_t request)
{
    if (midway_sregs.value != 0) {
        mmio_write32(midway_sregs, SREG_POWER_REQUEST, request);
    }
}

static void midway_power_off(void)
{
    midway_request(SREG_SHUTDOWN);
}

static void midway_reset(void)
{
    midway_request(SREG_HARD_RESET);
}

static const struct ash_console_ops midway_console = {pl011_put, pl011_get};

const struct ash_board ash_board = {
    .name = "midway",
    .remap_bytes = 4u << 20,
    .pmem_bytes = 2u << 20,
    .space_bits = ASH_SPACE_BITS,
    .vmap = {{0x80000000u}, 0x3fff0000},
    .bus_offset = 0,
    .discover = midway_discover,
    .console_init = midway_console_init,
    .console_move = pl011_move,
    .init = midway_init,
    .cpu_init = arm_cpu_init,
    .console = &midway_console,
    .clock = &timer_clock_ops,
    .irq = &gic_irq_ops,
    .cpu_start = midway_cpu_start,
    .power_off = midway_power_off,
    .reset = midway_reset,
};
