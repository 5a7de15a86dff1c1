/* SPDX-License-Identifier: MIT */
/*
 * Programs in spaces of their own: what they are given, what their calls do, and that they reach
 * nothing of the firmware's or of each other. One at a time, without a scheduler.
 */
#include <stdio.h>
#include <string.h>

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/frames.h"
#include "tests/target/programs.h"
#include "tests/target/suite.h"

static struct ash_process process, other;
static uint32_t secret = 0x5ec2e7;

static void arguments_and_output(void)
{
    uint32_t frames = programs_frames();

    PROGRAMS_OR_SKIP();
    programs_forget();
    CHECK_EQ(programs_run_alone(&process, "hello big world"), 2);
    CHECK(strcmp(programs_output, "Hello from user mode. big world\n") == 0);
    CHECK(process.event == ASH_PROCESS_EXIT && strcmp(process.name, "hello") == 0);
    CHECK_EQ(programs_frames(), frames);
}

/* Programs that look themselves whether all is right; 0 is yes. */
static void calls_work(void)
{
    static const char *const lines[] = {"memory",     "memory 1", "memory 70",
                                        "memory 600", "calls",    "floats 3 4"};
    uint32_t frames = programs_frames();

    PROGRAMS_OR_SKIP();
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        int code;

        programs_forget();
        code = programs_run_alone(&process, lines[i]);
        if (code != 0) {
            target_fail(__FILE__, __LINE__, "%s ended with %d: %s", lines[i], code,
                        programs_output);
            return;
        }
        CHECK_EQ(programs_frames(), frames);
    }
}

/* Whoever runs it is asked again and again, though the program itself takes no time. */
static void calls_that_take_time_end_the_run(void)
{
    enum ash_process_event event;
    unsigned runs = 0;

    PROGRAMS_OR_SKIP();
    CHECK_EQ(programs_create(&process, "memory 5"), 0);
    do {
        event = ash_process_run(&process);
        runs += event == ASH_PROCESS_INTERRUPT;
    } while (event == ASH_PROCESS_INTERRUPT);
    ash_process_destroy(&process);
    CHECK(event == ASH_PROCESS_EXIT && process.code == 0);
    CHECK(runs >= 15);
}

/* The stack is all that a program has to write so much of. */
static void a_write_is_bounded(void)
{
    struct ash_user *user = &process.user;

    PROGRAMS_OR_SKIP();
    CHECK_EQ(programs_create(&process, "hello"), 0);
    ASH_USER_GENERAL(user)[ASH_USER_NUMBER] = ASH_CALL_WRITE;
    ASH_USER_GENERAL(user)[0] = 1;
    ASH_USER_GENERAL(user)[1] = user->registers.sp - 2 * ASH_CALL_WRITE_MOST;
    ASH_USER_GENERAL(user)[2] = 2 * ASH_CALL_WRITE_MOST;
    ash_space_switch(&process.space[process.in]);
    (void)user->call(user);
    ash_space_leave();
    CHECK_EQ(ash_user_argument(user, 0), ASH_CALL_WRITE_MOST);
    ash_process_destroy(&process);
}

static void exec_takes_the_place(void)
{
    uint32_t frames = programs_frames();

    PROGRAMS_OR_SKIP();
    CHECK_EQ(programs_run_alone(&process, "chain 0"), 0);
    CHECK_EQ(programs_run_alone(&process, "chain 1"), 1);
    CHECK_EQ(programs_run_alone(&process, "chain 9"), 9);
    CHECK_EQ(programs_frames(), frames);
}

/* One that must not come to its end, and what its trap then says. */
static bool is_stopped(const char *line, enum ash_trap_kind kind, enum ash_trap_cause cause)
{
    return programs_run_alone(&process, line) == ASH_EFAULT && process.event == ASH_PROCESS_FAULT &&
           process.trap.kind == kind && process.trap.cause == cause;
}

static void its_own_faults_are_contained(void)
{
    uint32_t frames = programs_frames();

    PROGRAMS_OR_SKIP();
    CHECK(is_stopped("bad read", ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION) &&
          process.trap.address == 0 && !process.trap.write);
    CHECK(is_stopped("bad write 10", ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION) &&
          process.trap.address == 0x10 && process.trap.write);
    CHECK(is_stopped("bad jump", ASH_TRAP_PREFETCH, ASH_CAUSE_TRANSLATION));
    CHECK(is_stopped("bad constant", ASH_TRAP_DATA, ASH_CAUSE_PERMISSION) && process.trap.write);
    CHECK(is_stopped("bad code", ASH_TRAP_DATA, ASH_CAUSE_PERMISSION) && process.trap.write);
    CHECK(is_stopped("bad data", ASH_TRAP_PREFETCH, ASH_CAUSE_PERMISSION));
    CHECK(is_stopped("bad undefined", ASH_TRAP_UNDEFINED, ASH_CAUSE_NONE));
    CHECK(is_stopped("bad privileged", ASH_TRAP_UNDEFINED, ASH_CAUSE_NONE));
    CHECK(is_stopped("bad stack", ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION) && process.trap.write);
    CHECK_EQ(programs_frames(), frames);
}

