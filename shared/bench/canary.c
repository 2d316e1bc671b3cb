/*
 * The canary of the benchmark (spec benchmarks-and-faults F.0 rule 3): a fixed loop of arithmetic
 * in registers, whose time says only how fast this machine is now. Prints the nanoseconds of one
 * iteration, the median of its slices: single interruptions do not count, a slower machine does.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SLICES = 201, ITERATIONS = 1000000 };

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(void) {
  double slices[SLICES];
  uint64_t state = 1;
  for (int i = 0; i < SLICES; i++) {
    double began = now_ns();
    /* Each step needs the one before: neither width nor vectors help. */
    for (int n = 0; n < ITERATIONS; n++) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
    }
    slices[i] = (now_ns() - began) / ITERATIONS;
  }
  qsort(slices, SLICES, sizeof *slices, ascending);
  /* The state is printed so that the loop cannot be left out. */
  printf("%.5f %llu\n", slices[SLICES / 2], (unsigned long long)state);
  return 0;
}
