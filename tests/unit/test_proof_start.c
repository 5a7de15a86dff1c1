/* SPDX-License-Identifier: MIT */
/*
 * How CPUs start (arm-rules 39): each joins coherency before its MMU and caches go on, and both
 * come before its first lock. With a file as argument (tools/start.py makes it of what reset code
 * did in QEMU: lines `CPU join|on|off|exclusive`), judges that start as it was, and with each step
 * left out.
 */
#include "port/spinlock.h"
#include "tests/unit/proof.h"
#include "tests/unit/support.h"

#define RAM        0x40000000ull
#define STEPS_MOST 64u

enum what { JOIN, ON, OFF, EXCLUSIVE, WHATS };
static const char *const words[WHATS] = {"join", "on", "off", "exclusive"};

struct step {
    unsigned cpu;
    enum what what;
};

/* What to do; one step may be left out. */
struct start {
    struct step step[STEPS_MOST];
    unsigned count, without;
};
#define WHOLE STEPS_MOST

static void do_step(const struct step *step)
{
    static struct ash_spinlock lock;

    sim_on_cpu(step->cpu);
    switch (step->what) {
    case JOIN:
        sim_set_smp(true);
        break;
    case ON:
        sim_mmu_on();
        break;
    case OFF:
        sim_mmu_off(ash_pa(RAM), 0);
        break;
    default:
        spinlock_init(&lock, ASH_LOCK_MAP, "first");
        spinlock_release(&lock, spinlock_acquire(&lock));
        spinlock_retire(&lock);
    }
}

static void perform(void *arg)
{
    const struct start *start = arg;

    for (unsigned i = 0; i < start->count; i++) {
        if (i != start->without) {
            do_step(&start->step[i]);
        }
    }
    sim_on_cpu(0);
}

/* The rule that stops it, or 0. All CPUs come out of reset: alone, everything off. */
static unsigned judge(struct start *start, unsigned cpus, unsigned without)
{
    struct sim_verdict verdict;

    sim_start();
    sim_add_ram(ash_pa(RAM), ASH_PAGE_SIZE);
    sim_set_cpus(cpus);
    for (unsigned cpu = cpus; cpu-- > 0;) {
        sim_on_cpu(cpu);
        sim_mmu_off(ash_pa(RAM), 0);
        sim_set_smp(false);
    }
    start->without = without;
    (void)sim_run(1, perform, start, 0, &verdict);
    if (verdict.rule != 0) {
        printf("# %s%s: %s\n", without == WHOLE ? "as it is" : "without ",
               without == WHOLE ? "" : words[start->step[without].what], verdict.what);
    }
    return verdict.rule;
}

/* CPUs that have come to their first lock in these steps. */
static unsigned cpus_of(const struct start *start)
{
    unsigned seen = 0;

    for (unsigned i = 0; i < start->count; i++) {
        seen += start->step[i].what == EXCLUSIVE;
    }
    return seen;
}

/* True if the whole is right and nothing of it can be left out. */
static bool is_right(struct start *start, unsigned cpus)
{
    bool right = cpus_of(start) == cpus && judge(start, cpus, WHOLE) == 0;

    for (unsigned i = 0; i < start->count; i++) {
        if ((start->step[i].what == JOIN || start->step[i].what == ON) &&
            judge(start, cpus, i) != 39) {
            printf("# step %u is not missed\n", i);
            right = false;
        }
    }
    return right;
}

static int judge_file(const char *path, unsigned cpus)
{
    struct start start = {.count = 0};
    FILE *file = fopen(path, "r");
    unsigned cpu;
    char word[16];

    while (file != NULL && fscanf(file, "%u %15s", &cpu, word) == 2) {
        unsigned what = 0;

        while (what < WHATS && strcmp(word, words[what]) != 0) {
            what++;
        }
        if (what == WHATS || cpu >= cpus || cpus > SIM_CPUS || start.count == STEPS_MOST) {
            printf("%s: no such step: %u %s\n", path, cpu, word);
            return 1;
        }
        start.step[start.count++] = (struct step){cpu, (enum what)what};
    }
    if (file != NULL) {
        fclose(file);
    }
    if (!is_right(&start, cpus)) {
        printf(
            "%u CPUs, %u of them reach a lock: the start breaks rule 39, or does without a step\n",
            cpus, cpus_of(&start));
        return 1;
    }
    return 0;
}

static void in_order(void **state)
{
    struct start one_by_one = {
        .step = {{0, JOIN}, {0, ON}, {0, EXCLUSIVE}, {1, JOIN}, {1, ON}, {1, EXCLUSIVE}},
        .count = 6,
    };
    struct start together = {
        .step = {{1, JOIN}, {0, JOIN}, {1, ON}, {0, ON}, {0, EXCLUSIVE}, {1, EXCLUSIVE}},
        .count = 6,
    };

    (void)state;
    assert_true(is_right(&one_by_one, 2));
    assert_true(is_right(&together, 2));
}

static void out_of_order(void **state)
{
    static struct start wrong[] = {
        {.step = {{0, ON}, {0, JOIN}, {0, EXCLUSIVE}}, .count = 3},
        {.step = {{0, JOIN}, {0, EXCLUSIVE}, {0, ON}}, .count = 3},
        {.step = {{0, EXCLUSIVE}, {0, JOIN}, {0, ON}}, .count = 3},
        {.step = {{0, JOIN}, {0, ON}, {0, OFF}, {0, EXCLUSIVE}}, .count = 4},
        {.step = {{0, JOIN}, {0, ON}, {0, EXCLUSIVE}, {1, ON}, {1, JOIN}, {1, EXCLUSIVE}},
         .count = 6},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(judge(&wrong[i], 2, WHOLE), 39);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(out_of_order),
    };

    if (argc == 3) {
        return judge_file(argv[1], (unsigned)strtoul(argv[2], NULL, 10));
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
