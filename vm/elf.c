/* SPDX-License-Identifier: MIT */
/*
 * Executables (System V ABI, chapters 4 and 5; ELF for the Arm Architecture; ELF for the Arm 64-bit
 * Architecture). Fields are read byte by byte: a file may lie anywhere.
 */
#include "ashlar/program.h"

#define ET_EXEC      2u
#define PT_LOAD      1u
#define PT_DYNAMIC   2u
#define PT_INTERP    3u
#define PT_TLS       7u
#define PT_GNU_STACK 0x6474e551u
#define PF_X         1u
#define PF_W         2u

/* Where the fields of the two classes are. */
struct layout {
    unsigned word; /* bytes of an address */
    unsigned header, program_header;
    unsigned entry, table, entry_size, entries; /* in the file's header */
    unsigned flags, offset, va, stored, size;   /* in a program header */
};

static const struct layout layouts[] = {
    {4, 52, 32, 24, 28, 42, 44, 24, 4, 8, 16, 20},
    {8, 64, 56, 24, 32, 54, 56, 4, 8, 16, 32, 40},
};

static uint64_t number(const unsigned char *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

/* The file is an executable for the machine. */
static int check_header(const unsigned char *file, size_t size, enum ash_elf_machine machine,
                        const struct layout *layout)
{
    if (size < layout->header || number(file, 4) != 0x464c457f || file[6] != 1) {
        return ASH_EFORMAT;
    }
    if (file[4] != layout->word / 4 || file[5] != 1 || number(file + 16, 2) != ET_EXEC ||
        number(file + 18, 2) != machine) {
        return ASH_ENOSYS; /* class, byte order, type, machine */
    }
    if (number(file + 20, 4) != 1 ||
        number(file + layout->entry_size, 2) != layout->program_header) {
        return ASH_EFORMAT;
    }
    return 0;
}

/* [base, base + size) is not empty, does not wrap, and lies in [lowest, highest). */
static bool inside(uint64_t base, uint64_t size, uint64_t lowest, uint64_t highest)
{
    return base >= lowest && base < highest && size != 0 && size <= highest - base;
}

static int add_segment(struct ash_elf *elf, const struct ash_elf_segment *segment, uint32_t flags)
{
    struct ash_elf_segment *own = &elf->segment[elf->count];

    if (elf->count == ASH_ELF_SEGMENTS) {
        return ASH_ENOSYS;
    }
    if ((flags & PF_W) && (flags & PF_X)) {
        return ASH_EPERM;
    }
    if (elf->count > 0 && segment->va < elf->end) {
        return ASH_EFORMAT; /* they are to be in ascending order */
    }
    if (elf->count > 0 && segment->va / ASH_PAGE_SIZE == (elf->end - 1) / ASH_PAGE_SIZE) {
        return ASH_EALIGN;
    }
    own->va = segment->va;
    own->size = segment->size;
    own->data = segment->data;
    own->stored = segment->stored;
    own->attr = (flags & PF_W ? ASH_MMU_WRITE : 0) | (flags & PF_X ? ASH_MMU_EXEC : 0);
    elf->end = own->va + own->size;
    elf->count++;
    return 0;
}

/* One program header. */
static int read_header(struct ash_elf *elf, const unsigned char *file, size_t size,
                       const unsigned char *header, const struct layout *layout, uint64_t lowest,
                       uint64_t highest)
{
    uint32_t type = (uint32_t)number(header, 4);
    uint32_t flags = (uint32_t)number(header + layout->flags, 4);
    uint64_t offset = number(header + layout->offset, layout->word);
    uint64_t stored = number(header + layout->stored, layout->word);
    struct ash_elf_segment segment;

    if (type == PT_DYNAMIC || type == PT_INTERP || type == PT_TLS) {
        return ASH_ENOSYS;
    }
    if (type == PT_GNU_STACK && (flags & PF_X)) {
        return ASH_EPERM;
    }
    segment.va = number(header + layout->va, layout->word);
    segment.size = number(header + layout->size, layout->word);
    if (type != PT_LOAD || segment.size == 0) {
        return 0;
    }
    if (stored > segment.size || offset > size || stored > size - offset) {
        return ASH_EFORMAT;
    }
    if (!inside(segment.va, segment.size, lowest, highest)) {
        return ASH_ERANGE;
    }
    segment.data = file + offset;
    segment.stored = (size_t)stored;
    return add_segment(elf, &segment, flags);
}

/* The entry point is code. */
static bool entry_is_code(const struct ash_elf *elf, enum ash_elf_machine machine)
{
    uint64_t entry = machine == ASH_ELF_ARM ? elf->entry & ~UINT64_C(1) : elf->entry;
    unsigned alignment = elf->entry == entry ? 4 : 2;

    for (unsigned i = 0; i < elf->count; i++) {
        const struct ash_elf_segment *segment = &elf->segment[i];

        if ((segment->attr & ASH_MMU_EXEC) && entry >= segment->va &&
            entry - segment->va < segment->size) {
            return entry % alignment == 0;
        }
    }
    return false;
}

int ash_elf_read(const void *file, size_t size, enum ash_elf_machine machine, uint64_t lowest,
                 uint64_t highest, struct ash_elf *elf)
{
    const struct layout *layout = &layouts[machine == ASH_ELF_AARCH64];
    const unsigned char *bytes = file;
    uint64_t table, entries;
    int error = check_header(bytes, size, machine, layout);

    if (error != 0) {
        return error;
    }
    elf->entry = number(bytes + layout->entry, layout->word);
    elf->end = lowest;
    elf->count = 0;
    table = number(bytes + layout->table, layout->word);
    entries = number(bytes + layout->entries, 2);
    if (table > size || entries * layout->program_header > size - table) {
        return ASH_EFORMAT;
    }
    for (uint64_t i = 0; i < entries && error == 0; i++) {
        error = read_header(elf, bytes, size, bytes + table + i * layout->program_header, layout,
                            lowest, highest);
    }
    if (error != 0) {
        return error;
    }
    return entry_is_code(elf, machine) ? 0 : ASH_EFORMAT;
}
