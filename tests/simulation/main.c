/* SPDX-License-Identifier: Apache-2.0 */
/* tollstream-simulation: runs many small worlds, each drawn from a seed, and says which of them
 * broke an invariant. `--seed N` runs one and tells what happened in it. */
#include "tests/simulation/world.h"

#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FAILURES_SHOWN = 50, JOBS_MAX = 64, DIGITS_MAX = 20 };

struct settings {
    uint64_t from;
    uint64_t seeds;
    uint64_t jobs;
    uint64_t failures_max; /* then it stops looking */
    const char *without;
    bool must_find; /* it is well when a violation is found */
    bool one;
};

/* What can be taken away: first from the servers, then (in the build for it) from the pipeline. */
static const char *const pieces[] = {
    "undo",             /* open does not take back what predecessors charged */
    "token",            /* apply does not look at the fence token */
    "full",             /* apply overwrites an undo record that is not settled */
    "floor",            /* open believes a next_offset below what was committed */
    "epoch-check",      /* settle does not look at the epoch */
    "generation-check", /* settle does not look at the generations */
    "generation-lock",  /* a raise does not wait for settles under way */
    "raise",            /* reopen reads next_offset without raising the epoch */
    "unique-key",       /* an identity can be settled twice */
    "undo-units",       /* open does not give units back */
    "belief",           /* apply does not compare what was believed to be used */
    "command-ids",      /* a command can be settled twice, and a credit */
    "refused-ids",      /* a refusal is not given up when its credit was settled meanwhile */
    "one-follows",      /* two adjustments can follow one row */
    "revision",         /* a change of settings does not raise the account's revision */
#ifdef TS_MUTATIONS
    "second-look-at-holes",
    "acknowledgements",
    "older-first",
    "replay-first",
    "replay-of-unknown-commits",
    "lookup-of-conflicts",
    "raise-of-lost-claims",
    "watermark-taken-back",
    "idle-probe",
    "guess-check",
    "units-check",
    "accounts-forgotten",
#endif
};

static const char usage[] =
    "usage: tollstream-simulation [--seeds N] [--from SEED] [--jobs N] [--until-failures N]\n"
    "                             [--without PIECE] [--seed SEED]\n"
    "  --seed SEED     run this one and tell what happens in it\n"
    "  --without PIECE take a piece of the protocol away …\n"
    "  --must-find     … and succeed when a violation is found, at the first\n"
    "pieces:";

static struct world world;
static volatile uint64_t running_seed;
static volatile int abort_result = 1;

/* By hand: a signal's handler may call next to nothing. */
static size_t write_digits(uint64_t number, char text[DIGITS_MAX])
{
    size_t size = 0;
    for (uint64_t rest = number; size == 0 || rest > 0; rest /= 10) {
        size++;
    }
    for (size_t i = size; i > 0; i--) {
        text[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    return size;
}

static bool say(const char *text, size_t size)
{
    return write(STDOUT_FILENO, text, size) == (ssize_t)size;
}

/* An invariant asserted by the pipeline itself is a violation like any other. */
static void on_abort(int signal_number)
{
    (void)signal_number;
    static const char before[] = "seed ";
    static const char after[] = ": an assertion failed\n";
    char digits[DIGITS_MAX];
    size_t size = write_digits(running_seed, digits);
    if (!say(before, sizeof before - 1) || !say(digits, size) || !say(after, sizeof after - 1)) {
        _exit(2);
    }
    _exit(abort_result);
}

static int run_slice(const struct settings *settings, uint64_t job)
{
    uint64_t failures = 0;
    for (uint64_t i = job; i < settings->seeds; i += settings->jobs) {
        running_seed = settings->from + i;
        const char *violation = world_run(&world, running_seed, settings->without, settings->one);
        if (violation != NULL && failures++ < FAILURES_SHOWN) {
            printf("seed %llu: %s\n", (unsigned long long)running_seed, violation);
            fflush(stdout);
        }
        if (failures == settings->failures_max) {
            break;
        }
    }
    world_finish(&world);
    return failures > 0 ? 1 : 0;
}

static int run_jobs(const struct settings *settings)
{
    pid_t children[JOBS_MAX];
    int result = 0;
    for (uint64_t job = 0; job < settings->jobs; job++) {
        fflush(stdout);
        children[job] = fork();
        if (children[job] == 0) {
            exit(run_slice(settings, job));
        }
        if (children[job] < 0) {
            perror("fork");
            result = 2;
        }
    }
    for (uint64_t job = 0; job < settings->jobs; job++) {
        int status = 0;
        if (children[job] > 0 && waitpid(children[job], &status, 0) > 0 && status != 0) {
            result = WIFEXITED(status) && result == 0 ? WEXITSTATUS(status) : 2;
        }
    }
    return result;
}

static bool parse_number(const char *text, uint64_t *out)
{
    char *end = NULL;
    *out = strtoull(text, &end, 10);
    return *end == '\0' && end != text;
}

static bool is_piece(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof pieces / sizeof *pieces; i++) {
        if (strcmp(name, pieces[i]) == 0) {
            return true;
        }
    }
    return name == NULL;
}

static void print_usage(void)
{
    fputs(usage, stderr);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        fprintf(stderr, " %s", pieces[i]);
    }
    fputc('\n', stderr);
}

static bool parse(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'},
        {"from", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},
        {"jobs", required_argument, NULL, 'j'},
        {"until-failures", required_argument, NULL, 'u'},
        {"without", required_argument, NULL, 'w'},
        {"must-find", no_argument, NULL, 'm'},
        {0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == '?') {
            return false;
        }
        uint64_t number = 0;
        if (strchr("wm", option) == NULL && !parse_number(optarg, &number)) {
            return false;
        }
        switch (option) {
        case 'n':
            settings->seeds = number;
            break;
        case 'f':
            settings->from = number;
            break;
        case 's':
            settings->from = number;
            settings->one = true;
            break;
        case 'j':
            settings->jobs = number;
            break;
        case 'u':
            settings->failures_max = number;
            break;
        case 'm':
            settings->must_find = true;
            settings->failures_max = 1;
            break;
        default:
            settings->without = optarg;
            break;
        }
    }
    return optind == argc && settings->jobs >= 1 && settings->jobs <= JOBS_MAX &&
           is_piece(settings->without);
}

int main(int argc, char **argv)
{
    struct settings settings = {.from = 1, .seeds = 1000, .jobs = 1, .failures_max = UINT64_MAX};
    if (!parse(argc, argv, &settings)) {
        print_usage();
        return 2;
    }
    abort_result = settings.must_find ? 0 : 1;
    signal(SIGABRT, on_abort);
    if (settings.one) {
        settings.seeds = 1;
        settings.jobs = 1;
    }
    /* Workers come and go by the thousand: their memory is not given back each time. */
    mallopt(M_MMAP_THRESHOLD, INT_MAX);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    struct timespec begun;
    struct timespec ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    int result = settings.jobs == 1 ? run_slice(&settings, 0) : run_jobs(&settings);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%llu seeds from %llu%s%s in %lld s: %s\n",
           (unsigned long long)settings.seeds,
           (unsigned long long)settings.from,
           settings.without != NULL ? " without " : "",
           settings.without != NULL ? settings.without : "",
           (long long)(ended.tv_sec - begun.tv_sec),
           result == 0 ? "no violation" : "VIOLATIONS");
    if (settings.must_find && result < 2) {
        return result == 0 ? 1 : 0;
    }
    return result;
}
