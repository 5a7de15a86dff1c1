/* SPDX-License-Identifier: MIT */
/*
 * In place of libFuzzer: a fuzzer fed from a seed.
 *   random_<name> [--steps N] [--seed N | --input N]
 * gives it inputs until it has done N steps. A finding names the input, and --input repeats it.
 */
#include <errno.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_BYTES 8192u
#define STALLED     1000u /* inputs in a row without a step */
#define PATIENCE    60u   /* seconds for one input */

static uint64_t input; /* number of the one that runs */

static void print_input(void)
{
    fprintf(stderr, "finding: repeat it with --input %llu\n", (unsigned long long)input);
}

static void stopped(int number)
{
    print_input();
    signal(number, SIG_DFL);
    raise(number);
}

/* splitmix64 (G. Steele et al., "Fast splittable pseudorandom number generators", OOPSLA 2014):
 * any number is a good seed, neighbours too. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

/* Input `input`: its length and its bytes come from its number. */
static void run_input(void)
{
    static uint8_t bytes[INPUT_BYTES];
    uint64_t state = input;
    size_t size = (size_t)(next_random(&state) % INPUT_BYTES) + 1;

    for (size_t at = 0; at < size; at += sizeof state) {
        uint64_t value = next_random(&state);

        memcpy(&bytes[at], &value, sizeof value < size - at ? sizeof value : size - at);
    }
    alarm(PATIENCE);
    (void)LLVMFuzzerTestOneInput(bytes, size);
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--steps N] [--seed N | --input N]\n", program);
    return 2;
}

static int read_number(const char *text, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 0);
    return end == text || *end != '\0' || errno != 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    uint64_t steps = 100000, seed = 1, count = 0, before = 0;
    unsigned idle = 0;

    for (int i = 1; i < argc; i += 2) {
        uint64_t *option = strcmp(argv[i], "--steps") == 0   ? &steps
                           : strcmp(argv[i], "--seed") == 0  ? &seed
                           : strcmp(argv[i], "--input") == 0 ? &input
                                                             : NULL;

        if (option == NULL || i + 1 == argc || read_number(argv[i + 1], option) != 0) {
            return usage(argv[0]);
        }
        if (option == &input) {
            run_input();
            return 0;
        }
    }
    signal(SIGABRT, stopped);
    signal(SIGALRM, stopped);
    __sanitizer_set_death_callback(print_input);
    input = next_random(&seed);
    while (fuzz_steps < steps) {
        run_input();
        count++;
        input++;
        idle = fuzz_steps == before ? idle + 1 : 0;
        before = fuzz_steps;
        if (idle == STALLED) {
            fprintf(stderr, "finding: %u inputs without a step\n", STALLED);
            return 1;
        }
    }
    printf("%llu steps in %llu inputs, words of %u bits\n", (unsigned long long)fuzz_steps,
           (unsigned long long)count, 8 * (unsigned)sizeof(void *));
    return 0;
}
