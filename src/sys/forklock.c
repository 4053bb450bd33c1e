#include <pthread.h>

#include "forklock.h"

static pthread_mutex_t locks[FORKLOCKS] = {
    [FORKLOCK_TRUSTCACHE] = PTHREAD_MUTEX_INITIALIZER,
    [FORKLOCK_TRUSTPLACE] = PTHREAD_MUTEX_INITIALIZER,
};

static pthread_once_t handlers_once = PTHREAD_ONCE_INIT;

static void before_fork(void) {
  for (int i = 0; i < FORKLOCKS; i++)
    pthread_mutex_lock(&locks[i]);
}

static void after_fork_parent(void) {
  for (int i = FORKLOCKS; i-- > 0;)
    pthread_mutex_unlock(&locks[i]);
}

static void after_fork_child(void) {
  for (int i = 0; i < FORKLOCKS; i++)
    pthread_mutex_init(&locks[i], NULL);
}

static void set_handlers(void) {
  pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

void forklock_enter(enum forklock which) {
  pthread_once(&handlers_once, set_handlers);
  pthread_mutex_lock(&locks[which]);
}

void forklock_leave(enum forklock which) {
  pthread_mutex_unlock(&locks[which]);
}
