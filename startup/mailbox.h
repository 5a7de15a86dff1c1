/* SPDX-License-Identifier: MIT */
/*
 * The pen's mailboxes, one cache line per CPU, written by the releasing CPU with caches on and
 * read by a waiting one with caches off. Not cleared at boot: CPUs may be waiting already.
 */
#ifndef ASHLAR_STARTUP_MAILBOX_H
#define ASHLAR_STARTUP_MAILBOX_H

#include "ashlar/config.h"

#define MAILBOX_WORD     __SIZEOF_POINTER__
#define MAILBOX_SHIFT    6
#define MAILBOX_ENTRY    0
#define MAILBOX_CHECK    (1 * MAILBOX_WORD)
#define MAILBOX_ARGUMENT (2 * MAILBOX_WORD)
#define MAILBOX_BUSY     (3 * MAILBOX_WORD)

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

struct mailbox {
    uintptr_t entry; /**< function to run, valid if check is its complement; 0: nothing */
    uintptr_t check; /**< ~entry */
    uintptr_t argument;
    uintptr_t busy; /**< set by the releasing CPU, cleared when the function has returned */
    unsigned char pad[(1 << MAILBOX_SHIFT) - 4 * MAILBOX_WORD];
};

_Static_assert(sizeof(struct mailbox) == 1u << MAILBOX_SHIFT, "assembler offsets");

extern struct mailbox boot_mailbox[ASH_CPUS];

/** True while the CPU runs what it was released for: for ever once it is online. */
bool mailbox_busy(unsigned cpu);

/** Takes back every order that no CPU has taken yet: RAM may survive a reset. */
void mailbox_cancel_all(void);
#endif

#endif
