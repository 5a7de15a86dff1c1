/* SPDX-License-Identifier: MIT */
/*
 * What boot promises: each section at its address and with its content, the C runtime usable, page
 * 0 and the guards unmapped, nothing writable and executable, secondary CPUs in the pen.
 */
#include <stdio.h>
#include <string.h>

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/cpu.h"
#include "ashlar/irq.h"
#include "port/image.h"
#include "port/port.h"
#include "startup/stacks.h"
#include "tests/target/provoke.h"
#include "tests/target/suite.h"

static uint32_t initialised[3] = {0x11223344, 0x55667788, 0x99aabbcc};
static uint32_t cleared[1024];
static unsigned constructed;

static bool within(const void *object, const char *start, const char *end)
{
    return (uintptr_t)object >= (uintptr_t)start && (uintptr_t)object < (uintptr_t)end;
}

static bool in_flash(const void *object)
{
    for (unsigned i = 0; i < ash_platform.flash_count; i++) {
        if ((uintptr_t)object - ash_platform.flash[i].base.value < ash_platform.flash[i].size) {
            return true;
        }
    }
    return false;
}

__attribute__((constructor)) static void construct(void)
{
    constructed++;
}

__attribute__((section(".ramtext.twice"), noinline)) static uint32_t twice(uint32_t value)
{
    return value * 2;
}

static void sections_in_place(void)
{
    /* A RAM image has everything in RAM; otherwise code and constants are in flash, or in the
     * fallback's case, where no flash is known, at least not in RAM. */
    bool ram_image = within(__text_start, __ram_start, __ram_end);

    CHECK(within((const void *)(uintptr_t)sections_in_place, __text_start, __text_end));
    CHECK(within(provoke_table, __rodata_start, __rodata_end));
    CHECK(within("a string", __rodata_start, __rodata_end));
    CHECK(within(initialised, __ram_start, __ram_end));
    CHECK(within(cleared, __ram_start, __ram_end));
    CHECK(within((const void *)(uintptr_t)twice, __ramtext_start, __ramtext_end));
    CHECK(within(__ramtext_start, __ram_start, __ram_end));
    if (!ram_image && ash_platform.flash_count != 0) {
        CHECK(in_flash(__text_start));
        CHECK(in_flash((const void *)((uintptr_t)__text_end - 1)));
        CHECK(in_flash(provoke_table));
        CHECK(!within(provoke_table, __ram_start, __ram_end));
    }
}

static void data_copied_bss_zeroed(void)
{
    CHECK_EQ(initialised[0], 0x11223344);
    CHECK_EQ(initialised[1], 0x55667788);
    CHECK_EQ(initialised[2], 0x99aabbcc);
    for (size_t i = 0; i < sizeof(cleared) / sizeof(cleared[0]); i++) {
        CHECK_EQ(cleared[i], 0);
    }
    for (size_t i = 0; i < PROVOKE_TABLE_WORDS; i++) {
        CHECK_EQ(provoke_table[i], 0x41534800 + i);
    }
}

static void runs_from_ram(void)
{
    struct ash_mmu_mapping mapping;

    CHECK_EQ(twice(21), 42);
    CHECK_EQ(ash_mmu_query(&ash_boot_map, ash_va((uintptr_t)__ramtext_start), &mapping), 0);
    CHECK_EQ(mapping.level, 3);
    CHECK_EQ(mapping.attr & ~ASH_MMU_GUARDED, ASH_MMU_NORMAL | ASH_MMU_EXEC);
}

static void constructors_ran_once(void)
{
    CHECK_EQ(constructed, 1);
}

static void floating_point_and_printf(void)
{
    volatile double third = 1.0 / 3.0;
    volatile float sum = 0;
    char text[64];

    snprintf(text, sizeof(text), "%.6f %s %lld %#x", third, "text", -1234567890123ll, 0xbeef);
    CHECK(strcmp(text, "0.333333 text -1234567890123 0xbeef") == 0);
    for (int i = 1; i <= 10; i++) {
        sum += (float)i * 0.5f;
    }
    CHECK(sum == 27.5f);
}

