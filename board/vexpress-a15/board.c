/* SPDX-License-Identifier: MIT */
/*
 * Arm's Versatile Express (motherboard Express uATX V2M-P1, DUI 0447; memory map "RS1") with the
 * core tile CoreTile Express A15x2 (DUI 0604): where its devices are, which drivers they have, and
 * how the motherboard's configuration bus powers off and resets.
 */
#include "ashlar/board.h"

#include "ashlar/boot.h"
#include "ashlar/config.h"
#include "ashlar/errors.h"
#include "board/arm_init.h"
#include "board/dev/gic.h"
#include "board/dev/mmio.h"
#include "board/dev/pl011.h"
#include "board/dev/timer.h"
#include "board/table.h"
#include "port/image.h"
#include "port/port.h"

#define VEXPRESS_CPUS       2u
#define VEXPRESS_TIMER_IRQ  27u
#define VEXPRESS_TIMER_HZ   24000000u /* the reference clock; the boot monitor tells */
#define VEXPRESS_SYSTEM     0x1c010000u
#define VEXPRESS_UART0      0x1c090000u
#define VEXPRESS_PAGE_BYTES 0x1000u

/* System registers, DUI 0447 section 4.3 */
#define SYS_FLAGSSET      0x30u /* where the boot monitor lets waiting CPUs go to */
#define SYS_FLAGSCLR      0x34u
#define SYS_CFGCTRL       0xa4u
#define SYS_CFGCTRL_WRITE (3u << 30) /* start, write */
#define SYS_CFG_SHUTDOWN  (8u << 20)
#define SYS_CFG_REBOOT    (9u << 20)

static const struct ash_device vexpress_devices[] = {
    {.range = {{VEXPRESS_SYSTEM}, VEXPRESS_PAGE_BYTES}, .name = "arm,vexpress-sysreg"},
};

static const struct board_table vexpress_table = {
    .ram = {{0x80000000u}, 1u << 30},
    .flash = {{0}, 64u << 20},
    .console = {{VEXPRESS_UART0}, VEXPRESS_PAGE_BYTES},
    .irq = {2, {{0x2c001000u}, 0x1000}, {{0x2c002000u}, 0x2000}},
    .timer_irq = VEXPRESS_TIMER_IRQ,
    .timer_hz = VEXPRESS_TIMER_HZ,
    .cpus = VEXPRESS_CPUS,
    .device = vexpress_devices,
    .device_count = 1,
};

static ash_va_t vexpress_system = {VEXPRESS_SYSTEM};

static void vexpress_discover(const void *hint, struct ash_platform *platform)
{
    pl011_init(ash_va(VEXPRESS_UART0));
    table_platform(hint, &vexpress_table, image_ram(), ash_boot_info.secure, platform);
}

static void vexpress_console_init(const struct ash_platform *platform)
{
    pl011_init(ash_va((uintptr_t)platform->console.base.value));
}

static int vexpress_init(const struct ash_platform *platform)
{
    int error = arm_init(platform, pl011_move);

    return first_error(
        error, ash_map_device(ash_pa(VEXPRESS_SYSTEM), VEXPRESS_PAGE_BYTES, &vexpress_system));
}

/* After reset from our own flash all CPUs are at the pen already; under the boot monitor they wait
 * until the flags name where to go. */
static int vexpress_cpu_start(unsigned cpu, ash_pa_t entry)
{
    if (cpu == 0 || cpu >= VEXPRESS_CPUS) {
        return ASH_ENODEV;
    }
    mmio_write32(vexpress_system, SYS_FLAGSCLR, ~0u);
    mmio_write32(vexpress_system, SYS_FLAGSSET, (uint32_t)entry.value);
    port_dsb_sy();
    port_send_event();
    return 0;
}

static void vexpress_configure(uint32_t function)
{
    mmio_write32(vexpress_system, SYS_CFGCTRL, SYS_CFGCTRL_WRITE | function);
}

static void vexpress_power_off(void)
{
    vexpress_configure(SYS_CFG_SHUTDOWN);
}

static void vexpress_reset(void)
{
    vexpress_configure(SYS_CFG_REBOOT);
}

static const struct ash_console_ops vexpress_console = {pl011_put, pl011_get};

const struct ash_board ash_board = {
    .name = "vexpress-a15",
    .remap_bytes = 4u << 20,
    .pmem_bytes = 2u << 20,
    .space_bits = ASH_SPACE_BITS,
    .vmap = {{0x40000000}, 0x3fff0000},
    .bus_offset = 0,
    .discover = vexpress_discover,
    .console_init = vexpress_console_init,
    .init = vexpress_init,
    .cpu_init = arm_cpu_init,
    .console = &vexpress_console,
    .clock = &timer_clock_ops,
    .irq = &gic_irq_ops,
    .cpu_start = vexpress_cpu_start,
    .power_off = vexpress_power_off,
    .reset = vexpress_reset,
};
