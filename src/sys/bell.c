/*
** bell.c - a descriptor that becomes readable when it is rung.
** A pair of sockets, not a pipe: those can be told per call not to wait.
*/
#include "bell.h"

#include "net.h"

int bell_open(struct bell *b) {
  int ends[2];
  int number = net_pair(ends);
  *b = number == 0 ? (struct bell){ends[0], ends[1]} : (struct bell){-1, -1};
  return number;
}

void bell_ring(struct bell *b) {
  /* Where that would block, it rings already. */
  (void)!send(b->ringing_end, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void bell_quiet(struct bell *b) {
  char rings[64];
  while (recv(b->fd, rings, sizeof rings, MSG_DONTWAIT) > 0)
    continue;
}

void bell_close(struct bell *b) {
  if (b->fd < 0) return;
  (void)close(b->fd);
  (void)close(b->ringing_end);
  *b = (struct bell){-1, -1};
}
