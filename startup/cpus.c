/* SPDX-License-Identifier: MIT */
/*
 * How CPUs come to run with the MMU on. Never touches one in the pen but by ash_cpu_release(); what
 * they do then is in cpu_calls.c.
 */
#include "startup/cpus.h"

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/cpu.h"
#include "ashlar/errors.h"
#include "port/errata.h"
#include "port/outside.h"
#include "port/percpu.h"
#include "port/port.h"
#include "startup/boot_map.h"
#include "startup/early_print.h"
#include "startup/mailbox.h"
#include "startup/processor.h"
#include "startup/stacks.h"

/* Looks at its mailbox until a CPU counts as not coming: about a second. */
#define START_PATIENCE 10000000u

/* In the argument of enter(), beside the root: somebody confirms invalidations (port/errata.h). */
#define CONFIRMED 1u

static uint32_t starting; /* a CPU starts another */

static int take_interrupts(void)
{
    int error = ash_irq_attach(ASH_CPU_IRQ_RUN, cpus_interrupted, NULL);

    return error != 0 ? error : cpus_stop_init();
}

/* The first of a secondary CPU with its MMU and caches on. What the pen wrote into percpu went past
 * the caches, where another CPU may hold what was there before. Entries that came into the TLB
 * before this CPU's errata counted are dropped. */
static _Noreturn void go_online(void)
{
    struct percpu *data = &percpu[port_affinity() & 0xff];
    struct online_cpu *own;
    int error;

    port_cache_invalidate(data, sizeof(*data));
    port_tlbi_errata_add();
    port_tlbi_all();
    port_dsb_ish();
    port_isb();
    data->inside = 0;
    own = &cpus_online[data->number];
    error = ash_board.cpu_init();
    error = error != 0 ? error : take_interrupts();
    own->error = error;
    port_store_release(&own->state, error != 0 ? CPU_FAILED : CPU_IDLE);
    port_send_event();
    if (error != 0) {
        early_stop();
    }
    cpus_take_calls(own);
}

/* MMU off: only what the argument and constants tell. Back in the pen if it must not go on. */
static void enter(void *arg)
{
    uintptr_t root = (uintptr_t)arg & ~(uintptr_t)CONFIRMED;
    uint32_t errata = port_errata_of(SYS_READ(SYS_MIDR), SYS_READ(SYS_REVIDR));

    if ((errata & PORT_ERRATUM_CONFIRM_TLBI) == 0 || ((uintptr_t)arg & CONFIRMED) != 0) {
        processor_mmu_enter(ash_pa(root), boot_space_bits(),
                            stacks_top(ash_cpu_number(), PROCESSOR_PROGRAM_STACK), go_online);
    }
}

static int start(unsigned cpu)
{
    uintptr_t root = (uintptr_t)ash_mmu_root(&ash_boot_map).value;
    uint32_t state = CPU_OFF;
    int error = take_interrupts();

    if (error == 0) {
        error = ash_cpu_release(cpu, enter,
                                (void *)(root | (port_tlbi_confirm != NULL ? CONFIRMED : 0)));
    }
    if (error != 0) {
        return error;
    }
    for (uint32_t i = 0; i < START_PATIENCE && state == CPU_OFF; i++) {
        if (!mailbox_busy(cpu)) {
            return ASH_ENOSYS;
        }
        state = port_load_acquire(&cpus_online[cpu].state);
    }
    return state == CPU_OFF ? ASH_EIO : state == CPU_FAILED ? cpus_online[cpu].error : 0;
}

int ash_cpu_start(unsigned cpu)
{
    int error;

    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    if (cpu >= ASH_CPUS) {
        return ASH_EINVAL;
    }
    if (ash_cpu_online(cpu)) {
        return 0;
    }
    if (cpu >= ash_platform.cpu_count || ash_board.irq == NULL) {
        return ASH_ENODEV;
    }
    if ((port_tlbi_errata & PORT_ERRATUM_CONFIRM_TLBI) != 0 && port_tlbi_confirm == NULL) {
        return ASH_ENOSYS;
    }
    if (!port_exchange32(&starting, 0, 1)) {
        return ASH_EBUSY;
    }
    error = start(cpu);
    port_store_release(&starting, 0);
    return error;
}

unsigned ash_cpus_start(void)
{
    unsigned online = 0;

    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        online += ash_cpu_start(cpu) == 0;
    }
    return online;
}

bool ash_cpu_busy(unsigned cpu)
{
    if (cpu == 0 || cpu >= ASH_CPUS) {
        return false;
    }
    return ash_cpu_online(cpu) ? port_load_acquire(&cpus_online[cpu].state) != CPU_IDLE
                               : mailbox_busy(cpu);
}
