/* SPDX-License-Identifier: MIT */
/*
 * The prompt's `crash`: a provoked exception that ends in its report.
 */
#include <stdio.h>

#include "firmware/prompt.h"
#include "tests/target/provoke.h"

int crash(const char *name)
{
    const struct provocation *provocation = provoke_find(name);

    if (provocation == NULL) {
        printf("no kind \"%s\"\n", name);
        return -1;
    }
    fflush(stdout);
    provocation->run(NULL);
    printf("%s: nothing happened\n", name);
    return 0;
}

void crash_list(void)
{
    const struct provocation *p;

    for (unsigned n = 0; (p = provoke_nth(n)) != NULL; n++) {
        printf("  %-18s %s\n", p->name, p->help);
    }
}
