/* SPDX-License-Identifier: MIT */
/*
 * The firmware image that proves the library on a board: says what it configured, tests itself,
 * starts the other CPUs, and gives a prompt.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ashlar/cpu.h"
#include "ashlar/irq.h"
#include "ashlar/platform.h"
#include "firmware/prompt.h"
#include "tests/target/suite.h"

/* A word of /chosen's bootargs in the device tree. */
static bool told(const char *word)
{
    size_t length = strlen(word);
    const char *at = ash_platform.bootargs;

    while (*at != '\0') {
        size_t word_length;

        at += strspn(at, " ");
        word_length = strcspn(at, " ");
        if (word_length == length && strncmp(at, word, length) == 0) {
            return true;
        }
        at += word_length;
    }
    return false;
}

int main(void)
{
    banner_print();
    if (told("notest")) {
        printf("self-tests: left out (notest)\n\n");
    } else {
        printf("self-tests: %s\n\n", target_run(NULL) == 0 ? "all passed" : "FAILED");
    }
    (void)ash_cpus_start();
    ash_irq_enable();
    printf("\"help\" lists the commands.\n");
    prompt_run();
}
