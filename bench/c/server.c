/*
** server.c - the server that every client is measured against.
** It serves one connection after the other. The first record of a connection
** says what the client wants:
**   echo SIZE     every SIZE bytes are sent back
**   source COUNT  COUNT full records are sent
**   sink SIZE     SIZE bytes are read, and one is sent back
**   hold          nothing is sent
** It prints its port, and ends when its standard input does.
** Usage: server DIR
*/
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls.h"

static char data[RECORD];

static void echo(SSL *ssl, size_t size) {
  if (size > sizeof data) die("echo: too much");
  while (tls_read(ssl, data, size)) {
    size_t written;
    if (!SSL_write_ex(ssl, data, size, &written)) return;
  }
}

static void source(SSL *ssl, size_t count) {
  size_t written;
  for (; count > 0; count--)
    if (!SSL_write_ex(ssl, data, sizeof data, &written)) return;
  tls_read(ssl, data, 1);
}

static void sink(SSL *ssl, size_t size) {
  size_t got;
  for (; size > 0; size -= got)
    if (!SSL_read_ex(ssl, data, sizeof data, &got)) return;
  if (SSL_write_ex(ssl, data, 1, &got)) tls_read(ssl, data, 1);
}

static void hold(SSL *ssl, size_t size) {
  (void)size;
  tls_read(ssl, data, 1);
}

static const struct service {
  const char *name;
  void (*serve)(SSL *ssl, size_t size);
} services[] = {
    {"echo", echo}, {"source", source}, {"sink", sink}, {"hold", hold}};

static void serve(SSL *ssl) {
  char line[64];
  char name[16] = "";
  size_t got;
  size_t size = 0;
  if (SSL_accept(ssl) != 1) return;
  if (!SSL_read_ex(ssl, line, sizeof line - 1, &got)) return;
  line[got] = '\0';
  if (sscanf(line, "%15s %zu", name, &size) < 1) return;
  for (size_t i = 0; i < sizeof services / sizeof *services; i++)
    if (strcmp(name, services[i].name) == 0) services[i].serve(ssl, size);
}

static void take(SSL_CTX *context, int listener) {
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) return;
  set_nodelay(fd);
  SSL *ssl = SSL_new(context);
  if (ssl == NULL) die("SSL_new");
  SSL_set_fd(ssl, fd);
  serve(ssl);
  SSL_free(ssl);
  close(fd);
}

int main(int argc, char **argv) {
  int port;
  if (argc != 2) {
    fputs("usage: server DIR\n", stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  SSL_CTX *context = server_context(argv[1]);
  int listener = listen_local(&port);
  printf("%d\n", port);
  fflush(stdout);
  struct pollfd watched[] = {{.fd = listener, .events = POLLIN},
                             {.fd = STDIN_FILENO, .events = POLLIN}};
  while (poll(watched, 2, -1) > 0 && watched[1].revents == 0)
    if (watched[0].revents != 0) take(context, listener);
  return 0;
}
