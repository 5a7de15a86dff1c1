/* SPDX-License-Identifier: MIT */
/*
 * Accesses and translations: see probe.h.
 */
#include "tests/target/probe.h"

#include "port/port.h"

#define PAR_MEMORY 56u /* PAR.ATTR, the MAIR byte (DDI 0406C B4.1.112) */

/* What one access did. */
struct probe {
    volatile uint32_t *address;
    bool write;
};

static void touch(void *arg)
{
    struct probe *probe = arg;
    uint32_t value = *probe->address;

    if (probe->write) {
        *probe->address = value;
    }
}

bool probe_faults(uintptr_t address, bool write, struct ash_trap *trap)
{
    struct probe probe = {(volatile uint32_t *)address, write};

    return ash_trap_catch(touch, &probe, trap) == ASH_EFAULT;
}

bool probe_faults_with(uintptr_t address, bool write, enum ash_trap_cause cause, unsigned level)
{
    struct ash_trap trap;

    return probe_faults(address, write, &trap) && trap.kind == ASH_TRAP_DATA &&
           trap.cause == cause && trap.level == (int)level && trap.address == address;
}

bool probe_translates(uintptr_t va, uint64_t pa, ash_mmu_attr_t attr)
{
    static const uint8_t memory[] = {0xff, 0x44, 0x04, 0x00};
    bool write = attr & ASH_MMU_WRITE, user = attr & ASH_MMU_USER;
    struct port_translation par, other;

    return port_translate(ash_va(va), PORT_READ, &par) && par.pa.value == pa &&
           (uint8_t)(par.raw >> PAR_MEMORY) == memory[(attr & ASH_MMU_TYPE_MASK) >> 8] &&
           port_translate(ash_va(va), PORT_WRITE, &other) == write &&
           port_translate(ash_va(va), PORT_READ | PORT_USER, &other) == user &&
           port_translate(ash_va(va), PORT_WRITE | PORT_USER, &other) == (user && write);
}
