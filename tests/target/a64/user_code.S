/* SPDX-License-Identifier: MIT */
/*
 * user_code.h for AArch64.
 */
    .macro PIECE name
    .global \name
\name:
    .endm

    .section .rodata.user_code, "a", %progbits
    .balign 8
PIECE user_code_start
PIECE user_calls
1:  svc     #0
    b       1b
PIECE user_load
    ldr     x1, [x0]
    svc     #0
    b       .
PIECE user_store
    str     x1, [x0]
    svc     #0
    b       .
PIECE user_jump
    br      x0
PIECE user_undefined
    udf     #0
PIECE user_privileged
    mrs     x0, sctlr_el1
    b       .
PIECE user_spin
1:  add     x1, x1, #1
    b       1b

PIECE user_holds
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    add     x2, x0, #\n
    dup     v\n\().2d, x2
    .endr
1:  mov     x1, #0
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    umov    x2, v\n\().d[1]
    sub     x2, x2, x0
    sub     x2, x2, #\n
    orr     x1, x1, x2
    .endr
    svc     #0
    b       1b
PIECE user_code_end