static int visit_no_write_and_execute(void *arg, const struct ash_mmu_mapping *mapping)
{
    (void)arg;
    if ((mapping->attr & (ASH_MMU_WRITE | ASH_MMU_EXEC)) == (ASH_MMU_WRITE | ASH_MMU_EXEC)) {
        return 1;
    }
    if ((mapping->attr & ASH_MMU_EXEC) != 0 && (mapping->attr & ASH_MMU_TYPE_MASK) != 0) {
        return 2;
    }
    /* Executable is the image's code and nothing else. */
    if ((mapping->attr & ASH_MMU_EXEC) != 0 &&
        !within((const void *)mapping->va.value, __text_start, __libtext_end) &&
        !within((const void *)mapping->va.value, __ramtext_start, __ramtext_end)) {
        return 3;
    }
    return 0;
}

static void write_xor_execute(void)
{
    CHECK_EQ(ash_mmu_walk(&ash_boot_map, ash_va(0), (uint64_t)ash_boot_map.pages << ASH_PAGE_SHIFT,
                          visit_no_write_and_execute, NULL),
             0);
}

static void page_zero_and_guards_unmapped(void)
{
    struct port_translation translation;
    struct ash_mmu_mapping mapping;
    ash_va_t guard = ash_va(0);
    size_t size = ASH_PAGE_SIZE;
    unsigned guards = 0;

    do {
        CHECK_EQ(ash_mmu_query(&ash_boot_map, guard, &mapping), ASH_ENOENT);
        CHECK(!port_translate(guard, PORT_READ, &translation));
        CHECK(!port_translate(ash_va(guard.value + size - 4), PORT_READ, &translation));
        size = stacks_layout.guard;
    } while (stacks_guard(guards++, &guard));
    CHECK_EQ(guards - 1, stacks_layout.count * ASH_CPUS);
    CHECK(stacks_layout.count >= 4);
}

static void ran_in_the_pen(void *arg)
{
    volatile uint32_t *answer = arg;

    answer[0] = 0x1000 + ash_cpu_number();
    answer[1] = answer[1] + 1;
    answer[2] = port_inside();
}

static void secondary_cpus_wait_in_the_pen(void)
{
    static uint32_t answer[ASH_CPUS][16] __attribute__((aligned(64)));
    unsigned cpus = ash_platform.cpu_count < ASH_CPUS ? ash_platform.cpu_count : ASH_CPUS;

    CHECK_EQ(ash_cpu_number(), 0);
    CHECK_EQ(ash_cpu_release(0, ran_in_the_pen, answer), ASH_EINVAL);
    CHECK_EQ(ash_cpu_release(ASH_CPUS, ran_in_the_pen, answer), ASH_EINVAL);
    if (cpus < 2 || ash_cpu_online(1)) {
        target_skip(cpus < 2 ? "one CPU" : "they have left it");
        return;
    }
    /* Twice: a CPU goes back to the pen when its function returns. */
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned cpu = 1; cpu < cpus; cpu++) {
            uint64_t deadline = ash_now_ns() + 5000000000ull;

            answer[cpu][0] = answer[cpu][1] = 0;
            port_cache_clean_invalidate(answer[cpu], sizeof(answer[cpu]));
            CHECK_EQ(ash_cpu_release(cpu, ran_in_the_pen, answer[cpu]), 0);
            while (ash_cpu_busy(cpu) && ash_now_ns() < deadline) {
            }
            CHECK(!ash_cpu_busy(cpu));
            port_cache_invalidate(answer[cpu], sizeof(answer[cpu]));
            CHECK_EQ(((volatile uint32_t *)answer[cpu])[0], 0x1000 + cpu);
            CHECK_EQ(((volatile uint32_t *)answer[cpu])[2], PORT_INSIDE_START);
            /* Back in the pen, it does not follow the same order again. */
            for (deadline = ash_now_ns() + 2000000; ash_now_ns() < deadline;) {
            }
            port_cache_invalidate(answer[cpu], sizeof(answer[cpu]));
            CHECK_EQ(((volatile uint32_t *)answer[cpu])[1], 1);
        }
    }
}

static const struct target_case cases[] = {
    TARGET_CASE(sections_in_place),
    TARGET_CASE(data_copied_bss_zeroed),
    TARGET_CASE(runs_from_ram),
    TARGET_CASE(constructors_ran_once),
    TARGET_CASE(floating_point_and_printf),
    TARGET_CASE(write_xor_execute),
    TARGET_CASE(page_zero_and_guards_unmapped),
    TARGET_CASE(secondary_cpus_wait_in_the_pen),
};

const struct target_suite suite_boot = TARGET_SUITE("boot", cases);
