/* SPDX-License-Identifier: MIT */
/*
 * BCM2836 and BCM2837: how much memory the GPU left, the console, interrupts and clock, power.
 */
#include "board/bcm283x/bcm283x.h"

#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "board/arm_init.h"
#include "board/bcm283x/property.h"
#include "board/dev/bcm2836_irq.h"
#include "board/dev/mmio.h"
#include "board/dev/pl011.h"
#include "board/dev/timer.h"
#include "board/table.h"
#include "port/image.h"
#include "port/port.h"

#define UART0_BASE  (BCM283X_PERIPHERALS + 0x201000u)
#define GPIO_BASE   (BCM283X_PERIPHERALS + 0x200000u)
#define IRQ_BASE    (BCM283X_PERIPHERALS + 0x00b200u)
#define IRQ_BYTES   0x28u
#define PM_BASE     (BCM283X_PERIPHERALS + 0x100000u)
#define PM_BYTES    0x114u
#define DMA_BASE    (BCM283X_PERIPHERALS + 0x007000u)
#define LOCAL_BYTES 0x1000u
#define PAGE_BYTES  0x1000u

#define DMA_IRQ0 16u /* GPU IRQ of the first channel */

#define UART_BAUD 115200u

/* BCM2835 ARM Peripherals, 6.1 and 6.2: GPIO 14 and 15 (TXD0, RXD0 of the PL011 as ALT0) */
#define GPFSEL1        0x04u
#define GPFSEL1_PINS   (077u << 12)
#define GPFSEL1_UART   (044u << 12)
#define GPIO_PIN_BYTES 0xb4u

/* Power management: not in the manual; Linux, drivers/watchdog/bcm2835_wdt.c. The partition that
 * is started next lies in every other bit; 63 stands for none: halt. */
#define PM_RSTC        0x1cu
#define PM_RSTS        0x20u
#define PM_WDOG        0x24u
#define PM_PASSWORD    0x5a000000u
#define PM_RSTC_CONFIG 0x30u
#define PM_RSTC_RESET  0x20u
#define PM_RSTS_HALT   0x555u
#define PM_TICKS       10u       /* of 16 microseconds */
#define PM_SPIN        10000000u /* until it counts as not happening */

/* QA7, 4.8: mailbox 3 of a core is where the stub waits for an entry. */
#define LOCAL_MAILBOX3_SET(cpu) (0x8cu + 16 * (cpu))

/* What the GPU has is at the end, never more than half. */
#define RAM_LEAST (512u << 20)
#define RAM_MOST  (1008u << 20)

static const struct ash_device bcm283x_devices[] = {
    {.range = {{DMA_BASE}, PAGE_BYTES},
     .irq = BCM2836_IRQ_GPU(DMA_IRQ0),
     .name = "brcm,bcm2835-dma"},
    {.range = {{IRQ_BASE}, IRQ_BYTES}, .name = "brcm,bcm2836-armctrl-ic"},
    {.range = {{PM_BASE}, PM_BYTES}, .name = "brcm,bcm2835-pm-wdt"},
    {.range = {{BCM283X_LOCAL}, LOCAL_BYTES}, .name = "brcm,bcm2836-l1-intc"},
};

/* Stub and spin table of the firmware before us; also where NULL points to. */
static struct ash_reserved bcm283x_stub = {.kind = ASH_RESERVED_KEEP, .name = "stub"};

static struct board_table bcm283x_table = {
    .ram = {{0}, RAM_LEAST},
    .console = {{UART0_BASE}, PAGE_BYTES},
    .timer_irq = BCM2836_IRQ_TIMER_VIRTUAL,
    .cpus = BCM283X_CPUS,
    .reserved = &bcm283x_stub,
    .reserved_count = 1,
    .device = bcm283x_devices,
    .device_count = sizeof(bcm283x_devices) / sizeof(bcm283x_devices[0]),
};

static ash_va_t bcm283x_pm = {PM_BASE};
static ash_va_t bcm283x_local = {BCM283X_LOCAL};

