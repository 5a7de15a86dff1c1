/* SPDX-License-Identifier: MIT */
/*
 * The machine on which processes are tested: an archive with two programs, and a console.
 */
#ifndef ASHLAR_UNIT_PROCESS_MACHINE_H
#define ASHLAR_UNIT_PROCESS_MACHINE_H

#include "process/process.h"
#include "tests/unit/program_maker.h"
#include "tests/unit/user_machine.h"

#define STACK_PAGES (PROCESS_STACK / PAGE)

static struct ash_process process;
static struct ash_archive programs;
static ELF_FILE(64) first, second; /* the latter is smaller */

/* What programs have written; it takes no more than console_room bytes, and is not asked on and on
 * when that is reached. */
static char console[1024];
static size_t console_length, console_room, console_refused;

static inline size_t console_write(const char *bytes, size_t size)
{
    size_t room = console_room - console_length;
    size_t taken = size < room ? size : room;

    must(size > 0 && size <= 128);
    console_refused += taken < size;
    must(console_refused <= 2);
    memcpy(console + console_length, bytes, taken);
    console_length += taken;
    return taken;
}

static inline void process_machine_start(const struct kind *kind)
{
    machine_start(kind, 2, 8);
    console_length = console_refused = 0;
    console_room = sizeof console;
    ELF_MAKE(first, 64, EM_AARCH64, kind->base);
    ELF_MAKE(second, 64, EM_AARCH64, kind->base);
    memset(first.contents, '1', sizeof first.contents);
    memset(second.contents, '2', sizeof second.contents);
    second.header.e_entry += 8;
    second.program[1].p_memsz = 17;
    archive_start();
    archive_add("first", ASH_ARCHIVE_REGULAR, &first, sizeof first);
    archive_add("note", ASH_ARCHIVE_REGULAR, "no program", 10);
    archive_add("second", ASH_ARCHIVE_REGULAR, &second, sizeof second);
    programs = archive_end();
}

static inline int process_machine_create(const char *name)
{
    struct ash_arguments arguments = {0};

    must(ash_arguments_add(&arguments, name) == 0);
    return ash_process_create(&process, &programs, console_write, &arguments);
}

/** The pages that a program has when it starts. */
#define FIRST_PAGES  (1 + 3 + STACK_PAGES)
#define SECOND_PAGES (1 + 1 + STACK_PAGES)

/** Rights in the process's own space. */
static inline unsigned process_rights(uint64_t offset)
{
    unsigned rights;

    ash_space_switch(&process.space[process.in]);
    rights = user_rights(machine_va(offset));
    ash_space_leave();
    return rights;
}

/** Pages of the process at [offset, offset + size) with these rights. */
static inline unsigned process_pages(uint64_t offset, uint64_t size, unsigned rights)
{
    unsigned pages = 0;

    for (uint64_t at = offset; at < offset + size; at += PAGE) {
        pages += process_rights(at) == rights;
    }
    return pages;
}

static inline uintptr_t at(uint64_t offset)
{
    return machine_va(offset).value;
}

static inline void process_machine_end(void)
{
    ash_process_destroy(&process);
    must(ash_frames_owned(ASH_OWNER_USER) == 0);
    machine_end();
}

#endif
