/* SPDX-License-Identifier: MIT */
/*
 * Calls of PSCI. Owns nothing: the caller says how the firmware is reached.
 */
#include "board/dev/psci.h"

#include "ashlar/errors.h"
#include "port/smccc.h"

/* DEN 0022E, sections 5.1 and 5.2.2: 32-bit forms, but where an address is told */
#define PSCI_CPU_ON             (sizeof(uintptr_t) == 8 ? 0xc4000003u : 0x84000003u)
#define PSCI_SYSTEM_OFF         0x84000008u
#define PSCI_SYSTEM_RESET       0x84000009u
#define PSCI_NOT_SUPPORTED      (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_ALREADY_ON         (-4)
#define PSCI_ON_PENDING         (-5)

static int32_t psci_call(enum ash_psci_conduit conduit, uint32_t function, uintptr_t a, uintptr_t b,
                         uintptr_t c)
{
    switch (conduit) {
    case ASH_PSCI_HVC:
        return port_hvc(function, a, b, c);
    case ASH_PSCI_SMC:
        return port_smc(function, a, b, c);
    default:
        return PSCI_NOT_SUPPORTED;
    }
}

int psci_cpu_on(enum ash_psci_conduit conduit, uint32_t affinity, ash_pa_t entry)
{
    switch (psci_call(conduit, PSCI_CPU_ON, affinity, (uintptr_t)entry.value, 0)) {
    case 0:
    case PSCI_ALREADY_ON:
    case PSCI_ON_PENDING:
        return 0;
    case PSCI_NOT_SUPPORTED:
    case PSCI_INVALID_PARAMETERS:
        return ASH_ENODEV;
    default:
        return ASH_EIO;
    }
}

void psci_system_off(enum ash_psci_conduit conduit)
{
    (void)psci_call(conduit, PSCI_SYSTEM_OFF, 0, 0, 0);
}

void psci_system_reset(enum ash_psci_conduit conduit)
{
    (void)psci_call(conduit, PSCI_SYSTEM_RESET, 0, 0, 0);
}
