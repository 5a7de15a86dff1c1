/* SPDX-License-Identifier: MIT */
/*
 * Intrusive lists and balanced trees: the C library's own. newlib and picolibc have both headers;
 * on the host the trees come from libbsd. Macros only: nothing is linked.
 */
#ifndef ASHLAR_PORT_INTRUSIVE_H
#define ASHLAR_PORT_INTRUSIVE_H

#if __has_include(<sys/tree.h>)
#include <sys/queue.h>
#include <sys/tree.h>
#else
#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#ifndef __unused /* what the trees mark static functions with */
#define __unused __attribute__((__unused__))
#endif
#endif

#endif
