/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the calls of a program on the simulated machine: an input's first byte chooses the format,
 * the rest every call, its arguments, and which allocation fails. A flat list of pages says what
 * each call returns, and what is mapped with which rights and content after it. What was done is
 * printed at the end.
 */
#include "tests/fuzz/soak.h"
#include "tests/unit/process_machine.h"

#define LOW_PAGE (PROCESS_LOW / PAGE)
#define PAGES    1024u /* that RAM has */

#define BOTH (ASH_CALL_WRITABLE | ASH_CALL_EXECUTABLE)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A page of the program, by its number in the space. */
struct page {
    uint64_t number;
    unsigned rights;
    unsigned char mark; /* its first byte */
};

static struct {
    struct page page[PAGES];
    unsigned count;
    uint64_t heap, heap_end; /* offsets */
} shadow;

static struct soak_source source;
static uint64_t done[ASH_CALL_SYNC + 1], failed[ASH_CALL_SYNC + 1];

static uint64_t draw(uint64_t n)
{
    return soak_draw(&source, n);
}

static uint64_t end_page(void)
{
    return ash_space_size() / PAGE - 1;
}

/* The shadow */

/* The highest page in [from, from + count), or NULL. */
static struct page *highest_in(uint64_t from, uint64_t count)
{
    struct page *found = NULL;

    for (unsigned i = 0; i < shadow.count; i++) {
        struct page *page = &shadow.page[i];

        if (page->number >= from && page->number - from < count &&
            (found == NULL || page->number > found->number)) {
            found = page;
        }
    }
    return found;
}

static void remove_pages(uint64_t from, uint64_t count)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < shadow.count; i++) {
        if (shadow.page[i].number < from || shadow.page[i].number - from >= count) {
            shadow.page[kept++] = shadow.page[i];
        }
    }
    shadow.count = kept;
}

static void add_pages(uint64_t from, uint64_t count, unsigned rights)
{
    for (uint64_t i = 0; i < count; i++) {
        must(shadow.count < PAGES);
        shadow.page[shadow.count++] = (struct page){from + i, rights, 0};
    }
}

static unsigned count_pages(uint64_t from, uint64_t count)
{
    unsigned pages = 0;

    for (unsigned i = 0; i < shadow.count; i++) {
        pages += shadow.page[i].number >= from && shadow.page[i].number - from < count;
    }
    return pages;
}

static unsigned rights_of(unsigned access)
{
    return USER_READ | (access & ASH_CALL_WRITABLE ? USER_WRITE : 0) |
           (access & ASH_CALL_EXECUTABLE ? USER_FETCH : 0);
}

/* The space and the shadow have the same to say about the page. */
static void check_page(uint64_t number)
{
    const struct page *page = highest_in(number, 1);
    unsigned char mark;

    if (number > end_page()) {
        return;
    }
    must(process_rights(number * PAGE) == (page != NULL ? page->rights : 0));
    if (page != NULL) {
        must(user_load(&process, &mark, machine_va(number * PAGE), 1) == 1);
        must(mark == page->mark);
    }
}

static void check_range(uint64_t from, uint64_t count)
{
    check_page(from - 1);
    check_page(from);
    check_page(from + count / 2);
    check_page(from + count - 1);
    check_page(from + count);
}

/* Whatever a call was: frames, and no right that nobody may have. */
static void check_all(void)
{
    must(ash_frames_owned(ASH_OWNER_USER) == shadow.count);
    must(process.heap_end.value == at(shadow.heap_end));
    must(process_rights(end_page() * PAGE) == 0 && process_rights(PROCESS_LOW - PAGE) == 0);
    must(spaces_state.count == 1 && support_faults.count == 0);
}

/* A program that has just started: its pages as they are. */
static int add_found(void *arg, const struct ash_mmu_mapping *mapping)
{
    uint64_t number = (mapping->va.value - at(0)) / PAGE;
    const unsigned char *content = port_ptr(mapping->pa);

    (void)arg;
    must(mapping->size == PAGE && (mapping->attr & ASH_MMU_USER));
    must(number >= LOW_PAGE && number < end_page());
    add_pages(number, 1, rights_of(mapping->attr));
    shadow.page[shadow.count - 1].mark = *content;
    return 0;
}

static void look_at_program(void)
{
    shadow.count = 0;
    must(ash_space_walk(&process.space[process.in], machine_va(0), ash_space_size(), add_found,
                        NULL) == 0);
    shadow.heap = process.heap.value - at(0);
    shadow.heap_end = shadow.heap;
    must(shadow.heap % PAGE == 0 && shadow.heap <= ash_space_size() / 2);
    must(count_pages(end_page() - STACK_PAGES, STACK_PAGES) == STACK_PAGES);
    must(highest_in(shadow.heap / PAGE, end_page() - STACK_PAGES - shadow.heap / PAGE) == NULL);
}

/* Arguments */