/* Each way to an address of the firmware's. */
static bool is_out_of_reach(const volatile void *address, bool mapped)
{
    enum ash_trap_cause cause = mapped ? ASH_CAUSE_PERMISSION : ASH_CAUSE_TRANSLATION;
    char line[40];

    snprintf(line, sizeof line, "bad read %lx", (unsigned long)(uintptr_t)address);
    if (!is_stopped(line, ASH_TRAP_DATA, cause) || process.trap.address != (uintptr_t)address) {
        return false;
    }
    snprintf(line, sizeof line, "bad write %lx", (unsigned long)(uintptr_t)address);
    if (!is_stopped(line, ASH_TRAP_DATA, cause)) {
        return false;
    }
    snprintf(line, sizeof line, "bad jump %lx", (unsigned long)((uintptr_t)address & ~3ul));
    return is_stopped(line, ASH_TRAP_PREFETCH, cause);
}

static void the_firmware_is_out_of_reach(void)
{
    struct ash_mmu_mapping mapping;

    PROGRAMS_OR_SKIP();
    CHECK(is_out_of_reach(&secret, true));
    CHECK(is_out_of_reach(&process, true));
    CHECK(is_out_of_reach((const void *)(uintptr_t)the_firmware_is_out_of_reach, true));
    CHECK(is_out_of_reach("a constant", true));
    CHECK(is_out_of_reach(__builtin_frame_address(0), true));
    CHECK(is_out_of_reach(NULL, false));
    CHECK_EQ(secret, 0x5ec2e7);
    /* Each device that is mapped. */
    for (unsigned i = 0; i < ash_platform.device_count; i++) {
        uintptr_t registers = (uintptr_t)ash_platform.device[i].range.base.value;

        if (ash_mmu_query(&ash_boot_map, ash_va(registers), &mapping) == 0) {
            CHECK(is_out_of_reach((const volatile void *)registers, true));
        }
    }
}

/* The same address is a page of one and nothing of the other. */
static void spaces_are_apart(void)
{
    uintptr_t address = ash_space_base().value + 0x300000;
    ash_frame_t frame;
    char line[40];

    PROGRAMS_OR_SKIP();
    snprintf(line, sizeof line, "bad read %lx", (unsigned long)address);
    CHECK_EQ(programs_create(&other, line), 0);
    CHECK_EQ(ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame), 0);
    CHECK_EQ(ash_space_map(&other.space[other.in], ash_va(address), ash_frame_pa(frame),
                           ASH_PAGE_SIZE, ASH_MMU_USER),
             0);
    CHECK_EQ(ash_process_run(&other), ASH_PROCESS_EXIT); /* so the other translation was in use */
    CHECK(is_stopped(line, ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION));
    CHECK_EQ(ash_space_unmap(&other.space[other.in], ash_va(address), ASH_PAGE_SIZE), 0);
    ash_frames_free(frame, 0);
    ash_process_destroy(&other);
}

/* A page of the space that is the firmware's alone. */
static void privileged_pages_are_out_of_reach(void)
{
    uintptr_t address = ash_space_base().value + 0x300000;
    static const char *const ways[] = {"read", "write", "jump"};
    ash_frame_t frame;

    PROGRAMS_OR_SKIP();
    CHECK_EQ(ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame), 0);
    for (unsigned i = 0; i < 3; i++) {
        char line[40];

        snprintf(line, sizeof line, "bad %s %lx", ways[i], (unsigned long)address);
        CHECK_EQ(programs_create(&other, line), 0);
        CHECK_EQ(ash_space_map(&other.space[other.in], ash_va(address), ash_frame_pa(frame),
                               ASH_PAGE_SIZE, i == 2 ? ASH_MMU_EXEC : ASH_MMU_WRITE),
                 0);
        CHECK_EQ(ash_process_run(&other), ASH_PROCESS_FAULT);
        CHECK_EQ(other.trap.cause, ASH_CAUSE_PERMISSION);
        CHECK_EQ(ash_space_unmap(&other.space[other.in], ash_va(address), ASH_PAGE_SIZE), 0);
        ash_process_destroy(&other);
    }
    ash_frames_free(frame, 0);
}

static void errors_change_nothing(void)
{
    const struct ash_arguments none = {0};
    uint32_t frames = programs_frames();

    PROGRAMS_OR_SKIP();
    CHECK_EQ(programs_create(&process, "nosuch"), ASH_ENOENT);
    CHECK_EQ(programs_create(&process, ""), ASH_EINVAL);
    CHECK_EQ(ash_process_create(&process, process.programs, process.write, &none), ASH_EINVAL);
    CHECK_EQ(programs_frames(), frames);
}

static const struct target_case cases[] = {
    TARGET_CASE(arguments_and_output),
    TARGET_CASE(calls_work),
    TARGET_CASE(calls_that_take_time_end_the_run),
    TARGET_CASE(a_write_is_bounded),
    TARGET_CASE(exec_takes_the_place),
    TARGET_CASE(its_own_faults_are_contained),
    TARGET_CASE(the_firmware_is_out_of_reach),
    TARGET_CASE(spaces_are_apart),
    TARGET_CASE(privileged_pages_are_out_of_reach),
    TARGET_CASE(errors_change_nothing),
};
const struct target_suite suite_process = TARGET_SUITE("process", cases);
