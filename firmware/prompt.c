/* SPDX-License-Identifier: MIT */
/*
 * The commands of the prompt.
 */
#include "firmware/prompt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ashlar/boot.h"
#include "ashlar/dma.h"
#include "ashlar/frames.h"
#include "ashlar/heap.h"
#include "ashlar/lock.h"
#include "ashlar/pmem.h"
#include "ashlar/pool.h"
#include "ashlar/space.h"
#include "ashlar/vmap.h"
#include "tests/target/suite.h"

#define LINE_BYTES 128

struct command {
    const char *name;
    const char *argument; /* as help shows it */
    const char *help;
    void (*run)(const char *argument);
};

static void run_help(const char *argument);

static void run_mem(const char *argument)
{
    (void)argument;
    mem_print();
}

static void run_frames(const char *argument)
{
    (void)argument;
    ash_frames_report(printf);
}

static void run_heap(const char *argument)
{
    (void)argument;
    ash_heaps_report(printf);
}

static void run_pools(const char *argument)
{
    (void)argument;
    ash_pools_report(printf);
}

static void run_pmem(const char *argument)
{
    (void)argument;
    ash_pmem_report(printf);
}

static void run_dma(const char *argument)
{
    (void)argument;
    ash_dma_report(printf);
}

static void run_vmap(const char *argument)
{
    (void)argument;
    ash_vmap_report(printf);
}

static void run_locks(const char *argument)
{
    (void)argument;
    ash_locks_report(printf);
}

static void run_cpus(const char *argument)
{
    (void)argument;
    cpus_print();
}

static void run_spaces(const char *argument)
{
    (void)argument;
    ash_spaces_report(printf);
}

static void run_pt(const char *argument)
{
    char *end;
    unsigned long long va;

    errno = 0;
    va = strtoull(argument, &end, 0);
    if (end == argument || *end != '\0' || errno != 0 || va > UINTPTR_MAX) {
        printf("pt wants an address of this processor, for example: pt 0x%lx\n",
               (unsigned long)(uintptr_t)&ash_boot_map);
        return;
    }
    ash_mmu_explain(&ash_boot_map, ash_va((uintptr_t)va), printf);
}

static void run_test(const char *argument)
{
    int failed = target_run(*argument == '\0' ? NULL : argument);

    if (failed < 0) {
        printf("no suite \"%s\"; there are:", argument);
        for (size_t i = 0; target_suites[i] != NULL; i++) {
            printf(" %s", target_suites[i]->name);
        }
        printf("\n");
    } else {
        printf("%d failed\n", failed);
    }
}

static void run_crash(const char *argument)
{
    if (*argument == '\0' || crash(argument) != 0) {
        crash_list();
    }
}

static void run_soak(const char *argument)
{
    char *end;
    unsigned long seconds = *argument == '\0' ? 10 : strtoul(argument, &end, 10);

    if (*argument != '\0' && (*end != '\0' || seconds == 0 || seconds > 1000000)) {
        printf("soak wants a number of seconds\n");
        return;
    }
    (void)soak_run((unsigned)seconds);
}

static void run_info(const char *argument)
{
    (void)argument;
    banner_print();
}

static void run_reset(const char *argument)
{
    (void)argument;
    fflush(stdout);
    ash_reset();
}

static void run_off(const char *argument)
{
    (void)argument;
    fflush(stdout);
    ash_power_off();
}

static const struct command commands[] = {
    {"help", "", "this list", run_help},
    {"info", "", "what was found and configured at boot", run_info},
    {"mem", "", "the map: sections, types, permissions", run_mem},
    {"frames", "", "page frames: free, used, by order and owner", run_frames},
    {"usage", "", "all allocators in one form", usage_print},
    {"buddyinfo", "", "free blocks of frames by order, as Linux prints them", buddyinfo_print},
    {"slabinfo", "", "object caches, as Linux prints them", slabinfo_print},
    {"heap", "", "heaps: the one that serves malloc, and others", run_heap},
    {"pools", "", "fixed-block pools", run_pools},
    {"pmem", "", "physically contiguous regions", run_pmem},
    {"dma", "", "devices, their bounce buffers, and what they have", run_dma},
    {"vmap", "", "mappings of the vmap range: frames, memory, stacks, devices", run_vmap},
    {"spaces", "", "spaces, their ASIDs, and what each CPU has", run_spaces},
    {"locks", "", "spinlocks: how often each was taken, and had to wait", run_locks},
    {"cpus", "", "the CPUs and what each does", run_cpus},
    {"pt", "VA", "how an address is translated, level by level", run_pt},
    {"run", "[PROGRAM ...]", "programs of user mode, with arguments; & between several",
     programs_run},
    {"test", "[NAME]", "the self-tests, or one suite of them", run_test},
    {"soak", "[SECONDS]", "spaces and programs on all CPUs, and nothing left of them", run_soak},
    {"slots", "", "the firmware images in flash, and which one starts", slots_print},
    {"update", "[DISK [SECTOR]]", "write a new image from a disk into the free slot", update_run},
    {"crash", "KIND [CPU|all]", "provoke an exception and see its report", run_crash},
    {"reset", "", "reset the board", run_reset},
    {"off", "", "power off", run_off},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void run_help(const char *argument)
{
    (void)argument;
    for (size_t i = 0; i < COMMANDS; i++) {
        printf("  %-9s %-15s %s\n", commands[i].name, commands[i].argument, commands[i].help);
    }
}

/* The command whose name shares the most leading letters with a word that is no command. */
static const char *nearest(const char *word)
{
    const char *best = NULL;
    size_t most = 0;

    for (size_t i = 0; i < COMMANDS; i++) {
        size_t same = 0;

        while (word[same] != '\0' && word[same] == commands[i].name[same]) {
            same++;
        }
        if (same > most) {
            most = same;
            best = commands[i].name;
        }
    }
    return best;
}

static void run_line(char *line)
{
    char *word = line + strspn(line, " \t");
    char *argument = word + strcspn(word, " \t");
    const char *guess;

    if (*word == '\0') {
        return;
    }
    if (*argument != '\0') {
        *argument++ = '\0';
        argument += strspn(argument, " \t");
        for (size_t end = strlen(argument); end > 0 && argument[end - 1] == ' '; end--) {
            argument[end - 1] = '\0';
        }
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i].name) == 0) {
            if (*argument != '\0' && commands[i].argument[0] == '\0') {
                printf("%s takes no argument\n", word);
            } else {
                commands[i].run(argument);
            }
            return;
        }
    }
    guess = nearest(word);
    printf("unknown command \"%s\"; ", word);
    if (guess != NULL) {
        printf("did you mean \"%s\"? ", guess);
    }
    printf("\"help\" lists all\n");
}

void prompt_run(void)
{
    static char line[LINE_BYTES];

    for (;;) {
        printf("ashlar> ");
        fflush(stdout);
        line_read(line, sizeof(line));
        run_line(line);
    }
}
