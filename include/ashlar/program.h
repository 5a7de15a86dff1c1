/* SPDX-License-Identifier: MIT */
/*
 * Programs as they come: static ELF files in a cpio archive, both read in place, from flash. All of
 * it is taken for hostile: whatever the bytes are, nothing outside of them is read, and what is
 * reported is sound. Pure: no memory is taken, nothing is mapped, any context.
 */
#ifndef ASHLAR_PROGRAM_H
#define ASHLAR_PROGRAM_H

#include "errors.h"
#include "mmu.h"
#include "types.h"

/** An archive in cpio's "newc" format (cpio -H newc), any alignment. */
struct ash_archive {
    const void *bytes;
    size_t size;
};

struct ash_archive_file {
    const char *name; /**< ends with a zero byte */
    const void *data;
    size_t size;   /**< bytes of data */
    uint32_t mode; /**< type and permissions, as in POSIX: 0100000 is a regular file */
    size_t next;   /**< offset of what follows in the archive */
};

/** The mode's bits that tell the type, and regular files. */
#define ASH_ARCHIVE_TYPE    0170000u
#define ASH_ARCHIVE_REGULAR 0100000u

/**
 * The file behind *file, the first if file->next is 0. Errors: ASH_ENOENT (there is no further
 * one), ASH_EFORMAT (malformed there, or it ends without a trailer). Cost: the length of the name.
 */
int ash_archive_next(const struct ash_archive *archive, struct ash_archive_file *file);

/**
 * The first regular file with this name; a leading "./" of its own does not count. Errors:
 * ASH_ENOENT, ASH_EFORMAT (malformed before it was found). Cost: linear in the files before it.
 */
int ash_archive_find(const struct ash_archive *archive, const char *name,
                     struct ash_archive_file *file);

/** Machines of ELF files, as their e_machine says: 32 bits, and 64. */
enum ash_elf_machine { ASH_ELF_ARM = 40, ASH_ELF_AARCH64 = 183 };

#define ASH_ELF_SEGMENTS 8u

/** A loadable segment: `size` bytes from va on, the first `stored` of them as in the file, the rest
 *  zero. No two have a page in common. */
struct ash_elf_segment {
    uint64_t va;
    uint64_t size;
    const void *data;
    size_t stored;
    ash_mmu_attr_t attr; /**< of WRITE and EXEC, never both */
};

struct ash_elf {
    uint64_t entry; /**< in an executable segment; AArch32: bit 0 set means Thumb */
    uint64_t end;   /**< of the last segment */
    unsigned count;
    struct ash_elf_segment segment[ASH_ELF_SEGMENTS]; /**< ascending */
};

/**
 * Reads a static little-endian executable for this machine, all of whose segments lie in
 * [lowest, highest). Errors: ASH_EFORMAT (no such file, or malformed), ASH_ENOSYS (another machine,
 * dynamically linked, position-independent, or more than ASH_ELF_SEGMENTS segments), ASH_ERANGE (a
 * segment out of [lowest, highest)), ASH_EPERM (a segment that is writable and executable, or an
 * executable stack is asked for), ASH_EALIGN (segments that share a page). On an error *elf is
 * unspecified.
 * Cost: linear in the program headers.
 */
int ash_elf_read(const void *file, size_t size, enum ash_elf_machine machine, uint64_t lowest,
                 uint64_t highest, struct ash_elf *elf);

#endif
