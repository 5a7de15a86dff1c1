/* SPDX-License-Identifier: MIT */
/*
 * Arguments of programs: out of one program's memory, and onto the next one's stack.
 */
#include "port/port.h"
#include "process/process.h"

static size_t length_of(const char *string, size_t most)
{
    size_t length = 0;

    while (length < most && string[length] != '\0') {
        length++;
    }
    return length;
}

int ash_arguments_add(struct ash_arguments *arguments, const char *string)
{
    size_t room = sizeof arguments->text - arguments->size;
    size_t length = length_of(string, room);

    if (length == room || arguments->count == ASH_ARGUMENTS) {
        return ASH_ERANGE;
    }
    port_copy(arguments->text + arguments->size, string, length + 1);
    arguments->size += length + 1;
    arguments->count++;
    return 0;
}

/* A string into `size` bytes. */
static int read_string(char *to, size_t size, ash_va_t from)
{
    size_t done;
    int error = ash_user_read(to, from, size, &done);

    if (length_of(to, done) < done) {
        return 0; /* it ends before what could not be read */
    }
    return error != 0 ? error : ASH_ERANGE;
}

int arguments_read(struct ash_arguments *arguments, ash_va_t list)
{
    arguments->count = 0;
    arguments->size = 0;
    for (;;) {
        char *text = arguments->text + arguments->size;
        size_t room = sizeof arguments->text - arguments->size;
        uintptr_t pointer;
        int error = ash_user_read(&pointer, list, sizeof pointer, NULL);

        if (error != 0) {
            return error;
        }
        if (pointer == 0) {
            return arguments->count == 0 ? ASH_EINVAL : 0;
        }
        if (arguments->count == ASH_ARGUMENTS) {
            return ASH_ERANGE;
        }
        error = read_string(text, room, ash_va(pointer));
        if (error != 0) {
            return error;
        }
        arguments->size += length_of(text, room) + 1;
        arguments->count++;
        list.value += sizeof pointer;
    }
}

ash_va_t arguments_place(const struct ash_arguments *arguments, ash_va_t top,
                         struct arguments_block *block)
{
    uintptr_t start = (top.value - sizeof *block) & ~(uintptr_t)15;
    uintptr_t text = start + offsetof(struct arguments_block, text);

    port_zero(block, sizeof *block);
    port_copy(block->text, arguments->text, arguments->size);
    for (unsigned i = 0; i < arguments->count; i++) {
        block->pointer[i] = text;
        text +=
            length_of(block->text + (text - start - sizeof block->pointer), ASH_ARGUMENTS_BYTES) +
            1;
    }
    return ash_va(start);
}
