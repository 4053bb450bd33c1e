/*
** environment.c - environment variables that a program may trust.
*/
#include "environment.h"

const char *environment_get(const char *name) {
  return secure_getenv(name);
}
