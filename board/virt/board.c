/* SPDX-License-Identifier: MIT */
/*
 * QEMU's virt machine: which drivers to use, and with what of the platform. Owns what power-off and
 * reset need wherever they are called from.
 */
#include "ashlar/board.h"

#include "ashlar/boot.h"
#include "ashlar/config.h"
#include "ashlar/errors.h"
#include "board/arm_init.h"
#include "board/dev/gic.h"
#include "board/dev/pl011.h"
#include "board/dev/pl061.h"
#include "board/dev/psci.h"
#include "board/dev/timer.h"
#include "board/virt/virt.h"

/* What power_off and reset need after discovery, wherever they are called from. */
static enum ash_psci_conduit virt_psci;
static struct ash_gpio_line virt_power_off_line, virt_reset_line;
static ash_va_t virt_power_off_gpio, virt_reset_gpio;

static void virt_discover(const void *hint, struct ash_platform *platform)
{
    /* Until the tree tells better: what goes wrong from here on is to be seen. */
    pl011_init(ash_va(VIRT_PL011));
    virt_find_platform(hint, platform);
    virt_split_flash(platform);
    virt_psci = platform->psci;
    virt_power_off_line = platform->power_off;
    virt_reset_line = platform->restart;
    virt_power_off_gpio = ash_va((uintptr_t)platform->power_off.gpio.base.value);
    virt_reset_gpio = ash_va((uintptr_t)platform->restart.gpio.base.value);
}

static void virt_console_init(const struct ash_platform *platform)
{
    pl011_init(ash_va((uintptr_t)platform->console.base.value));
}

/* A line whose registers cannot be mapped is none. Size 0: there is none. */
static int virt_map_line(struct ash_gpio_line *line, ash_va_t *va)
{
    int error = line->gpio.size == 0 ? 0 : ash_map_device(line->gpio.base, line->gpio.size, va);

    if (error != 0) {
        line->gpio.size = 0;
    }
    return error;
}

/* Nothing here is needed by the next: all is tried, and the first error told. */
static int virt_init(const struct ash_platform *platform)
{
    int error = arm_init(platform, pl011_move);

    error = first_error(error, virt_map_line(&virt_power_off_line, &virt_power_off_gpio));
    return first_error(error, virt_map_line(&virt_reset_line, &virt_reset_gpio));
}

/* A CPU's number is its affinity, as the pen has it; a tree may list the CPUs in any order. */
static int virt_cpu_start(unsigned cpu, ash_pa_t entry)
{
    if (cpu == 0) {
        return ASH_ENODEV;
    }
    for (unsigned i = 0; i < ash_platform.cpu_count && i < ASH_PLATFORM_CPUS; i++) {
        if (ash_platform.cpu_id[i] == cpu) {
            /* In the secure state all of them came to the reset vector. */
            return ash_platform.secure ? 0 : psci_cpu_on(ash_platform.psci, cpu, entry);
        }
    }
    return ASH_ENODEV;
}

static void virt_power_off(void)
{
    psci_system_off(virt_psci);
    if (virt_power_off_line.gpio.size != 0) {
        pl061_activate(virt_power_off_gpio, virt_power_off_line.line,
                       virt_power_off_line.active_low);
    }
}

static void virt_reset(void)
{
    psci_system_reset(virt_psci);
    if (virt_reset_line.gpio.size != 0) {
        pl061_activate(virt_reset_gpio, virt_reset_line.line, virt_reset_line.active_low);
    }
}

static const struct ash_console_ops virt_console = {pl011_put, pl011_get};

const struct ash_board ash_board = {
    .name = "virt",
    .remap_bytes = 4u << 20,
    .pmem_bytes = 2u << 20,
    .space_bits = ASH_SPACE_BITS,
    .vmap = {{0x20000000}, 0x1eff0000},
    .bus_offset = 0,
    .hole = {0x0f000000},
    .discover = virt_discover,
    .console_init = virt_console_init,
    .init = virt_init,
    .cpu_init = arm_cpu_init,
    .console = &virt_console,
    .clock = &timer_clock_ops,
    .irq = &gic_irq_ops,
    .cpu_start = virt_cpu_start,
    .power_off = virt_power_off,
    .reset = virt_reset,
};
