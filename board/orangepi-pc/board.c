/* SPDX-License-Identifier: MIT */
/*
 * Orange Pi PC with Allwinner's H3 (four Cortex-A7): where its devices are, which drivers they
 * have, how the other CPUs are powered and let go, and the watchdog that resets. Sections are those
 * of the "Allwinner H3 Datasheet" V1.2, unless another source is named.
 */
#include "ashlar/board.h"

#include "ashlar/boot.h"
#include "ashlar/config.h"
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "board/arm_init.h"
#include "board/dev/gic.h"
#include "board/dev/mmio.h"
#include "board/dev/ns16550.h"
#include "board/dev/timer.h"
#include "board/table.h"
#include "port/image.h"
#include "port/port.h"

/* Section 4.1, memory mapping. Pages are shared by several modules. */
#define H3_PAGE_BYTES 0x1000u
#define H3_MMC0       0x01c0f000u
#define H3_CCU        0x01c20000u /* clocks; timers and watchdog in the same page */
#define H3_UART0      0x01c28000u
#define H3_GICD       0x01c81000u
#define H3_GICC       0x01c82000u
#define H3_PRCM       0x01f01000u /* power at 0x400, CPU configuration at 0xc00 */
#define H3_RAM        0x40000000u

#define H3_CPUS      4u
#define H3_TIMER_IRQ 27u
#define H3_TIMER_HZ  24000000u /* the oscillator; SPL tells nobody */
#define H3_MMC0_IRQ  92u

/* Registers are 4 bytes apart, and wide (section 8.3). */
#define H3_UART_SHIFT 2u
#define H3_UART_WIDTH 4u

/* CPU configuration, section 4.4; the offsets are in the page at H3_PRCM. */
#define CPUCFG_RST_CTRL(cpu) (0xc40u + 0x40u * (cpu))
#define CPUCFG_RST_RELEASED  3u     /* core and power-on reset */
#define CPUCFG_GENER_CTRL    0xd84u /* bit n: L1 of CPU n is reset with it */
#define CPUCFG_ENTRY         0xda4u /* where the boot ROM sends all CPUs but the first */
#define CPUCFG_DBG_CTRL1     0xde4u /* bit n: CPU n may be debugged */
/* What switches the power of CPUs is not in the datasheet; U-Boot's PSCI for sun8i does it so. */
#define PRCM_PWROFF         0x500u /* bit n: CPU n is cut off */
#define PRCM_PWR_CLAMP(cpu) (0x540u + 4u * (cpu))
#define PRCM_CLAMP_CLOSED   0xffu
#define POWER_SETTLES_NS    10000000u

/* Watchdog, section 4.5.4; the offsets are in the page at H3_CCU. */
#define WDOG0_CTRL         0xcb0u
#define WDOG0_CTRL_RESTART (0xa57u << 1 | 1)
#define WDOG0_CFG          0xcb4u
#define WDOG0_CFG_SYSTEM   1u /* it resets all of the SoC */
#define WDOG0_MODE         0xcb8u
#define WDOG0_MODE_HALF_S  1u /* on; the shortest time, half a second */
#define WDOG0_PATIENCE_NS  2000000000u

static const struct ash_device h3_devices[] = {
    {.range = {{H3_MMC0}, H3_PAGE_BYTES}, .irq = H3_MMC0_IRQ, .name = "allwinner,sun7i-a20-mmc"},
    {.range = {{H3_CCU}, H3_PAGE_BYTES}, .name = "allwinner,sun8i-h3-ccu"},
    {.range = {{H3_PRCM}, H3_PAGE_BYTES}, .name = "allwinner,sun8i-h3-r-ccu"},
};

static const struct board_table h3_table = {
    .ram = {{H3_RAM}, 1u << 30},
    .console = {{H3_UART0}, H3_PAGE_BYTES},
    .irq = {2, {{H3_GICD}, 0x1000}, {{H3_GICC}, 0x2000}},
    .timer_irq = H3_TIMER_IRQ,
    .timer_hz = H3_TIMER_HZ,
    .cpus = H3_CPUS,
    .device = h3_devices,
    .device_count = sizeof(h3_devices) / sizeof(h3_devices[0]),
};

static ash_va_t h3_prcm = {H3_PRCM}, h3_ccu = {H3_CCU};
static uint32_t h3_powered = 1; /* bit n: CPU n has been let go */

static void h3_discover(const void *hint, struct ash_platform *platform)
{
    ns16550_init(ash_va(H3_UART0), H3_UART_SHIFT, H3_UART_WIDTH);
    table_platform(hint, &h3_table, image_ram(), ash_boot_info.secure, platform);
}

static void h3_console_init(const struct ash_platform *platform)
{
    ns16550_init(ash_va((uintptr_t)platform->console.base.value), H3_UART_SHIFT, H3_UART_WIDTH);
}

static int h3_init(const struct ash_platform *platform)
{
    int error = arm_init(platform, ns16550_move);

    error = first_error(error, ash_map_device(ash_pa(H3_PRCM), H3_PAGE_BYTES, &h3_prcm));
    return first_error(error, ash_map_device(ash_pa(H3_CCU), H3_PAGE_BYTES, &h3_ccu));
}

/* Where no clock runs, as many looks at it as take at least as long. */
static void h3_wait(uint64_t ns)
{
    uint64_t start = ash_now_ns(), now = start, looks = 0;

    while (now != start ? now - start < ns : looks < ns) {
        looks++;
        now = ash_now_ns();
    }
}

static void h3_change(uint32_t offset, uint32_t clear, uint32_t set)
{
    mmio_write32(h3_prcm, offset, (mmio_read32(h3_prcm, offset) & ~clear) | set);
}

/* The supply is let in little by little: a step less of the clamp each time. */
static void h3_power_up(unsigned cpu)
{
    uint32_t clamp = PRCM_CLAMP_CLOSED;

    if (mmio_read32(h3_prcm, PRCM_PWR_CLAMP(cpu)) != 0) {
        while (clamp != 0) {
            mmio_write32(h3_prcm, PRCM_PWR_CLAMP(cpu), clamp);
            clamp >>= 1;
        }
        mmio_write32(h3_prcm, PRCM_PWR_CLAMP(cpu), 0);
        h3_wait(POWER_SETTLES_NS);
    }
    h3_change(PRCM_PWROFF, 1u << cpu, 0);
}

/* Only the Secure state may do this. A loader that left it would have to offer PSCI. */
static int h3_cpu_start(unsigned cpu, ash_pa_t entry)
{
    uint32_t bit = 1u << cpu;

    if (cpu == 0 || cpu >= H3_CPUS || !ash_platform.secure || h3_prcm.value == 0) {
        return ASH_ENODEV;
    }
    if ((h3_powered & bit) != 0) {
        return 0;
    }
    h3_powered |= bit;
    mmio_write32(h3_prcm, CPUCFG_ENTRY, (uint32_t)entry.value);
    mmio_write32(h3_prcm, CPUCFG_RST_CTRL(cpu), 0);
    h3_change(CPUCFG_GENER_CTRL, bit, 0);
    h3_change(CPUCFG_DBG_CTRL1, bit, 0);
    h3_power_up(cpu);
    port_dsb_sy();
    mmio_write32(h3_prcm, CPUCFG_RST_CTRL(cpu), CPUCFG_RST_RELEASED);
    h3_change(CPUCFG_DBG_CTRL1, 0, bit);
    return 0;
}

/* The power supply has no switch that we could reach: the board stays on. */
static void h3_power_off(void)
{
}

static void h3_reset(void)
{
    if (h3_ccu.value == 0) {
        return;
    }
    mmio_write32(h3_ccu, WDOG0_CFG, WDOG0_CFG_SYSTEM);
    mmio_write32(h3_ccu, WDOG0_MODE, WDOG0_MODE_HALF_S);
    mmio_write32(h3_ccu, WDOG0_CTRL, WDOG0_CTRL_RESTART);
    h3_wait(WDOG0_PATIENCE_NS);
}

static const struct ash_console_ops h3_console = {ns16550_put, ns16550_get};

const struct ash_board ash_board = {
    .name = "orangepi-pc",
    .remap_bytes = 4u << 20,
    .pmem_bytes = 2u << 20,
    .space_bits = ASH_SPACE_BITS,
    .vmap = {{0x10000000}, 0x2f000000},
    .bus_offset = 0,
    .hole = {0x08000000},
    .discover = h3_discover,
    .console_init = h3_console_init,
    .init = h3_init,
    .cpu_init = arm_cpu_init,
    .console = &h3_console,
    .clock = &timer_clock_ops,
    .irq = &gic_irq_ops,
    .cpu_start = h3_cpu_start,
    .power_off = h3_power_off,
    .reset = h3_reset,
};
