/* SPDX-License-Identifier: MIT */
/*
 * Raspberry Pi 3 Model B (BCM2837: four Cortex-A53), in either execution state.
 *
 * Where the other CPUs wait depends on the state that the firmware has put them into: those in
 * AArch64 poll a table in page 0, which our map leaves out, so they are let go while the MMU is
 * off; those in AArch32 poll a mailbox.
 */
#include "ashlar/board.h"

#include "ashlar/config.h"
#include "board/bcm283x/bcm283x.h"
#include "board/dev/bcm2836_irq.h"
#include "board/dev/timer.h"
#include "port/image.h"
#include "port/port.h"

#define AARCH64  (sizeof(uintptr_t) == 8)
#define IMAGE    (AARCH64 ? 0x80000u : 0x8000u) /* as in the linker scripts */
#define ZONE_END (6u << 20)

/* Where a CPU finds its entry: raspberrypi/tools, armstubs/armstub8.S, spin_cpu0 and behind. */
#define SPIN_TABLE 0xd8u

static void release_cpus(void)
{
    volatile uintptr_t table = SPIN_TABLE; /* or GCC takes a place in page 0 for a NULL pointer's */

    for (unsigned cpu = 1; cpu < BCM283X_CPUS; cpu++) {
        *(volatile uint64_t *)(table + 8 * cpu) = (uintptr_t)__reset_start;
    }
    port_dsb_sy();
    port_send_event();
}

static void raspi3b_discover(const void *hint, struct ash_platform *platform)
{
    static const struct bcm283x_config config = {.stub = ASH_PAGE_SIZE};

    bcm283x_discover(hint, &config, platform);
    if (AARCH64) {
        release_cpus();
    }
}

static int raspi3b_cpu_start(unsigned cpu, ash_pa_t entry)
{
    return AARCH64 ? 0 : bcm283x_cpu_start_by_mailbox(cpu, entry);
}

const struct ash_board ash_board = {
    .name = "raspi3b",
    .remap_bytes = ZONE_END - IMAGE,
    .pmem_bytes = 2u << 20,
    .space_bits = ASH_SPACE_BITS,
    .vmap = {{BCM283X_VMAP_BASE}, BCM283X_VMAP_SIZE},
    .bus_offset = BCM283X_BUS_OFFSET,
    .hole = {BCM283X_HOLE},
    .discover = raspi3b_discover,
    .console_init = bcm283x_console_init,
    .init = bcm283x_init,
    .cpu_init = bcm283x_cpu_init,
    .console = &bcm283x_console,
    .clock = &timer_clock_ops,
    .irq = &bcm2836_irq_ops,
    .cpu_start = raspi3b_cpu_start,
    .power_off = bcm283x_power_off,
    .reset = bcm283x_reset,
};
