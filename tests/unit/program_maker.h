/* SPDX-License-Identifier: MIT */
/*
 * Archives and executables, written by hand from cpio(5) and the System V ABI.
 */
#ifndef ASHLAR_UNIT_PROGRAM_MAKER_H
#define ASHLAR_UNIT_PROGRAM_MAKER_H

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "ashlar/program.h"

/* The one archive that is being made. */
static char archive_bytes[16384];
static size_t archive_length;

static inline void archive_start(void)
{
    archive_length = 0;
}

static inline void archive_put(const void *data, size_t size)
{
    memcpy(archive_bytes + archive_length, data, size);
    archive_length += size;
    while (archive_length % 4 != 0) {
        archive_bytes[archive_length++] = '\0';
    }
}

static inline void archive_add(const char *name, unsigned mode, const void *data, size_t size)
{
    char header[200];
    int length = snprintf(header, sizeof header,
                          "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08x%08x%s%c", 7u,
                          mode, 0u, 0u, 1u, 0x65u, (unsigned)size, 0u, 0u, 0u, 0u,
                          (unsigned)strlen(name) + 1, 0u, name, 0);

    archive_put(header, (size_t)length);
    archive_put(data, size);
}

static inline struct ash_archive archive_end(void)
{
    archive_add("TRAILER!!!", 0, "", 0);
    return (struct ash_archive){archive_bytes, archive_length};
}

#define CODE_AT 0x20000u
#define DATA_AT 0x30010u
#define BSS     0x2345u

#define ELF_FILE(bits)                                                                             \
    struct {                                                                                       \
        Elf##bits##_Ehdr header;                                                                   \
        Elf##bits##_Phdr program[12];                                                              \
        unsigned char contents[256];                                                               \
    }

/* Two segments, relative to the base, and a note of a stack. The host's own definitions of the
 * fields. */
#define ELF_MAKE(file, bits, machine, base)                                                        \
    do {                                                                                           \
        memset(&(file), 0, sizeof(file));                                                          \
        memcpy((file).header.e_ident, ELFMAG, SELFMAG);                                            \
        (file).header.e_ident[EI_CLASS] = ELFCLASS##bits;                                          \
        (file).header.e_ident[EI_DATA] = ELFDATA2LSB;                                              \
        (file).header.e_ident[EI_VERSION] = EV_CURRENT;                                            \
        (file).header.e_type = ET_EXEC;                                                            \
        (file).header.e_machine = machine;                                                         \
        (file).header.e_version = EV_CURRENT;                                                      \
        (file).header.e_entry = (base) + CODE_AT + 8;                                              \
        (file).header.e_phoff = sizeof((file).header);                                             \
        (file).header.e_phentsize = sizeof((file).program[0]);                                     \
        (file).header.e_phnum = 3;                                                                 \
        (file).program[0].p_type = PT_LOAD;                                                        \
        (file).program[0].p_flags = PF_R | PF_X;                                                   \
        (file).program[0].p_offset = 0;                                                            \
        (file).program[0].p_vaddr = (base) + CODE_AT;                                              \
        (file).program[0].p_filesz = (file).program[0].p_memsz = sizeof(file);                     \
        (file).program[1].p_type = PT_LOAD;                                                        \
        (file).program[1].p_flags = PF_R | PF_W;                                                   \
        (file).program[1].p_offset = offsetof(__typeof__(file), contents);                         \
        (file).program[1].p_vaddr = (base) + DATA_AT;                                              \
        (file).program[1].p_filesz = 16;                                                           \
        (file).program[1].p_memsz = BSS;                                                           \
        (file).program[2].p_type = PT_GNU_STACK;                                                   \
        (file).program[2].p_flags = PF_R | PF_W;                                                   \
    } while (0)

#endif