static uint64_t draw_page(void)
{
    const uint64_t from[] = {LOW_PAGE - 2,
                             CODE_AT / PAGE - 2,
                             shadow.heap / PAGE - 2,
                             shadow.heap_end / PAGE - 1,
                             ash_space_size() / 2 / PAGE - 2,
                             ash_space_size() / 2 / PAGE + 480, /* over the end of a table */
                             end_page() - 40,
                             0};

    if (draw(2) && shadow.count > 0) {
        return shadow.page[draw(shadow.count)].number;
    }
    return from[draw(COUNT(from))] + draw(64);
}

static uintptr_t draw_address(void)
{
    return at(draw_page() * PAGE) + (draw(16) == 15 ? draw(PAGE) : 0);
}

static uintptr_t draw_size(void)
{
    switch (draw(12)) {
    case 0:
        return draw(PAGE + 2);
    case 1:
        return -draw(4) * PAGE;
    case 2:
        return draw(ash_space_size() / PAGE) * PAGE;
    case 3:
    case 4:
        return (1 + draw(256)) * PAGE;
    default:
        return (1 + draw(4)) * PAGE;
    }
}

static unsigned draw_access(void)
{
    return draw(16) == 15 ? (unsigned)draw(256) : (unsigned)draw(3);
}

/* Of a range as map, unmap and protect take it. */
static int expected_range(uintptr_t address, uintptr_t size)
{
    unsigned __int128 end = (unsigned __int128)address + size;

    if (size == 0) {
        return ASH_EINVAL;
    }
    if ((address | size) % PAGE != 0) {
        return ASH_EALIGN;
    }
    return address < at(PROCESS_LOW) || end > at(0) + (unsigned __int128)(end_page() * PAGE)
               ? ASH_ERANGE
               : 0;
}

/* Of bits that nobody knows. Both that there are are refused last. */
static int expected_access(unsigned access)
{
    return access > BOTH ? ASH_EINVAL : 0;
}

/* Calls */

static bool must_fail; /* an allocation has */

static intptr_t call(uintptr_t number, uintptr_t a, uintptr_t b, uintptr_t c)
{
    unsigned fail_at = draw(8) == 7 ? 1 + (unsigned)draw(40) : 0;
    intptr_t result;

    support_fail_at = fail_at;
    result = user_call(&process, number, a, b, c);
    must_fail = fail_at != 0 && support_fail_at == 0;
    support_fail_at = 0;
    done[number]++;
    failed[number] += ASH_CALL_FAILED(result);
    return result;
}

/* Memory ran out, if it may have: frames for so many pages, and for tables. */
static bool is_out_of_memory(intptr_t result, uint64_t pages)
{
    must(!must_fail || result == ASH_ENOMEM);
    if (result != ASH_ENOMEM) {
        return false;
    }
    must(must_fail || shadow.count + pages + 40 > PAGES);
    return true;
}

/* Where memory goes that may be anywhere; 0: nowhere. */
static uint64_t expected_place(uint64_t pages)
{
    uint64_t from = ash_space_size() / 2 / PAGE, end = end_page() - 2 * STACK_PAGES;
    const struct page *page;

    while (from + pages <= end && (page = highest_in(from, pages)) != NULL) {
        from = page->number + 1;
    }
    return from + pages <= end ? from : 0;
}

static void map(void)
{
    uintptr_t address = draw(2) ? draw_address() : 0, size = draw_size();
    unsigned access = draw_access();
    intptr_t result = call(ASH_CALL_MAP, address, size, access);
    int expected = expected_range(address == 0 ? at(ash_space_size() / 2) : address, size);
    uint64_t from = (address - at(0)) / PAGE, pages = size / PAGE;

    if (expected == 0) {
        expected = expected_access(access);
    }
    if (expected == 0 && address == 0) {
        from = expected_place(pages);
        if (from == 0) {
            expected = ASH_ENOMEM;
        }
    }
    if (expected != 0) {
        must(result == expected);
        return;
    }
    if (!is_out_of_memory(result, pages)) {
        if (access == BOTH) {
            must(result == ASH_EPERM);
        } else if (highest_in(from, pages) != NULL) {
            must(result == ASH_EEXIST);
        } else {
            must((uintptr_t)result == at(from * PAGE));
            add_pages(from, pages, rights_of(access));
        }
    }
    check_range(from, pages);
}

static void unmap(void)
{
    uintptr_t address = draw_address(), size = draw_size();
    uint64_t from = (address - at(0)) / PAGE, pages = size / PAGE;
    int expected = expected_range(address, size);

    must(call(ASH_CALL_UNMAP, address, size, 0) == expected);
    if (expected == 0) {
        remove_pages(from, pages);
        check_range(from, pages);
    }
}

