/*
** floor.c - the floor: the client's work done by calling OpenSSL directly.
** Usage: floor WORK N PORT DIR. It does WORK N times against the test server
** and prints the CPU seconds that the N took.
*/
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certinfo.h"
#include "tls.h"

#define PIECES 100
#define PIECE  100

/* What a work is given. */
struct bench {
  const char *dir;
  int port;
  long n;
  double start; /* of what is measured, in CPU seconds */
};

static char data[RECORD];

static void begin(struct bench *b) {
  b->start = cpu_seconds();
}

static void end(const struct bench *b) {
  printf("%.6f\n", cpu_seconds() - b->start);
}

/* A connection that has asked for a service of the server. */
static SSL *ask(const struct bench *b, SSL_CTX *context, const char *service,
                long size) {
  char line[64];
  SSL *ssl = tls_connect(context, b->port, NULL);
  int length = snprintf(line, sizeof line, "%s %ld", service, size);
  tls_write(ssl, line, (size_t)length);
  return ssl;
}

static SSL *ask_new(const struct bench *b, const char *service, long size) {
  return ask(b, client_context(b->dir), service, size);
}

static void handshake(struct bench *b) {
  SSL_CTX *context = client_context(b->dir);
  begin(b);
  for (long i = 0; i < b->n; i++)
    tls_close(tls_connect(context, b->port, NULL));
  end(b);
}

/* A connection that exchanges one byte, by which its ticket arrives. */
static SSL_SESSION *visit(const struct bench *b, SSL_CTX *context,
                          SSL_SESSION *session) {
  SSL *ssl = tls_connect(context, b->port, session);
  tls_write(ssl, "echo 1", 6);
  tls_write(ssl, data, 1);
  tls_read(ssl, data, 1);
  SSL_SESSION *next = SSL_get1_session(ssl);
  tls_close(ssl);
  SSL_SESSION_free(session);
  return next;
}

static void visit_full(struct bench *b) {
  SSL_CTX *context = client_context(b->dir);
  begin(b);
  for (long i = 0; i < b->n; i++)
    SSL_SESSION_free(visit(b, context, NULL));
  end(b);
}

static void visit_resumed(struct bench *b) {
  SSL_CTX *context = client_context(b->dir);
  SSL_SESSION *session = visit(b, context, NULL);
  begin(b);
  for (long i = 0; i < b->n; i++)
    session = visit(b, context, session);
  end(b);
}

static void echo(struct bench *b, size_t size) {
  SSL *ssl = ask_new(b, "echo", (long)size);
  begin(b);
  for (long i = 0; i < b->n; i++) {
    tls_write(ssl, data, size);
    if (!tls_read(ssl, data, size)) die("echo");
  }
  end(b);
}

static void echo_small(struct bench *b) {
  echo(b, 100);
}

static void echo_large(struct bench *b) {
  echo(b, RECORD);
}

static void download(struct bench *b) {
  SSL *ssl = ask_new(b, "source", b->n);
  size_t got;
  begin(b);
  for (size_t left = (size_t)b->n * RECORD; left > 0; left -= got)
    if (!SSL_read_ex(ssl, data, sizeof data, &got)) die("download");
  end(b);
}

static void upload(struct bench *b) {
  SSL *ssl = ask_new(b, "sink", b->n * RECORD);
  begin(b);
  for (long i = 0; i < b->n; i++)
    tls_write(ssl, data, sizeof data);
  end(b);
  if (!tls_read(ssl, data, 1)) die("upload");
}

/* A hundred pieces become one write: copied together, in C. */
static void pieces(struct bench *b) {
  SSL *ssl = ask_new(b, "sink", b->n * PIECES * PIECE);
  char joined[PIECES * PIECE];
  begin(b);
  for (long i = 0; i < b->n; i++) {
    for (size_t k = 0; k < PIECES; k++)
      memcpy(joined + k * PIECE, data + k, PIECE);
    tls_write(ssl, joined, sizeof joined);
  }
  end(b);
  if (!tls_read(ssl, data, 1)) die("pieces");
}

static void read_nothing(struct bench *b) {
  SSL *ssl = ask_new(b, "hold", 0);
  fcntl(SSL_get_fd(ssl), F_SETFL, O_NONBLOCK);
  begin(b);
  for (long i = 0; i < b->n; i++) {
    int result = SSL_read(ssl, data, PIECE);
    if (SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ) die("read_nothing");
  }
  end(b);
}

static void decode(struct bench *b) {
  SSL *ssl = ask_new(b, "hold", 0);
  begin(b);
  for (long i = 0; i < b->n; i++)
    certinfo_walk(SSL_get0_peer_certificate(ssl));
  end(b);
}

static void context_bare(struct bench *b) {
  begin(b);
  for (long i = 0; i < b->n; i++)
    SSL_CTX_free(SSL_CTX_new(TLS_client_method()));
  end(b);
}

static void context_system(struct bench *b) {
  begin(b);
  for (long i = 0; i < b->n; i++) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!SSL_CTX_set_default_verify_paths(context)) die("system CAs");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_free(context);
  }
  end(b);
}

static const struct work {
  const char *name;
  void (*run)(struct bench *b);
} works[] = {
    {"handshake", handshake},
    {"visit_full", visit_full},
    {"visit_resumed", visit_resumed},
    {"echo_small", echo_small},
    {"echo_large", echo_large},
    {"download", download},
    {"download_into", download},
    {"upload", upload},
    {"pieces", pieces},
    {"pieces_joined", pieces},
    {"read_nothing", read_nothing},
    {"decode", decode},
    {"context_bare", context_bare},
    {"context_system", context_system},
};

/*
** Have OpenSSL start up, as it does for a binding when that is loaded: it is no
** part of the first work.
*/
static void start_library(void) {
  unsigned char byte;
  if (!OPENSSL_init_ssl(0, NULL)) die("OPENSSL_init_ssl");
  if (RAND_bytes(&byte, 1) != 1) die("RAND_bytes");
}

int main(int argc, char **argv) {
  start_library();
  for (size_t i = 0; argc == 5 && i < sizeof works / sizeof *works; i++) {
    if (strcmp(works[i].name, argv[1]) != 0) continue;
    struct bench b = {
        .dir = argv[4], .port = atoi(argv[3]), .n = atol(argv[2])};
    works[i].run(&b);
    return 0;
  }
  fputs("usage: floor WORK N PORT DIR, WORK one of:", stderr);
  for (size_t i = 0; i < sizeof works / sizeof *works; i++)
    fprintf(stderr, " %s", works[i].name);
  fputs("\n", stderr);
  return 2;
}
