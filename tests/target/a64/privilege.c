/* SPDX-License-Identifier: MIT */
/*
 * PSTATE.PAN and SCTLR_EL1.WXN (DDI 0487 C5.2.17, D17.2.118).
 */
#include "tests/target/privilege.h"

#include "tests/target/upper_half.h"

#define PSTATE_PAN "s3_0_c4_c2_3"

bool privilege_has_pan(void)
{
    return SYS_FIELD(ID_MMFR1, ID_MMFR1_PAN) != 0;
}

bool privilege_pan_is_modelled(void)
{
    return true;
}

bool privilege_pan(void)
{
    return SYS_READ64(PSTATE_PAN) != 0;
}

void privilege_set_pan(bool on)
{
    SYS_WRITE64(PSTATE_PAN, on ? 1u << 22 : 0);
}

bool privilege_pan_on_entry(void)
{
    return (SYS_READ64("sctlr_el1") & SCTLR_SPAN) == 0;
}

void privilege_set_wxn(bool wxn, bool uwxn)
{
    uint64_t sctlr = SYS_READ64("sctlr_el1") & ~SCTLR_WXN;

    (void)uwxn; /* AArch32's: here pages that unprivileged code may write are PXN (D8.4.1.2.3) */
    SYS_WRITE64("sctlr_el1", sctlr | (wxn ? SCTLR_WXN : 0));
    upper_half_settle();
}

bool privilege_never_executes_user_pages(void)
{
    return true;
}
