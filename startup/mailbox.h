/* SPDX-License-Identifier: MIT */
/*
 * The pen's mailboxes, one cache line per CPU, written by the releasing CPU with caches on and
 * read by a waiting one with caches off. Not cleared at boot: CPUs may be waiting already.
 */
#ifndef ASHLAR_STARTUP_MAILBOX_H
#define ASHLAR_STARTUP_MAILBOX_H

#include "ashlar/config.h"

#define MAILBOX_SHIFT    6
#define MAILBOX_ENTRY    0
#define MAILBOX_CHECK    4
#define MAILBOX_ARGUMENT 8
#define MAILBOX_BUSY     12

#ifndef __ASSEMBLER__
#include <stdint.h>

struct mailbox {
    uint32_t entry; /**< function to run, valid if check is its complement; 0: nothing */
    uint32_t check; /**< ~entry */
    uint32_t argument;
    uint32_t busy; /**< set by the releasing CPU, cleared when the function has returned */
    uint32_t pad[12];
};

_Static_assert(sizeof(struct mailbox) == 1u << MAILBOX_SHIFT, "assembler offsets");

extern struct mailbox boot_mailbox[ASH_CPUS];
#endif

#endif
