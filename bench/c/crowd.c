/*
** crowd.c - the clients of a server with many silent connections.
** It prints "ready", and then reads commands from its standard input and
** answers each with a line:
**   open N       N more connections are made, and 100 bytes exchanged on each
**   speak ROUNDS in each round every hundredth connection, another each time,
**                exchanges 100 bytes; the answer is how many did so
** Usage: crowd PORT DIR
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"

#define SIZE 100
#define MAX  10000
#define PART 100 /* one of so many speaks */

static SSL *connections[MAX];
static long count;
static char data[SIZE];

static void hear(SSL *ssl) {
  if (!tls_read(ssl, data, sizeof data)) die("the server is gone");
}

static long open_more(SSL_CTX *context, int port, long more) {
  while (more-- > 0 && count < MAX) {
    SSL *ssl = tls_connect(context, port, NULL);
    tls_write(ssl, data, sizeof data);
    hear(ssl);
    connections[count++] = ssl;
  }
  return count;
}

static long speak(long rounds) {
  long messages = 0;
  for (long round = 0; round < rounds; round++) {
    for (long i = round % PART; i < count; i += PART, messages++)
      tls_write(connections[i], data, sizeof data);
    for (long i = round % PART; i < count; i += PART)
      hear(connections[i]);
  }
  return messages;
}

int main(int argc, char **argv) {
  char name[16];
  long number;
  if (argc != 3) {
    fputs("usage: crowd PORT DIR\n", stderr);
    return 2;
  }
  int port = atoi(argv[1]);
  SSL_CTX *context = client_context(argv[2]);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
  puts("ready");
  fflush(stdout);
  while (scanf("%15s %ld", name, &number) == 2) {
    long done = strcmp(name, "open") == 0 ? open_more(context, port, number)
                                          : speak(number);
    printf("%ld\n", done);
    fflush(stdout);
  }
  return 0;
}
