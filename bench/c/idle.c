/*
** idle.c - the floor of a server with many connections that are mostly silent:
** epoll, and OpenSSL with released buffers. Every 100 bytes are sent back.
** It prints its port, and answers lines of its standard input: "cpu" with the
** CPU seconds it has used, "memory" with the bytes it occupies. It ends with
** its input.
** Usage: idle DIR
*/
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls.h"

#define EVENTS 64
#define SIZE   100

static SSL_CTX *context;
static int epoll;

static void watch(int fd, void *what) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

/* Take a connection; its handshake comes with what arrives. */
static void take(int listener) {
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) return;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  set_nodelay(fd);
  SSL *ssl = SSL_new(context);
  if (ssl == NULL) die("SSL_new");
  SSL_set_fd(ssl, fd);
  SSL_set_accept_state(ssl);
  watch(fd, ssl);
}

/* Send back what has come; close where nothing more comes. */
static void serve(SSL *ssl) {
  char data[SIZE];
  size_t got;
  size_t put;
  while (SSL_read_ex(ssl, data, sizeof data, &got))
    if (!SSL_write_ex(ssl, data, got, &put)) break;
  if (SSL_get_error(ssl, 0) == SSL_ERROR_WANT_READ) return;
  int fd = SSL_get_fd(ssl);
  SSL_free(ssl);
  close(fd);
}

/* Answer a line, which comes in one piece; false at the end of the input. */
static int report(void) {
  char line[64];
  if (read(STDIN_FILENO, line, sizeof line) <= 0) return 0;
  if (line[0] == 'c')
    printf("%.6f\n", cpu_seconds());
  else
    printf("%ld\n", resident());
  fflush(stdout);
  return 1;
}

static void run(int listener) {
  struct epoll_event events[EVENTS];
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == &epoll) {
        take(listener);
      } else if (events[i].data.ptr != &context) {
        serve(events[i].data.ptr);
      } else if (!report()) {
        return;
      }
    }
  }
}

int main(int argc, char **argv) {
  int port;
  if (argc != 2) {
    fputs("usage: idle DIR\n", stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  context = server_context(argv[1]);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  int listener = listen_local(&port);
  epoll = epoll_create1(0);
  if (epoll < 0) die("epoll_create1");
  watch(listener, &epoll);
  watch(STDIN_FILENO, &context);
  printf("%d\n", port);
  fflush(stdout);
  run(listener);
  return 0;
}
