/* SPDX-License-Identifier: MIT */
/*
 * Console, interrupt controller and timer of a board with Arm's own.
 */
#include "board/arm_init.h"

#include "ashlar/boot.h"
#include "board/dev/gic.h"
#include "board/dev/timer.h"

int arm_init(const struct ash_platform *platform, void (*move_console)(ash_va_t base))
{
    const struct ash_range *range = &platform->console;
    ash_va_t console = ash_va(0);
    int error = range->size == 0 ? 0 : ash_map_device(range->base, range->size, &console);

    move_console(error == 0 ? console : ash_va(0));
    error = first_error(error, gic_init(&platform->irq, platform->secure));
    return first_error(error, timer_init(platform->timer_irq, platform->timer_hz));
}

int arm_cpu_init(void)
{
    timer_cpu_init();
    return gic_cpu_init();
}
