/* SPDX-License-Identifier: Apache-2.0 */
/* What one thing costs: the median of five runs, in CPU time of this process, beside what it may
 * cost at most. */
#ifndef TS_BENCH_MEASURE_H
#define TS_BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BENCH_RUNS = 5 };

static inline double bench_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static inline int bench_order(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* `run` does the thing `times` times, and returns something that depends on all of it, so that
 * nothing is optimized away. A target of 0 is none. */
static inline void bench(const char *what,
                         double target_us,
                         unsigned long long (*run)(void *self),
                         void *self,
                         double times)
{
    double us[BENCH_RUNS];
    unsigned long long sum = 0;
    for (int i = 0; i < BENCH_RUNS; i++) {
        double start = bench_now_us();
        sum += run(self);
        us[i] = (bench_now_us() - start) / times;
    }
    qsort(us, BENCH_RUNS, sizeof us[0], bench_order);
    double median = us[BENCH_RUNS / 2];
    printf("%-48s %12.4f us", what, median);
    if (target_us > 0) {
        printf("  (at most %g us: %s)", target_us, median <= target_us ? "met" : "MISSED");
    }
    printf("  [%llx]\n", sum & 0xfff);
}

#endif
