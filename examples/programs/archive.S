/* SPDX-License-Identifier: MIT */
/*
 * The archive of programs, in flash as constants: from program_archive to program_archive_end.
 */
    .section .rodata.program_archive, "a", %progbits
    .balign 4
    .global program_archive, program_archive_end
program_archive:
    .incbin ARCHIVE
program_archive_end:
