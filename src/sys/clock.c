/*
** clock.c - monotonic time and deadlines.
*/
#include <limits.h>
#include <time.h>

#include "clock.h"

double clock_now(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: a valid clock */
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double clock_deadline(double timeout) {
  return timeout >= 0 ? clock_now() + timeout : CLOCK_NEVER;
}

int clock_poll_ms(double deadline) {
  if (deadline == CLOCK_NEVER) return -1;
  double left = (deadline - clock_now()) * 1000;
  if (!(left > 0)) return 0;
  if (left >= INT_MAX) return INT_MAX;
  int ms = (int)left;
  return ms < left ? ms + 1 : ms; /* not ceil(): that would need libm */
}
