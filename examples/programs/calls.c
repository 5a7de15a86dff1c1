/* SPDX-License-Identifier: MIT */
/*
 * calls: each call with arguments that it must refuse. Ends with 0.
 */
#include <limits.h>

#include "program.h"

#define PAGE 4096u

static char page[2 * PAGE] __attribute__((aligned(PAGE))) = "x";

static void refuse_ranges(uintptr_t number)
{
    uintptr_t own = (uintptr_t)page;

    EXPECT(call(number, own, 0, 0) == ASH_EINVAL);
    EXPECT(call(number, own + 1, PAGE, 0) == ASH_EALIGN);
    EXPECT(call(number, own, PAGE - 1, 0) == ASH_EALIGN);
    EXPECT(call(number, PAGE, PAGE, 0) == ASH_ERANGE);
    EXPECT(call(number, own & ~(uintptr_t)0x1ffff, PAGE, 0) == ASH_ERANGE);
    EXPECT(call(number, (uintptr_t)0 - PAGE, PAGE, 0) == ASH_ERANGE);
    EXPECT(call(number, (uintptr_t)0 - 2 * PAGE, 2 * PAGE, 0) == ASH_ERANGE);
    EXPECT(call(number, own, UINTPTR_MAX - PAGE + 1, 0) == ASH_ERANGE);
}

static void refuse_access(uintptr_t number)
{
    EXPECT(call(number, (uintptr_t)page, PAGE, 4) == ASH_EINVAL);
    EXPECT(call(number, (uintptr_t)page, PAGE, ASH_CALL_WRITABLE | ASH_CALL_EXECUTABLE) ==
           ASH_EPERM);
}

static void refuse_exec(void)
{
    static char *nothing[] = {NULL}, *missing[] = {"no such program", NULL};
    static char *bad[] = {"hello", (char *)16, NULL};
    static char *endless[ASH_ARGUMENTS + 2];

    EXPECT(call(ASH_CALL_EXEC, (uintptr_t)nothing, 0, 0) == ASH_EINVAL);
    EXPECT(call(ASH_CALL_EXEC, (uintptr_t)missing, 0, 0) == ASH_ENOENT);
    EXPECT(call(ASH_CALL_EXEC, (uintptr_t)bad, 0, 0) == ASH_EFAULT);
    EXPECT(call(ASH_CALL_EXEC, 0, 0, 0) == ASH_EFAULT);
    for (unsigned i = 0; i <= ASH_ARGUMENTS; i++) {
        endless[i] = "hello";
    }
    EXPECT(call(ASH_CALL_EXEC, (uintptr_t)endless, 0, 0) == ASH_ERANGE);
}

static void refuse_writes(void)
{
    EXPECT(call(ASH_CALL_WRITE, 3, (uintptr_t)page, 1) == ASH_EINVAL);
    EXPECT(call(ASH_CALL_WRITE, 1, 16, 1) == ASH_EFAULT);
    EXPECT(call(ASH_CALL_WRITE, 1, UINTPTR_MAX, 10) == ASH_EFAULT);
    EXPECT(call(ASH_CALL_WRITE, 1, (uintptr_t)page, 0) == 0);
}

int main(int argc, char **argv)
{
    static const uintptr_t later[] = {ASH_CALL_FORK, ASH_CALL_ADVISE, ASH_CALL_SYNC};

    (void)argc;
    (void)argv;
    EXPECT(call(0, 0, 0, 0) == ASH_ENOSYS && call(UINTPTR_MAX, 0, 0, 0) == ASH_ENOSYS);
    EXPECT(call(ASH_CALL_SYNC + 1, 0, 0, 0) == ASH_ENOSYS);
    for (unsigned i = 0; i < sizeof later / sizeof later[0]; i++) {
        EXPECT(call(later[i], (uintptr_t)page, PAGE, 0) == ASH_ENOSYS);
    }
    refuse_ranges(ASH_CALL_MAP);
    refuse_ranges(ASH_CALL_UNMAP);
    refuse_ranges(ASH_CALL_PROTECT);
    refuse_access(ASH_CALL_MAP);
    refuse_access(ASH_CALL_PROTECT);
    refuse_exec();
    refuse_writes();
    EXPECT(call(ASH_CALL_YIELD, 0, 0, 0) == 0);
    EXPECT(page[0] == 'x');
    return 0;
}
