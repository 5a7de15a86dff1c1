/* SPDX-License-Identifier: MIT */
/*
 * Executables of both classes, then wrong in every field that counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ashlar/program.h"
#include "tests/unit/program_maker.h"

#define LOWEST  0x10000u
#define HIGHEST 0x100000u

static ELF_FILE(32) small;
static ELF_FILE(64) large;

static struct ash_elf elf;

static int read_small(void)
{
    return ash_elf_read(&small, sizeof small, ASH_ELF_ARM, LOWEST, HIGHEST, &elf);
}

static int read_large(void)
{
    return ash_elf_read(&large, sizeof large, ASH_ELF_AARCH64, LOWEST, HIGHEST, &elf);
}

static void make(void)
{
    ELF_MAKE(small, 32, EM_ARM, 0);
    ELF_MAKE(large, 64, EM_AARCH64, 0);
}

static void expect_segments(const void *file, const void *contents, size_t size)
{
    assert_int_equal(elf.entry, CODE_AT + 8);
    assert_int_equal(elf.end, DATA_AT + BSS);
    assert_int_equal(elf.count, 2);
    assert_int_equal(elf.segment[0].va, CODE_AT);
    assert_int_equal(elf.segment[0].size, size);
    assert_int_equal(elf.segment[0].stored, size);
    assert_ptr_equal(elf.segment[0].data, file);
    assert_int_equal(elf.segment[0].attr, ASH_MMU_EXEC);
    assert_int_equal(elf.segment[1].va, DATA_AT);
    assert_int_equal(elf.segment[1].size, BSS);
    assert_int_equal(elf.segment[1].stored, 16);
    assert_ptr_equal(elf.segment[1].data, contents);
    assert_int_equal(elf.segment[1].attr, ASH_MMU_WRITE);
}

static void both_classes(void **state)
{
    (void)state;
    make();
    assert_int_equal(read_small(), 0);
    expect_segments(&small, small.contents, sizeof small);
    assert_int_equal(read_large(), 0);
    expect_segments(&large, large.contents, sizeof large);
    small.header.e_entry |= 1; /* Thumb */
    assert_int_equal(read_small(), 0);
    assert_int_equal(elf.entry, CODE_AT + 9);
    large.header.e_entry |= 1;
    assert_int_equal(read_large(), ASH_EFORMAT);
}

/* The statement makes one field wrong, in both classes. */
#define WRONG(error, field, value)                                                                 \
    do {                                                                                           \
        make();                                                                                    \
        small.field = (__typeof__(small.field))(value);                                            \
        assert_int_equal(read_small(), error);                                                     \
        large.field = (__typeof__(large.field))(value);                                            \
        assert_int_equal(read_large(), error);                                                     \
    } while (0)

static void wrong_files(void **state)
{
    (void)state;
    WRONG(ASH_EFORMAT, header.e_ident[EI_MAG0], 'E');
    WRONG(ASH_EFORMAT, header.e_ident[EI_VERSION], 2);
    WRONG(ASH_ENOSYS, header.e_ident[EI_CLASS], 3);
    WRONG(ASH_ENOSYS, header.e_ident[EI_DATA], ELFDATA2MSB);
    WRONG(ASH_ENOSYS, header.e_type, ET_DYN);
    WRONG(ASH_ENOSYS, header.e_type, ET_REL);
    WRONG(ASH_ENOSYS, header.e_machine, EM_X86_64);
    WRONG(ASH_EFORMAT, header.e_version, 0);
    WRONG(ASH_EFORMAT, header.e_phentsize, 40);
    WRONG(ASH_EFORMAT, header.e_phoff, ~0ull);
    WRONG(ASH_EFORMAT, header.e_phnum, 0xffff);
    WRONG(ASH_EFORMAT, header.e_phnum, 0); /* nothing to run */
    WRONG(ASH_EFORMAT, header.e_entry, 0);
    WRONG(ASH_EFORMAT, header.e_entry, CODE_AT - 4);
    WRONG(ASH_EFORMAT, header.e_entry, CODE_AT + 6);
    WRONG(ASH_EFORMAT, header.e_entry, DATA_AT); /* not executable */
    make();
    assert_int_equal(ash_elf_read(&small, sizeof small, ASH_ELF_AARCH64, LOWEST, HIGHEST, &elf),
                     ASH_ENOSYS);
    assert_int_equal(ash_elf_read(&large, sizeof large, ASH_ELF_ARM, LOWEST, HIGHEST, &elf),
                     ASH_ENOSYS);
}

static void wrong_segments(void **state)
{
    (void)state;
    WRONG(ASH_ENOSYS, program[2].p_type, PT_INTERP);
    WRONG(ASH_ENOSYS, program[2].p_type, PT_DYNAMIC);
    WRONG(ASH_ENOSYS, program[2].p_type, PT_TLS);
    WRONG(ASH_EPERM, program[2].p_flags, PF_R | PF_W | PF_X);
    WRONG(ASH_EPERM, program[1].p_flags, PF_R | PF_W | PF_X);
    WRONG(ASH_EFORMAT, program[1].p_filesz, BSS + 1);
    WRONG(ASH_EFORMAT, program[1].p_offset, sizeof small + 0x10000);
    WRONG(ASH_EFORMAT, program[1].p_offset, ~0ull);
    WRONG(ASH_EFORMAT, program[0].p_memsz, 1); /* less than is stored */
    WRONG(ASH_ERANGE, program[1].p_memsz, HIGHEST - DATA_AT + 1);
    WRONG(ASH_ERANGE, program[1].p_memsz, ~0ull); /* wraps */
    WRONG(ASH_ERANGE, program[1].p_vaddr, HIGHEST);
    WRONG(ASH_ERANGE, program[0].p_vaddr, LOWEST - 1);
    WRONG(ASH_EFORMAT, program[1].p_vaddr, CODE_AT + 16); /* overlaps */
    WRONG(ASH_EFORMAT, program[1].p_vaddr, LOWEST);       /* descends */
    WRONG(ASH_EALIGN, program[1].p_vaddr, CODE_AT + 0xf00);
    make();
    small.program[1].p_memsz = HIGHEST - DATA_AT; /* up to the end, no further */
    assert_int_equal(read_small(), 0);
}

static void many_segments(void **state)
{
    (void)state;
    for (unsigned count = ASH_ELF_SEGMENTS; count <= ASH_ELF_SEGMENTS + 1; count++) {
        make();
        large.header.e_phnum = (Elf64_Half)count;
        for (unsigned i = 2; i < count; i++) {
            large.program[i] = large.program[1];
            large.program[i].p_vaddr = DATA_AT + 0x4000 * (i - 1);
        }
        assert_int_equal(read_large(), count == ASH_ELF_SEGMENTS ? 0 : ASH_ENOSYS);
    }
    make();
    large.program[1].p_memsz = large.program[1].p_filesz = 0; /* nothing: left out */
    assert_int_equal(read_large(), 0);
    assert_int_equal(elf.count, 1);
}

/* At every length: an error, until all of what is used is there. */
static void cut(void **state)
{
    (void)state;
    make();
    for (size_t size = 0; size < sizeof large; size++) {
        unsigned char *copy = malloc(size == 0 ? 1 : size);

        memcpy(copy, &large, size);
        assert_int_not_equal(ash_elf_read(copy, size, ASH_ELF_AARCH64, LOWEST, HIGHEST, &elf), 0);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_classes),
        cmocka_unit_test(wrong_files),
        cmocka_unit_test(wrong_segments),
        cmocka_unit_test(many_segments),
        cmocka_unit_test(cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
