/* SPDX-License-Identifier: MIT */
/*
 * What programs in user mode ask of the firmware, by SVC: the number in r7 (x8), arguments in r0 to
 * r5 (x0 to x5), the result in r0 (x0). This header is for both sides.
 */
#ifndef ASHLAR_CALL_H
#define ASHLAR_CALL_H

#include "errors.h"

enum ash_call {
    /** exit(code): does not return. */
    ASH_CALL_EXIT = 1,
    /** write(handle, bytes, size): to the console, handle 1 or 2. How many bytes were written, less
     *  than size if that is more than ASH_CALL_WRITE_MOST or the rest cannot be read; ASH_EINVAL
     *  (another handle), ASH_EFAULT (none can be read). */
    ASH_CALL_WRITE,
    /** yield(): others go first. 0. */
    ASH_CALL_YIELD,
    /** exec(arguments): another program takes the place of this one. `arguments` is a list of
     *  strings that ends with a null pointer; the first of them is the program's name. Returns only
     *  errors, and then nothing has changed: ASH_ENOENT, ASH_EFAULT, ASH_EINVAL (no string),
     *  ASH_ERANGE (more than ASH_ARGUMENTS strings or ASH_ARGUMENTS_BYTES bytes of them),
     * ASH_ENOMEM, those of an unsound file. */
    ASH_CALL_EXEC,
    /** map(address, size, access): zeroed memory at this address, or anywhere if it is 0. The
     *  address; ASH_EINVAL (size 0, access), ASH_EALIGN, ASH_ERANGE, ASH_EEXIST (something is
     *  there), ASH_EPERM (to be written and executed), ASH_ENOMEM. */
    ASH_CALL_MAP,
    /** unmap(address, size): 0, also where nothing was mapped; ASH_EINVAL, ASH_EALIGN, ASH_ERANGE.
     */
    ASH_CALL_UNMAP,
    /** protect(address, size, access): 0; as map, and ASH_ENOENT (not all of it is mapped). */
    ASH_CALL_PROTECT,
    /** brk(address): moves the end of the heap behind the program, up or down; 0 asks. The new end;
     *  ASH_ERANGE (below its start, or too far up), ASH_EEXIST, ASH_ENOMEM. */
    ASH_CALL_BRK,
    /** fork(), advise(address, size, advice), sync(address, size): ASH_ENOSYS. */
    ASH_CALL_FORK,
    ASH_CALL_ADVISE,
    ASH_CALL_SYNC,
};

/** Bytes that one write takes: nobody else runs on this CPU meanwhile. */
#define ASH_CALL_WRITE_MOST 4096u

/** Access of map and protect; reading is always allowed. */
#define ASH_CALL_WRITABLE   1u
#define ASH_CALL_EXECUTABLE 2u

/** Arguments of a program: how many at most, and bytes of all of them with their ends. */
#define ASH_ARGUMENTS       32u
#define ASH_ARGUMENTS_BYTES 1024u

/** Whether a result is an error: addresses may be negative numbers, but not these. */
#define ASH_CALL_FAILED(result) ((result) < 0 && (result) >= -4095)

#endif
