/*
** tls.h - what the benchmark's C programs share: contexts, sockets, whole
** writes and reads. Everything that fails ends the program.
** Calls: OpenSSL. Called by: floor, server, idle, crowd, certinfo.
*/
#ifndef BENCH_TLS_H
#define BENCH_TLS_H

#include <openssl/ssl.h>
#include <stddef.h>

#define RECORD 16384 /* bytes of plaintext in a full record */

/* Say what failed, and what OpenSSL or the system says about it; exit. */
_Noreturn void die(const char *what);

/* A client's context that trusts DIR/ca.pem and verifies the peer. */
SSL_CTX *client_context(const char *dir);

/* A server's: DIR/server.pem and server.key; TLS 1.3, AES-128-GCM only. */
SSL_CTX *server_context(const char *dir);

/* A listener on a free port of 127.0.0.1; its port goes to *port. */
int listen_local(int *port);

/* A blocking TCP connection to 127.0.0.1 that sends small writes at once. */
int connect_local(int port);

/* Send small writes at once. */
void set_nodelay(int fd);

/* A verified connection to the test server. `session` may be NULL. */
SSL *tls_connect(SSL_CTX *context, int port, SSL_SESSION *session);

/* Send close_notify without waiting for the peer's, free, close. */
void tls_close(SSL *ssl);

void tls_write(SSL *ssl, const void *data, size_t length);

/* Read exactly `length` bytes; false where the stream ends before. */
int tls_read(SSL *ssl, void *data, size_t length);

/* Bytes of memory that the process occupies now (resident). */
long resident(void);

/* The CPU time that the process has used, in seconds. */
double cpu_seconds(void);

#endif
