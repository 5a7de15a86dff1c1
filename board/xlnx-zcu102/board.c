/* SPDX-License-Identifier: MIT */
/*
 * Xilinx's ZCU102 with the Zynq UltraScale+: where its devices are, which drivers they have, and
 * how its other CPUs start: by PSCI where firmware lives below us, else by the registers that hold
 * them in reset. On hardware a first boot loader comes before us in either case: it sets up SDRAM,
 * the UART's clock and the system counter, which QEMU has running from the start.
 */
#include "ashlar/board.h"

#include "ashlar/boot.h"
#include "ashlar/config.h"
#include "ashlar/errors.h"
#include "board/arm_init.h"
#include "board/dev/cadence_uart.h"
#include "board/dev/gic.h"
#include "board/dev/mmio.h"
#include "board/dev/psci.h"
#include "board/dev/timer.h"
#include "board/table.h"
#include "port/image.h"
#include "port/port.h"

#define ZCU102_CPUS       4u
#define ZCU102_TIMER_IRQ  27u
#define ZCU102_UART0      0xff000000u
#define ZCU102_CRF        0xfd1a0000u
#define ZCU102_APU        0xfd5c0000u
#define ZCU102_CRL        0xff5e0000u
#define ZCU102_PAGE_BYTES 0x1000u

/* UG1087: resets of the CPUs (CRF_APB.RST_FPD_APU), where they start (APU.RVBARADDR), and the reset
 * of the whole chip (CRL_APB.RESET_CTRL). */
#define CRF_RST_APU        0x104u
#define CRF_RST_APU_CPU(n) ((1u << 0 | 1u << 10) << (n)) /* reset, power-on reset */
#define APU_RVBAR_LOW(n)   (0x40u + 8u * (n))
#define APU_RVBAR_HIGH(n)  (0x44u + 8u * (n))
#define CRL_RESET_CTRL     0x218u
#define CRL_SOFT_RESET     (1u << 4)

static const struct ash_device zcu102_devices[] = {
    {.range = {{ZCU102_CRF}, ZCU102_PAGE_BYTES}, .name = "xlnx,zynqmp-crf"},
    {.range = {{ZCU102_APU}, ZCU102_PAGE_BYTES}, .name = "xlnx,zynqmp-apu"},
    {.range = {{ZCU102_CRL}, ZCU102_PAGE_BYTES}, .name = "xlnx,zynqmp-crl"},
};

/* The GIC repeats each of its 4 KiB pages over 64 KiB: the last page of the first 64 KiB and the
 * first one of the second lie side by side, as a GICv2's driver wants them (UG1085, chapter
 * "Interrupts"). */
static const struct board_table zcu102_table = {
    .ram = {{0}, 1u << 30},
    .console = {{ZCU102_UART0}, ZCU102_PAGE_BYTES},
    .irq = {2, {{0xf9010000u}, 0x1000}, {{0xf902f000u}, 0x2000}},
    .timer_irq = ZCU102_TIMER_IRQ,
    .psci = ASH_PSCI_SMC,
    .cpus = ZCU102_CPUS,
    .device = zcu102_devices,
    .device_count = sizeof(zcu102_devices) / sizeof(zcu102_devices[0]),
};

static enum ash_psci_conduit zcu102_psci;
static ash_va_t zcu102_crf = {ZCU102_CRF}, zcu102_apu = {ZCU102_APU}, zcu102_crl = {ZCU102_CRL};

static void zcu102_discover(const void *hint, struct ash_platform *platform)
{
    cadence_uart_init(ash_va(ZCU102_UART0));
    table_platform(hint, &zcu102_table, image_ram(), ash_boot_info.secure, platform);
    zcu102_psci = platform->psci;
}

static void zcu102_console_init(const struct ash_platform *platform)
{
    cadence_uart_init(ash_va((uintptr_t)platform->console.base.value));
}

static int zcu102_init(const struct ash_platform *platform)
{
    int error = arm_init(platform, cadence_uart_move);

    error = first_error(error, ash_map_device(ash_pa(ZCU102_CRF), ZCU102_PAGE_BYTES, &zcu102_crf));
    error = first_error(error, ash_map_device(ash_pa(ZCU102_APU), ZCU102_PAGE_BYTES, &zcu102_apu));
    return first_error(error, ash_map_device(ash_pa(ZCU102_CRL), ZCU102_PAGE_BYTES, &zcu102_crl));
}

static int zcu102_cpu_start(unsigned cpu, ash_pa_t entry)
{
    if (cpu == 0 || cpu >= ZCU102_CPUS) {
        return ASH_ENODEV;
    }
    if (zcu102_psci != ASH_PSCI_NONE) {
        return psci_cpu_on(zcu102_psci, cpu, entry);
    }
    mmio_write32(zcu102_apu, APU_RVBAR_LOW(cpu), (uint32_t)entry.value);
    mmio_write32(zcu102_apu, APU_RVBAR_HIGH(cpu), (uint32_t)(entry.value >> 32));
    port_dsb_sy();
    mmio_write32(zcu102_crf, CRF_RST_APU,
                 mmio_read32(zcu102_crf, CRF_RST_APU) & ~CRF_RST_APU_CPU(cpu));
    return 0;
}

/* Without firmware the chip's power is up to its own microcontroller, which nobody has programmed.
 */
static void zcu102_power_off(void)
{
    psci_system_off(zcu102_psci);
}

static void zcu102_reset(void)
{
    psci_system_reset(zcu102_psci);
    mmio_write32(zcu102_crl, CRL_RESET_CTRL,
                 mmio_read32(zcu102_crl, CRL_RESET_CTRL) | CRL_SOFT_RESET);
}

static const struct ash_console_ops zcu102_console = {cadence_uart_put, cadence_uart_get};

const struct ash_board ash_board = {
    .name = "xlnx-zcu102",
    .remap_bytes = 4u << 20,
    .pmem_bytes = 2u << 20,
    .space_bits = ASH_SPACE_BITS,
    .vmap = {{0x80000000u}, 0x3fff0000}, /* programmable logic, if there were some */
    .bus_offset = 0,
    .discover = zcu102_discover,
    .console_init = zcu102_console_init,
    .init = zcu102_init,
    .cpu_init = arm_cpu_init,
    .console = &zcu102_console,
    .clock = &timer_clock_ops,
    .irq = &gic_irq_ops,
    .cpu_start = zcu102_cpu_start,
    .power_off = zcu102_power_off,
    .reset = zcu102_reset,
};
