/* SPDX-License-Identifier: MIT */
/*
 * The last step of boot: constructors, main(), and exit() with what it returns. From here on the C
 * library may be used.
 */
#include "startup/run_main.h"

#include <stddef.h>
#include <stdlib.h>

#include "ashlar/boot.h"
#include "port/image.h"
#include "port/port.h"

int main(void);

/* The C library's own allocator must never be linked. This reference, in a section that nothing
 * keeps, brings in Ashlar's malloc family before the C library is searched; the linker then drops
 * what the program does not use. */
static void *(*const link_allocator)(size_t)
    __attribute__((used, section(".rodata.link_allocator"))) = malloc;

static void run_constructors(void)
{
    for (void (**constructor)(void) = __init_array_start; constructor != __init_array_end;
         constructor++) {
        (*constructor)();
    }
}

void run_main(void)
{
    run_constructors();
    ash_boot_info.cycles = port_cycles();
    exit(main());
}
