#include "tls.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 1024

_Noreturn void die(const char *what) {
  perror(what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

SSL_CTX *client_context(const char *dir) {
  char path[4096];
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (context == NULL) die("SSL_CTX_new");
  (void)snprintf(path, sizeof path, "%s/ca.pem", dir);
  if (!SSL_CTX_load_verify_file(context, path)) die(path);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  return context;
}

SSL_CTX *server_context(const char *dir) {
  char path[4096];
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  if (context == NULL) die("SSL_CTX_new");
  (void)snprintf(path, sizeof path, "%s/server.pem", dir);
  if (SSL_CTX_use_certificate_chain_file(context, path) != 1) die(path);
  (void)snprintf(path, sizeof path, "%s/server.key", dir);
  if (SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) != 1)
    die(path);
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  if (!SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256"))
    die("ciphersuites");
  return context;
}

static struct sockaddr_in local(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((unsigned short)port);
  return address;
}

int listen_local(int *port) {
  struct sockaddr_in address = local(0);
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  if (bind(fd, (struct sockaddr *)&address, size) != 0) die("bind");
  if (listen(fd, BACKLOG) != 0) die("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
    die("getsockname");
  *port = ntohs(address.sin_port);
  return fd;
}

void set_nodelay(int fd) {
  int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int connect_local(int port) {
  struct sockaddr_in address = local(port);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    die("connect");
  set_nodelay(fd);
  return fd;
}

SSL *tls_connect(SSL_CTX *context, int port, SSL_SESSION *session) {
  SSL *ssl = SSL_new(context);
  if (ssl == NULL) die("SSL_new");
  SSL_set_tlsext_host_name(ssl, "localhost");
  SSL_set1_host(ssl, "localhost");
  if (session != NULL) SSL_set_session(ssl, session);
  SSL_set_fd(ssl, connect_local(port));
  if (SSL_connect(ssl) != 1) die("SSL_connect");
  return ssl;
}

void tls_close(SSL *ssl) {
  int fd = SSL_get_fd(ssl);
  SSL_shutdown(ssl);
  SSL_free(ssl);
  close(fd);
}

void tls_write(SSL *ssl, const void *data, size_t length) {
  size_t written;
  if (!SSL_write_ex(ssl, data, length, &written)) die("SSL_write");
}

int tls_read(SSL *ssl, void *data, size_t length) {
  size_t got;
  for (char *at = data; length > 0; at += got, length -= got) {
    if (!SSL_read_ex(ssl, at, length, &got)) return 0;
  }
  return 1;
}

long resident(void) {
  long total = 0;
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%ld %ld", &total, &pages) != 2)
    die("/proc/self/statm");
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
