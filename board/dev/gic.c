/* SPDX-License-Identifier: MIT */
/*
 * What the versions of the controller have in common: how it starts, and how an interrupt is taken.
 * The registers belong to gicv2.c and gicv3.c, the handlers to irq_table.c.
 */
#include "board/dev/gic.h"

#include "ashlar/boot.h"
#include "ashlar/errors.h"

static const struct gic_version *gic;

int gic_init(const struct ash_irq_controller *controller, bool secure)
{
    const struct gic_version *version = controller->version == 2   ? &gicv2
                                        : controller->version == 3 ? &gicv3
                                                                   : NULL;
    ash_va_t distributor, cpu;
    int result, error;

    if (version == NULL) {
        return ASH_ENODEV;
    }
    result =
        ash_map_device(controller->distributor.base, controller->distributor.size, &distributor);
    if (result == 0) {
        result = ash_map_device(controller->cpu.base, controller->cpu.size, &cpu);
    }
    if (result == 0) {
        result = version->init(distributor, cpu, controller->cpu.size, secure);
    }
    if (result < 0) {
        return result;
    }
    error = version->cpu_init();
    if (error == 0) {
        gic = version;
        irq_table_init(&version->chip, (uint32_t)result);
    }
    return error;
}

int gic_cpu_init(void)
{
    return gic == NULL ? ASH_ENODEV : gic->cpu_init();
}

static bool gic_dispatch(void)
{
    uint32_t acknowledged, irq;

    if (gic == NULL) {
        return false;
    }
    acknowledged = gic->acknowledge();
    irq = acknowledged & 0x3ff;
    if (irq >= GIC_IRQ_END) {
        /* Withdrawn before it was taken: there is nothing to end. */
        irq_table_spurious();
        return false;
    }
    irq_table_handle(irq);
    gic->end(acknowledged);
    return true;
}

static int gic_send(uint32_t irq, unsigned cpu)
{
    if (gic == NULL) {
        return ASH_ENODEV;
    }
    return irq >= GIC_SOFTWARE_END ? ASH_EINVAL : gic->send(irq, cpu);
}

const struct ash_irq_ops gic_irq_ops = {irq_table_attach, irq_table_detach, gic_dispatch, gic_send,
                                        irq_table_stats};
