/* SPDX-License-Identifier: MIT */
/*
 * From a file in the archive to a space that is ready to run.
 */
#include "port/port.h"
#include "process/process.h"

static ash_va_t from_base(uint64_t offset)
{
    return ash_va(ash_space_base().value + (uintptr_t)offset);
}

static ash_va_t stack_top(void)
{
    return from_base(ash_space_size() - ASH_PAGE_SIZE);
}

ash_va_t process_map_low(void)
{
    return from_base(ash_space_size() / 2);
}

ash_va_t process_map_high(void)
{
    return from_base(ash_space_size() - ASH_PAGE_SIZE - 2 * PROCESS_STACK);
}

static int read_program(const struct ash_archive *programs, const char *name, struct ash_elf *elf)
{
    static const enum ash_elf_machine machine =
        sizeof(uintptr_t) == 8 ? ASH_ELF_AARCH64 : ASH_ELF_ARM;
    struct ash_archive_file file;
    int error = ash_archive_find(programs, name, &file);

    if (error != 0) {
        return error;
    }
    return ash_elf_read(file.data, file.size, machine, from_base(PROCESS_LOW).value,
                        process_map_low().value, elf);
}

static int map_program(struct ash_space *space, const struct ash_elf *elf)
{
    int error = 0;

    for (unsigned i = 0; i < elf->count && error == 0; i++) {
        const struct ash_elf_segment *segment = &elf->segment[i];
        uint64_t start = segment->va & ~(uint64_t)(ASH_PAGE_SIZE - 1);
        uint64_t end =
            (segment->va + segment->size + ASH_PAGE_SIZE - 1) & ~(uint64_t)(ASH_PAGE_SIZE - 1);

        error = anonymous_map(space, ash_va((uintptr_t)start), end - start, segment->attr, segment);
    }
    return error;
}

static int map_stack(struct ash_space *space, const struct ash_arguments *arguments,
                     ash_va_t *pointer)
{
    struct arguments_block block;
    struct ash_elf_segment content = {.data = &block, .size = sizeof block, .stored = sizeof block};

    *pointer = arguments_place(arguments, stack_top(), &block);
    content.va = pointer->value;
    return anonymous_map(space, ash_va(stack_top().value - PROCESS_STACK), PROCESS_STACK,
                         ASH_MMU_WRITE, &content);
}

void process_unload(struct ash_space *space)
{
    anonymous_unmap(space, ash_space_base(), ash_space_size());
    (void)ash_space_destroy(space); /* it is current nowhere */
}

static void start(struct ash_process *process, const struct ash_arguments *arguments,
                  const struct ash_elf *elf, ash_va_t stack)
{
    unsigned length = 0;

    for (; length < sizeof process->name - 1 && arguments->text[length] != '\0'; length++) {
        process->name[length] = arguments->text[length];
    }
    process->name[length] = '\0';
    process->heap = ash_va((uintptr_t)(elf->end + ASH_PAGE_SIZE - 1) & ~(ASH_PAGE_SIZE - 1));
    process->heap_end = process->heap;
    ash_user_init(&process->user, process->name, ash_va((uintptr_t)elf->entry), stack);
    ASH_USER_GENERAL(&process->user)[0] = arguments->count;
    ASH_USER_GENERAL(&process->user)[1] = stack.value;
    process->user.call = process_call;
}

int process_load(struct ash_process *process, const struct ash_arguments *arguments)
{
    struct ash_space *space = &process->space[1 - process->in];
    struct ash_elf elf;
    ash_va_t stack;
    int error = read_program(process->programs, arguments->text, &elf);

    if (error != 0) {
        return error;
    }
    error = ash_space_create(space, arguments->text);
    if (error != 0) {
        return error;
    }
    error = map_program(space, &elf);
    if (error == 0) {
        error = map_stack(space, arguments, &stack);
    }
    if (error != 0) {
        process_unload(space);
        return error;
    }
    start(process, arguments, &elf, stack);
    process->in = 1 - process->in;
    return 0;
}
