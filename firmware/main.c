/* SPDX-License-Identifier: MIT */
/*
 * The firmware image that proves the library on a board: says what it configured, tests itself,
 * and gives a prompt.
 */
#include <stdio.h>

#include "ashlar/irq.h"
#include "firmware/prompt.h"
#include "tests/target/suite.h"

int main(void)
{
    int failed;

    banner_print();
    failed = target_run(NULL);
    printf("self-tests: %s\n\n", failed == 0 ? "all passed" : "FAILED");
    printf("\"help\" lists the commands.\n");
    prompt_run();
}
