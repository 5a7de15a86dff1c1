/* SPDX-License-Identifier: MIT */
/*
 * How reports print: any function with printf's signature. The library itself calls none.
 */
#ifndef ASHLAR_PRINT_H
#define ASHLAR_PRINT_H

/** printf, or a function like it. */
typedef int (*ash_print_fn)(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
