/* SPDX-License-Identifier: MIT */
/*
 * CPSR.PAN, SCTLR.WXN and SCTLR.UWXN (DDI 0487 G8.2.33, G8.2.126).
 */
#include "tests/target/privilege.h"

#include "ashlar/boot.h"
#include "tests/target/upper_half.h"

bool privilege_has_pan(void)
{
    return CP15_FIELD(CP15_ID_MMFR3, ID_MMFR3_PAN) != 0;
}

/* Secure PL1 is EL3's regime in AArch32, of which QEMU has none with PAN. */
bool privilege_pan_is_modelled(void)
{
    return !ash_boot_info.secure;
}

bool privilege_pan(void)
{
    uint32_t cpsr;

    __asm__ volatile("mrs %0, cpsr" : "=r"(cpsr)::"memory");
    return (cpsr & CPSR_PAN) != 0;
}

void privilege_set_pan(bool on)
{
    cpsr_write_pan(on ? CPSR_PAN : 0);
}

bool privilege_pan_on_entry(void)
{
    return (CP15_READ(CP15_SCTLR) & SCTLR_SPAN) == 0;
}

void privilege_set_wxn(bool wxn, bool uwxn)
{
    uint32_t sctlr = CP15_READ(CP15_SCTLR) & ~(SCTLR_WXN | SCTLR_UWXN);

    CP15_WRITE(CP15_SCTLR, sctlr | (wxn ? SCTLR_WXN : 0) | (uwxn ? SCTLR_UWXN : 0));
    upper_half_settle();
}

bool privilege_never_executes_user_pages(void)
{
    return false;
}
