/* SPDX-License-Identifier: MIT */
/*
 * ASPEED's evaluation board of the AST2600, a controller of servers: where its devices are, which
 * drivers they have, how its second CPU is found and how a watchdog resets it. Nothing on the board
 * can power it off. Somebody else must have set up the SDRAM and the serial port's rate, an SPL or
 * U-Boot: only QEMU's work from reset.
 */
#include "ashlar/board.h"

#include "ashlar/boot.h"
#include "ashlar/config.h"
#include "ashlar/errors.h"
#include "board/arm_init.h"
#include "board/dev/gic.h"
#include "board/dev/mmio.h"
#include "board/dev/ns16550.h"
#include "board/dev/timer.h"
#include "board/table.h"
#include "port/image.h"
#include "port/port.h"

#define EVB_CPUS       2u
#define EVB_TIMER_IRQ  27u
#define EVB_SCU        0x1e6e2000u
#define EVB_UART5      0x1e784000u
#define EVB_WDT1       0x1e785000u
#define EVB_PAGE_BYTES 0x1000u

/* The flash of the first chip select has a window, and appears at address 0 as well after reset
 * (AST2600 data sheet, chapter "Memory Space Allocation Table"). */
#define EVB_FLASH_WINDOW 0x20000000u
#define EVB_FLASH_BYTES  (64u << 20)

/* UART5's registers are words (AST2600 data sheet, chapter "UART") */
#define EVB_UART_SHIFT 2
#define EVB_UART_WIDTH 4

/* System control unit: scratch registers by which boot loaders park the second CPU; it waits until
 * there is an address and a sign that it is for this CPU (Linux, mach-aspeed/platsmp.c). */
#define SCU_SMP_ENTRY 0x180u
#define SCU_SMP_SIGN  0x184u
#define SCU_SMP_GO    0xabbaab00u
/* And how fast the straps let the processor run, which is what its timer counts, as U-Boot's
 * mach-aspeed/ast2600/lowlevel_init.S has it. */
#define SCU_STRAP1        0x510u
#define SCU_STRAP1_CLK(n) ((n) >> 8 & 7)

/* Watchdog timer (AST2600 data sheet, chapter "WDT") */
#define WDT_RELOAD         0x04u
#define WDT_RESTART        0x08u
#define WDT_CTRL           0x0cu
#define WDT_RESTART_MAGIC  0x4755u
#define WDT_CTRL_1MHZ      (1u << 4)
#define WDT_CTRL_RESET     (1u << 1)
#define WDT_CTRL_ENABLE    (1u << 0)
#define WDT_TICKS_TO_RESET 1000u

static const struct ash_device evb_devices[] = {
    {.range = {{EVB_SCU}, EVB_PAGE_BYTES}, .name = "aspeed,ast2600-scu"},
    {.range = {{EVB_WDT1}, EVB_PAGE_BYTES}, .name = "aspeed,ast2600-wdt"},
};

static const struct board_table evb_table = {
    .ram = {{0x80000000u}, 1u << 30},
    .flash = {{0}, EVB_FLASH_BYTES},
    .console = {{EVB_UART5}, EVB_PAGE_BYTES},
    .irq = {2, {{0x40461000u}, 0x1000}, {{0x40462000u}, 0x2000}},
    .timer_irq = EVB_TIMER_IRQ,
    .cpus = EVB_CPUS,
    .cluster = 0xf00,
    .device = evb_devices,
    .device_count = 2,
};

static ash_va_t evb_scu = {EVB_SCU}, evb_wdt = {EVB_WDT1};

static uint32_t evb_timer_hz(void)
{
    uint32_t clk = SCU_STRAP1_CLK(mmio_read32(ash_va(EVB_SCU), SCU_STRAP1));

    return clk >= 4 ? 800000000 : clk % 2 == 0 ? 1200000000 : 1600000000;
}

static void evb_discover(const void *hint, struct ash_platform *platform)
{
    ns16550_init(ash_va(EVB_UART5), EVB_UART_SHIFT, EVB_UART_WIDTH);
    table_platform(hint, &evb_table, image_ram(), ash_boot_info.secure, platform);
    platform->timer_hz = evb_timer_hz();
    platform->flash[platform->flash_count].base = ash_pa(EVB_FLASH_WINDOW);
    platform->flash[platform->flash_count].size = EVB_FLASH_BYTES;
    platform->flash_count++;
}

static void evb_console_init(const struct ash_platform *platform)
{
    ns16550_init(ash_va((uintptr_t)platform->console.base.value), EVB_UART_SHIFT, EVB_UART_WIDTH);
}

static int evb_init(const struct ash_platform *platform)
{
    int error = arm_init(platform, ns16550_move);

    error = first_error(error, ash_map_device(ash_pa(EVB_SCU), EVB_PAGE_BYTES, &evb_scu));
    return first_error(error, ash_map_device(ash_pa(EVB_WDT1), EVB_PAGE_BYTES, &evb_wdt));
}

/* After reset from our own flash the CPU is at the pen already; a boot loader has parked it. */
static int evb_cpu_start(unsigned cpu, ash_pa_t entry)
{
    if (cpu == 0 || cpu >= EVB_CPUS) {
        return ASH_ENODEV;
    }
    mmio_write32(evb_scu, SCU_SMP_ENTRY, (uint32_t)entry.value);
    mmio_write32(evb_scu, SCU_SMP_SIGN, SCU_SMP_GO | cpu);
    port_dsb_sy();
    port_send_event();
    return 0;
}

static void evb_power_off(void)
{
}

static void evb_reset(void)
{
    mmio_write32(evb_wdt, WDT_CTRL, 0);
    mmio_write32(evb_wdt, WDT_RELOAD, WDT_TICKS_TO_RESET);
    mmio_write32(evb_wdt, WDT_RESTART, WDT_RESTART_MAGIC);
    mmio_write32(evb_wdt, WDT_CTRL, WDT_CTRL_1MHZ | WDT_CTRL_RESET | WDT_CTRL_ENABLE);
    for (;;) {
        port_wait_event();
    }
}

static const struct ash_console_ops evb_console = {ns16550_put, ns16550_get};

const struct ash_board ash_board = {
    .name = "ast2600-evb",
    .remap_bytes = 4u << 20,
    .pmem_bytes = 2u << 20,
    .space_bits = ASH_SPACE_BITS,
    .vmap = {{0x60000000}, 0x1fff0000},
    .bus_offset = 0,
    .hole = {0x12000000},
    .discover = evb_discover,
    .console_init = evb_console_init,
    .init = evb_init,
    .cpu_init = arm_cpu_init,
    .console = &evb_console,
    .clock = &timer_clock_ops,
    .irq = &gic_irq_ops,
    .cpu_start = evb_cpu_start,
    .power_off = evb_power_off,
    .reset = evb_reset,
};
