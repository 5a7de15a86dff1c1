/* SPDX-License-Identifier: MIT */
/*
 * Errata of processors that change what completes a broadcast TLB invalidation (arm-rules 14, 44).
 */
#ifndef ASHLAR_PORT_ERRATA_H
#define ASHLAR_PORT_ERRATA_H

#include <stdint.h>

/** DSB ISH may complete before memory accesses that used the invalidated entries have: one more
 * broadcast TLBI and DSB make sure of them (CVE-2025-10263 and relatives). */
#define PORT_ERRATUM_REPEAT_TLBI 1u
/** The invalidation may complete while another CPU still uses an entry: a further TLBI and DSB, and
 * an interrupt that makes each of the others execute a DMB (Cortex-A15 erratum 798181). */
#define PORT_ERRATUM_CONFIRM_TLBI 2u

/** What a processor with this MIDR and REVIDR needs: PORT_ERRATUM_* or'ed. Any context. */
uint32_t port_errata_of(uint32_t midr, uint32_t revidr);

#endif
