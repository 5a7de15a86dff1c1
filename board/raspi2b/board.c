/* SPDX-License-Identifier: MIT */
/*
 * Raspberry Pi 2 Model B (BCM2836: four Cortex-A7).
 */
#include "ashlar/board.h"

#include "ashlar/config.h"
#include "board/bcm283x/bcm283x.h"
#include "board/dev/bcm2836_irq.h"
#include "board/dev/timer.h"

#define IMAGE    0x8000u
#define ZONE_END (6u << 20)

static void raspi2b_discover(const void *hint, struct ash_platform *platform)
{
    /* QEMU starts all CPUs at 0, from where they come through zeros, which do nothing. */
    static const struct bcm283x_config config = {.cluster = 0xf00, .stub = IMAGE};

    bcm283x_discover(hint, &config, platform);
}

const struct ash_board ash_board = {
    .name = "raspi2b",
    .remap_bytes = ZONE_END - IMAGE,
    .pmem_bytes = 2u << 20,
    .space_bits = ASH_SPACE_BITS,
    .vmap = {{BCM283X_VMAP_BASE}, BCM283X_VMAP_SIZE},
    .bus_offset = BCM283X_BUS_OFFSET,
    .hole = {BCM283X_HOLE},
    .discover = raspi2b_discover,
    .console_init = bcm283x_console_init,
    .init = bcm283x_init,
    .cpu_init = bcm283x_cpu_init,
    .console = &bcm283x_console,
    .clock = &timer_clock_ops,
    .irq = &bcm2836_irq_ops,
    .cpu_start = bcm283x_cpu_start_by_mailbox,
    .power_off = bcm283x_power_off,
    .reset = bcm283x_reset,
};
