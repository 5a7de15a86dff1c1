/* SPDX-License-Identifier: MIT */
/*
 * Symbols that the linker script defines (ld/sections.ld; the README explains each). All
 * boundaries of parts with different permissions are page-aligned; ends are exclusive.
 */
#ifndef PORT_IMAGE_H
#define PORT_IMAGE_H

#include "ashlar/types.h"

extern char __reset_start[], __reset_end[]; /* reset code, used with the MMU off only */
extern char __text_start[], __text_end[];   /* code, but for that of libraries */
/* Code that was built without branch protection: the C and the compiler's library. */
extern char __libtext_start[], __libtext_end[];
extern char __rodata_start[], __rodata_end[];   /* constants */
extern char __ramtext_start[], __ramtext_end[]; /* code that must not run from flash */
extern char __ram_start[], __ram_end[];         /* RAM that the image occupies, stacks included */

static inline struct ash_range image_ram(void)
{
    return (struct ash_range){ash_pa((uintptr_t)__ram_start),
                              (uintptr_t)__ram_end - (uintptr_t)__ram_start};
}

extern void (*__init_array_start[])(void), (*__init_array_end[])(void);

#endif
