/* SPDX-License-Identifier: MIT */
/*
 * What the boot code leaves behind for the program: the firmware's map, and the last steps.
 * Boot order: reset code -> platform -> regions -> translation tables, MMU on -> frames ->
 * pmem -> board devices -> constructors -> main().
 */
#ifndef ASHLAR_BOOT_H
#define ASHLAR_BOOT_H

#include "mmu.h"
#include "types.h"

/** The firmware's own translation tables (TTBR0, identity). A program reads them (query, walk,
 *  dump, verify) and changes them through vmap.h, pmem.h and ash_map_device() only, which take the
 *  map's lock. */
extern struct ash_mmu ash_boot_map;

/** How the image was entered: a mode of AArch32, or an exception level of AArch64. */
enum ash_boot_entry {
    ASH_ENTRY_SVC,
    ASH_ENTRY_HYP,
    ASH_ENTRY_SECURE, /**< Secure SVC */
    ASH_ENTRY_EL1,
    ASH_ENTRY_EL2,
    ASH_ENTRY_EL3,
};

struct ash_boot_info {
    enum ash_boot_entry entry;
    bool secure;         /**< runs in the secure state, without a monitor or hypervisor */
    bool below_el2;      /**< was entered in Hyp or EL2 and left it */
    bool caches_were_on; /**< a loader left MMU or caches on */
    uint32_t cycles;     /**< PMCCNTR from reset to main(), when the counter runs */
};
extern struct ash_boot_info ash_boot_info;

/**
 * Maps `size` bytes of device registers at pa as Device-nGnRE, never executable, at VA = PA where
 * the identity map reaches and in the board's vmap range elsewhere. Asking again for a range that
 * is mapped as a device returns the same address. *va is where they are. Errors: ASH_EINVAL (size
 * 0), ASH_ERANGE (wraps, or beyond the processor), ASH_EBUSY (RAM or flash is there), ASH_ENOMEM
 * (what was mapped of the range by then stays mapped as device memory). Context: not in interrupts.
 */
int ash_map_device(ash_pa_t pa, uint64_t size, ash_va_t *va);

/** Powers off; stops in a wait loop where the board cannot. */
_Noreturn void ash_power_off(void);
/** Resets the board; stops in a wait loop where it cannot. */
_Noreturn void ash_reset(void);

#endif
