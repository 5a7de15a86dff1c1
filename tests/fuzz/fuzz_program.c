/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes archives and executables: whatever the bytes are, what is reported lies inside of them and
 * is sound.
 */
#include <stdlib.h>
#include <string.h>

#include "ashlar/program.h"

#define LOWEST  UINT64_C(0x10000)
#define HIGHEST UINT64_C(0x40000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* The place is of the file, all of it. */
static void inside(const uint8_t *file, size_t size, const void *place, size_t bytes)
{
    const uint8_t *start = place;

    must(start >= file && start <= file + size && bytes <= (size_t)(file + size - start));
}

static void executable(const uint8_t *file, size_t size, enum ash_elf_machine machine)
{
    uint64_t last = LOWEST;
    bool code = false;
    struct ash_elf elf;

    if (ash_elf_read(file, size, machine, LOWEST, HIGHEST, &elf) != 0) {
        return;
    }
    must(elf.count >= 1 && elf.count <= ASH_ELF_SEGMENTS && elf.end <= HIGHEST);
    for (unsigned i = 0; i < elf.count; i++) {
        const struct ash_elf_segment *segment = &elf.segment[i];

        inside(file, size, segment->data, segment->stored);
        must(segment->stored <= segment->size && segment->size > 0);
        must(ash_align_down(segment->va, ASH_PAGE_SIZE) >= last);
        must((segment->attr & (ASH_MMU_WRITE | ASH_MMU_EXEC)) != (ASH_MMU_WRITE | ASH_MMU_EXEC));
        must(segment->va >= LOWEST && segment->size <= HIGHEST - segment->va);
        code |= (segment->attr & ASH_MMU_EXEC) && elf.entry >= segment->va &&
                elf.entry - segment->va < segment->size;
        last = (segment->va + segment->size + ASH_PAGE_SIZE - 1) & ~(uint64_t)(ASH_PAGE_SIZE - 1);
    }
    must(code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file = malloc(size == 0 ? 1 : size);
    struct ash_archive archive = {file, size};
    struct ash_archive_file member = {0};
    size_t before = 0;

    memcpy(file, data, size);
    executable(file, size, ASH_ELF_ARM);
    executable(file, size, ASH_ELF_AARCH64);
    while (ash_archive_next(&archive, &member) == 0) {
        inside(file, size, member.name, strlen(member.name) + 1);
        inside(file, size, member.data, member.size);
        must(member.next > before && member.next <= size);
        before = member.next;
        executable(member.data, member.size, ASH_ELF_ARM);
    }
    (void)ash_archive_find(&archive, "init", &member);
    free(file);
    return 0;
}