static void protect(void)
{
    uintptr_t address = draw_address(), size = draw_size();
    unsigned access = draw_access();
    uint64_t from = (address - at(0)) / PAGE, pages = size / PAGE;
    int expected = expected_range(address, size);

    if (expected == 0) {
        expected = expected_access(access);
    }
    if (expected == 0 && count_pages(from, pages) != pages) {
        expected = ASH_ENOENT;
    }
    if (expected == 0 && access == BOTH) {
        expected = ASH_EPERM;
    }
    must(call(ASH_CALL_PROTECT, address, size, access) == expected);
    if (expected == 0) {
        for (uint64_t i = 0; i < pages; i++) {
            highest_in(from + i, 1)->rights = rights_of(access);
        }
    }
    if (expected_range(address, size) == 0) {
        check_range(from, pages);
    }
}

static void move_heap(void)
{
    uint64_t to = draw(4) ? shadow.heap + draw(20 * PAGE) : draw_page() * PAGE + draw(PAGE);
    uint64_t from = (shadow.heap_end + PAGE - 1) / PAGE, end = (to + PAGE - 1) / PAGE;
    intptr_t result = call(ASH_CALL_BRK, at(to), 0, 0);

    if (to < shadow.heap || to > ash_space_size() / 2) {
        must(result == ASH_ERANGE);
        return;
    }
    if (end > from) {
        if (is_out_of_memory(result, end - from)) {
            return;
        }
        if (highest_in(from, end - from) != NULL) {
            must(result == ASH_EEXIST);
            return;
        }
        add_pages(from, end - from, USER_READ | USER_WRITE);
    } else {
        remove_pages(end, from - end);
    }
    must((uintptr_t)result == at(to));
    shadow.heap_end = to;
    check_range(from < end ? from : end, from < end ? end - from : from - end + 1);
}

/* Marks a page, as far as the program may. */
static void store(void)
{
    struct page *page = shadow.count > 0 ? &shadow.page[draw(shadow.count)] : NULL;
    unsigned char mark = (unsigned char)draw(256);
    size_t stored;

    if (page != NULL) {
        stored = user_store(&process, machine_va(page->number * PAGE), &mark, 1);
        must(stored == (page->rights & USER_WRITE ? 1 : 0));
        page->mark = stored == 1 ? mark : page->mark;
    }
}

/* The program stores what may be none of its own memory; whether all of it could be. */
static bool put(uintptr_t to, const void *from, size_t size)
{
    bool all = user_store(&process, ash_va(to), from, size) == size;

    for (unsigned i = 0; i < 2; i++) { /* of the pages at both ends */
        struct page *page = highest_in((to + i * (size - 1) - at(0)) / PAGE, 1);

        if (page != NULL) {
            must(user_load(&process, &page->mark, machine_va(page->number * PAGE), 1) == 1);
        }
    }
    return all;
}

/* Another program, from an archive of which a byte may be any. */
static void exec(void)
{
    static const char *const names[] = {"first", "second", "note"};
    uintptr_t where = draw_address(), list[2] = {where + sizeof list, 0};
    unsigned n = (unsigned)draw(COUNT(names)), pages = n == 0 ? FIRST_PAGES : SECOND_PAGES;
    bool listed = put(where, list, sizeof list) && put(list[0], names[n], strlen(names[n]) + 1);
    char *file = archive_bytes + draw(archive_length), kept = *file;
    bool damaged = draw(2);
    intptr_t result;

    *file = damaged ? (char)draw(256) : kept;
    result = call(ASH_CALL_EXEC, where, 0, 0);
    *file = kept;
    must(user_event == ASH_PROCESS_YIELD);
    if (listed && !damaged && !is_out_of_memory(result, pages)) {
        must(result == (n < 2 ? 1 : ASH_EFORMAT));
    }
    if (!ASH_CALL_FAILED(result)) {
        must(result == 1 && process.user.registers.x[1] == process.user.registers.sp);
        look_at_program();
        must(damaged || !listed || shadow.count == pages);
    }
}

static void step(void)
{
    switch (draw(9)) {
    case 0:
    case 1:
        map();
        break;
    case 2:
        unmap();
        break;
    case 3:
    case 4:
        protect();
        break;
    case 5:
        move_heap();
        break;
    case 6:
    case 7:
        store();
        break;
    default:
        exec();
        break;
    }
    check_all();
}

static void print(void)
{
    static const char *const names[] = {[ASH_CALL_EXEC] = "exec",
                                        [ASH_CALL_MAP] = "map",
                                        [ASH_CALL_UNMAP] = "unmap",
                                        [ASH_CALL_PROTECT] = "protect",
                                        [ASH_CALL_BRK] = "brk"};

    for (unsigned i = ASH_CALL_EXEC; i <= ASH_CALL_BRK; i++) {
        printf("%s: %llu, of which %llu failed\n", names[i], (unsigned long long)done[i],
               (unsigned long long)failed[i]);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return atexit(print);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    soak_bytes(&source, data, size);
    process_machine_start(&kinds[draw(KINDS)]);
    must(process_machine_create(draw(2) ? "first" : "second") == 0);
    look_at_program();
    while (!source.over) {
        step();
    }
    for (unsigned i = 0; i < shadow.count; i++) {
        check_page(shadow.page[i].number);
    }
    process_machine_end();
    return 0;
}
