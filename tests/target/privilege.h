/* SPDX-License-Identifier: MIT */
/*
 * What keeps privileged code from mistakes that tables allow: PAN and WXN. A test reads and changes
 * the bits here, and leaves them as it found them.
 */
#ifndef ASHLAR_TARGET_PRIVILEGE_H
#define ASHLAR_TARGET_PRIVILEGE_H

#include <stdbool.h>

/** The processor has FEAT_PAN. The functions about PAN need it. */
bool privilege_has_pan(void);
/** False where QEMU 7.2 keeps the bit and forgets what it is for. */
bool privilege_pan_is_modelled(void);
/** PSTATE.PAN, CPSR.PAN: accesses to what unprivileged code reaches fault. */
bool privilege_pan(void);
void privilege_set_pan(bool on);
/** SCTLR.SPAN is 0: exceptions set it. */
bool privilege_pan_on_entry(void);

/** SCTLR.WXN and, where it exists, SCTLR.UWXN; TLBs forget what they held. */
void privilege_set_wxn(bool wxn, bool uwxn);
/** What unprivileged code may write, privileged code cannot execute in any case (AArch64). */
bool privilege_never_executes_user_pages(void);

#endif
