/*
** resolve.c - look a host name up without blocking the caller.
** Two sides hold a reference, the caller and the thread; whoever drops the
** last one frees. Each side owns its end of the pair alone, so that no
** descriptor is closed under the other.
*/
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "net.h"
#include "resolve.h"

#define STACK_SIZE (256 * 1024)

struct resolve {
  atomic_int references;
  atomic_bool ended; /* what stands below the line is set */
  int read_end;      /* the caller's */
  int write_end;     /* the thread's */
  int family;
  /* --- */
  int code;
  int system_error; /* with EAI_SYSTEM */
  struct addrinfo *list;
  char host[];
};

static const struct {
  int code;
  const char *name;
} error_names[] = {
    {EAI_AGAIN, "EAI_AGAIN"},
    {EAI_BADFLAGS, "EAI_BADFLAGS"},
    {EAI_FAIL, "EAI_FAIL"},
    {EAI_FAMILY, "EAI_FAMILY"},
    {EAI_MEMORY, "EAI_MEMORY"},
    {EAI_NONAME, "EAI_NONAME"},
    {EAI_SERVICE, "EAI_SERVICE"},
    {EAI_SOCKTYPE, "EAI_SOCKTYPE"},
    {EAI_SYSTEM, "EAI_SYSTEM"},
    {EAI_NODATA, "EAI_NODATA"},
    {EAI_ADDRFAMILY, "EAI_ADDRFAMILY"},
    {EAI_OVERFLOW, "EAI_OVERFLOW"},
};

static void drop(struct resolve *r) {
  if (atomic_fetch_sub(&r->references, 1) > 1) return;
  if (r->list != NULL) freeaddrinfo(r->list);
  free(r);
}

static void *run(void *argument) {
  struct resolve *r = argument;
  struct addrinfo hints = {.ai_family = r->family, .ai_socktype = SOCK_STREAM};
  r->code = getaddrinfo(r->host, NULL, &hints, &r->list);
  r->system_error = errno;
  if (r->code != 0) r->list = NULL; /* POSIX leaves it unspecified */
  atomic_store(&r->ended, true);
  /* Where the caller has gone this fails, and the SIGPIPE stays blocked. */
  while (write(r->write_end, "", 1) < 0 && errno == EINTR)
    continue;
  (void)close(r->write_end);
  drop(r);
  return NULL;
}

/* Start the thread, detached and deaf to signals: 0 or an errno value. */
static int start_thread(struct resolve *r) {
  pthread_t thread;
  pthread_attr_t attributes;
  sigset_t all, before;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  error = pthread_create(&thread, &attributes, run, r);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  (void)pthread_attr_destroy(&attributes);
  return error;
}

static struct resolve *make(const char *host, int family) {
  size_t size = strlen(host) + 1;
  struct resolve *r = calloc(1, sizeof *r + size);
  int ends[2];
  if (r == NULL) return NULL;
  int error = net_pair(ends);
  if (error != 0) {
    free(r);
    errno = error;
    return NULL;
  }
  atomic_init(&r->references, 2);
  atomic_init(&r->ended, false);
  r->read_end = ends[0];
  r->write_end = ends[1];
  r->family = family;
  memcpy(r->host, host, size);
  return r;
}

struct resolve *resolve_start(const char *host, int family, int *error) {
  struct resolve *r = make(host, family);
  *error = r == NULL ? errno : start_thread(r);
  if (r == NULL || *error == 0) return r;
  (void)close(r->read_end);
  (void)close(r->write_end);
  free(r);
  return NULL;
}

int resolve_fd(const struct resolve *r) {
  return r->read_end;
}

int resolve_finish(struct resolve *r, struct addrinfo **list) {
  *list = NULL;
  if (!atomic_load(&r->ended)) return EAI_AGAIN;
  *list = r->list;
  if (r->code == EAI_SYSTEM) errno = r->system_error;
  return r->code;
}

const char *resolve_error_name(int code) {
  for (size_t i = 0; i < sizeof error_names / sizeof error_names[0]; i++)
    if (error_names[i].code == code) return error_names[i].name;
  return "EAI_FAIL";
}

void resolve_wake(struct resolve *r) {
  (void)shutdown(r->read_end, SHUT_RDWR);
}

void resolve_free(struct resolve *r) {
  if (r == NULL) return;
  (void)close(r->read_end);
  drop(r);
}
