/* SPDX-License-Identifier: MIT */
/*
 * memory [PAGES]: maps, protects, unmaps and moves the end of the heap; what it gets is zero, and
 * keeps what is written. Ends with 0.
 */
#include <stdbool.h>

#include "program.h"

#define PAGE 4096u

static char initialised[3 * PAGE] = "as in the file";
static char zeroed[2 * PAGE];

static bool is_zero(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static char *map(uintptr_t at, size_t size, unsigned access)
{
    intptr_t result = call(ASH_CALL_MAP, at, size, access);

    EXPECT(!ASH_CALL_FAILED(result));
    return (char *)result;
}

static void use_map(size_t size)
{
    char *first = map(0, size, ASH_CALL_WRITABLE);
    char *second = map(0, size, ASH_CALL_WRITABLE);

    EXPECT(is_zero(first, size) && is_zero(second, size));
    EXPECT(second >= first + size || first >= second + size);
    for (size_t i = 0; i < size; i++) {
        first[i] = (char)i;
        second[i] = (char)~i;
    }
    EXPECT(call(ASH_CALL_MAP, (uintptr_t)first, size, 0) == ASH_EEXIST);
    EXPECT(call(ASH_CALL_UNMAP, (uintptr_t)second, size, 0) == 0);
    EXPECT(call(ASH_CALL_UNMAP, (uintptr_t)second, size, 0) == 0);
    EXPECT(call(ASH_CALL_PROTECT, (uintptr_t)second, size, 0) == ASH_ENOENT);
    for (size_t i = 0; i < size; i++) {
        EXPECT(first[i] == (char)i);
    }
    /* The same place anew: zero again. */
    EXPECT(map((uintptr_t)second, size, ASH_CALL_WRITABLE) == second && is_zero(second, size));
    EXPECT(call(ASH_CALL_UNMAP, (uintptr_t)second, size, 0) == 0);
    EXPECT(call(ASH_CALL_PROTECT, (uintptr_t)first, size, 0) == 0);
    EXPECT(first[size - 1] == (char)(size - 1));
    EXPECT(call(ASH_CALL_PROTECT, (uintptr_t)first, size, ASH_CALL_WRITABLE) == 0);
    first[0] = 1;
    EXPECT(call(ASH_CALL_UNMAP, (uintptr_t)first, size, 0) == 0);
}

static void use_brk(size_t size)
{
    char *start = (char *)call(ASH_CALL_BRK, 0, 0, 0);

    EXPECT((char *)call(ASH_CALL_BRK, (uintptr_t)start + size + 1, 0, 0) == start + size + 1);
    EXPECT(is_zero(start, size + PAGE));
    start[size] = 5;
    EXPECT((char *)call(ASH_CALL_BRK, (uintptr_t)start + 10, 0, 0) == start + 10);
    EXPECT((char *)call(ASH_CALL_BRK, 0, 0, 0) == start + 10);
    EXPECT((char *)call(ASH_CALL_BRK, (uintptr_t)start + size + 1, 0, 0) == start + size + 1);
    EXPECT(start[size] == 0);
    EXPECT(call(ASH_CALL_BRK, (uintptr_t)start - 1, 0, 0) == ASH_ERANGE);
    EXPECT((char *)call(ASH_CALL_BRK, (uintptr_t)start, 0, 0) == start);
}

int main(int argc, char **argv)
{
    size_t size = PAGE * (argc > 1 ? number_of(argv[1]) : 5);

    EXPECT(initialised[0] == 'a' && is_zero(initialised + 100, sizeof initialised - 100));
    EXPECT(is_zero(zeroed, sizeof zeroed));
    zeroed[PAGE] = 1;
    initialised[2 * PAGE] = 1;
    use_map(size);
    use_brk(size);
    return 0;
}