/* What the ARM cores have of the RAM starts at 0. */
static void ask_for_memory(void)
{
    uint32_t answer[2] = {0, 0};

    if (property_ask(PROPERTY_ARM_MEMORY, answer) == 0 && answer[0] == 0 &&
        answer[1] >= RAM_LEAST && answer[1] <= RAM_MOST) {
        bcm283x_table.ram.size = answer[1];
    }
}

/* The firmware leaves pins and rate as it likes; both are set unless somebody uses the UART. */
static void start_console(void)
{
    uint32_t answer[2] = {PROPERTY_CLOCK_UART, 0};
    ash_va_t gpio = ash_va(GPIO_BASE);

    if (!pl011_is_on(ash_va(UART0_BASE)) && property_ask(PROPERTY_CLOCK_RATE, answer) == 0) {
        pl011_set_rate(ash_va(UART0_BASE), answer[1], UART_BAUD);
        mmio_write32(gpio, GPFSEL1, (mmio_read32(gpio, GPFSEL1) & ~GPFSEL1_PINS) | GPFSEL1_UART);
    }
    pl011_init(ash_va(UART0_BASE));
}

void bcm283x_discover(const void *hint, const struct bcm283x_config *config,
                      struct ash_platform *platform)
{
    start_console();
    ask_for_memory();
    bcm283x_stub.range.size = config->stub;
    bcm283x_table.cluster = config->cluster;
    table_platform(hint, &bcm283x_table, image_ram(), ash_boot_info.secure, platform);
}

void bcm283x_console_init(const struct ash_platform *platform)
{
    pl011_init(ash_va((uintptr_t)platform->console.base.value));
}

int bcm283x_init(const struct ash_platform *platform)
{
    const struct ash_range *range = &platform->console;
    ash_va_t console = ash_va(0), peripheral = ash_va(0);
    int error = ash_map_device(range->base, range->size, &console), interrupts;

    pl011_move(error == 0 ? console : ash_va(0));
    error = first_error(error, ash_map_device(ash_pa(PM_BASE), PM_BYTES, &bcm283x_pm));
    interrupts = first_error(ash_map_device(ash_pa(BCM283X_LOCAL), LOCAL_BYTES, &bcm283x_local),
                             ash_map_device(ash_pa(IRQ_BASE), IRQ_BYTES, &peripheral));
    if (interrupts == 0) {
        bcm2836_irq_init(bcm283x_local, peripheral);
    }
    error = first_error(error, interrupts);
    return first_error(error, timer_init(platform->timer_irq, 0));
}

int bcm283x_cpu_init(void)
{
    timer_cpu_init();
    return bcm2836_irq_cpu_init();
}

int bcm283x_cpu_start_by_mailbox(unsigned cpu, ash_pa_t entry)
{
    if (cpu == 0 || cpu >= BCM283X_CPUS) {
        return ASH_ENODEV;
    }
    mmio_write32(bcm283x_local, LOCAL_MAILBOX3_SET(cpu), (uint32_t)entry.value);
    port_dsb_sy();
    port_send_event();
    return 0;
}

static void restart(uint32_t partition)
{
    uint32_t status = mmio_read32(bcm283x_pm, PM_RSTS) & ~PM_RSTS_HALT;
    uint32_t control = mmio_read32(bcm283x_pm, PM_RSTC) & ~PM_RSTC_CONFIG;

    mmio_write32(bcm283x_pm, PM_RSTS, PM_PASSWORD | status | partition);
    mmio_write32(bcm283x_pm, PM_WDOG, PM_PASSWORD | PM_TICKS);
    mmio_write32(bcm283x_pm, PM_RSTC, PM_PASSWORD | control | PM_RSTC_RESET);
    for (uint32_t i = 0; i < PM_SPIN; i++) {
        (void)mmio_read32(bcm283x_pm, PM_WDOG);
    }
}

void bcm283x_power_off(void)
{
    restart(PM_RSTS_HALT);
}

void bcm283x_reset(void)
{
    restart(0);
}

const struct ash_console_ops bcm283x_console = {pl011_put, pl011_get};
