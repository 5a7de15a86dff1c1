/* SPDX-License-Identifier: MIT */
/*
 * Programs for suites: see programs.h. Output is counted under no lock: programs of one test only.
 */
#include "tests/target/programs.h"

#include <string.h>

#include "ashlar/frames.h"

extern const char program_archive[], program_archive_end[];

char programs_output[256];
static size_t output_size;

void programs_forget(void)
{
    memset(programs_output, 0, sizeof programs_output);
    output_size = 0;
}

static size_t write(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size && output_size < sizeof programs_output - 1; i++) {
        programs_output[output_size++] = bytes[i];
    }
    return size;
}

int programs_create(struct ash_process *process, const char *line)
{
    static struct ash_archive archive;
    struct ash_arguments arguments = {0};
    char word[40];

    archive.bytes = program_archive;
    archive.size = (uintptr_t)program_archive_end - (uintptr_t)program_archive;
    while (*line != '\0') {
        size_t length = strcspn(line, " ");

        if (length >= sizeof word) {
            return ASH_ERANGE;
        }
        memcpy(word, line, length);
        word[length] = '\0';
        if (ash_arguments_add(&arguments, word) != 0) {
            return ASH_ERANGE;
        }
        line += length;
        line += strspn(line, " ");
    }
    return ash_process_create(process, &archive, write, &arguments);
}

int programs_run_alone(struct ash_process *process, const char *line)
{
    int error = programs_create(process, line);
    enum ash_process_event event;

    if (error != 0) {
        return error;
    }
    do {
        event = ash_process_run(process);
    } while (event == ASH_PROCESS_INTERRUPT || event == ASH_PROCESS_YIELD);
    ash_process_destroy(process);
    return event == ASH_PROCESS_EXIT ? process->code : ASH_EFAULT;
}

uint32_t programs_frames(void)
{
    return ash_frames_owned(ASH_OWNER_USER) + ash_frames_owned(ASH_OWNER_SPACE);
}
