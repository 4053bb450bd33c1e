/*
** address.c - socket addresses, from text and to text.
*/
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>

#include "address.h"

#define PATH_START offsetof(struct sockaddr_un, sun_path)

static bool parse_ip4(struct address *a, const char *host, unsigned port) {
  if (inet_pton(AF_INET, host, &a->u.in.sin_addr) != 1) return false;
  a->length = sizeof a->u.in;
  a->u.in.sin_family = AF_INET;
  a->u.in.sin_port = htons((uint16_t)port);
  return true;
}

/* An interface's name, or its index in decimal digits; an index of 0 is
** "none". */
static bool parse_scope(const char *text, uint32_t *scope) {
  char *end;
  *scope = if_nametoindex(text);
  if (*scope != 0) return true;
  if (text[0] < '0' || text[0] > '9') return false;
  errno = 0;
  unsigned long n = strtoul(text, &end, 10);
  *scope = (uint32_t)n;
  return *end == '\0' && errno == 0 && n <= UINT32_MAX;
}

static bool parse_ip6(struct address *a, const char *host, unsigned port) {
  char number[INET6_ADDRSTRLEN];
  size_t length = strcspn(host, "%");
  if (length >= sizeof number) return false;
  memcpy(number, host, length);
  number[length] = '\0';
  if (inet_pton(AF_INET6, number, &a->u.in6.sin6_addr) != 1) return false;
  a->length = sizeof a->u.in6;
  a->u.in6.sin6_family = AF_INET6;
  a->u.in6.sin6_port = htons((uint16_t)port);
  if (host[length] == '\0') return true;
  return parse_scope(host + length + 1, &a->u.in6.sin6_scope_id);
}

bool address_parse(struct address *a, const char *host, unsigned port,
                   int family) {
  memset(a, 0, sizeof *a);
  if (port > 65535) return false;
  if (family != AF_INET6 && parse_ip4(a, host, port)) return true;
  return family != AF_INET && parse_ip6(a, host, port);
}

bool address_unix(struct address *a, const char *path, size_t length) {
  memset(a, 0, sizeof *a);
  if (length == 0) return false;
  bool abstract = UNIX_ABSTRACT && path[0] == '\0';
  if (!abstract && memchr(path, '\0', length) != NULL) return false;
  size_t used = abstract ? length : length + 1; /* a path ends with a NUL */
  if (used > sizeof a->u.un.sun_path) return false;
  a->length = (socklen_t)(PATH_START + used);
  a->u.un.sun_family = AF_UNIX;
  memcpy(a->u.un.sun_path, path, length);
  return true;
}

size_t address_path(const struct address *a, const char **path) {
  *path = a->u.un.sun_path;
  if (a->u.sa.sa_family != AF_UNIX || a->length <= PATH_START) return 0;
  size_t length = a->length - PATH_START;
  if (length > sizeof a->u.un.sun_path) length = sizeof a->u.un.sun_path;
  if (UNIX_ABSTRACT && (*path)[0] == '\0') return length;
  return strnlen(*path, length); /* the NUL may be missing, or counted */
}

static bool path_text(const struct address *a, char *text, size_t size) {
  const char *path;
  size_t length = address_path(a, &path);
  if (length >= size) return false;
  memcpy(text, path, length);
  text[length] = '\0';
  if (length > 0 && text[0] == '\0') text[0] = '@';
  return true;
}

bool address_host(const struct address *a, char *text, size_t size) {
  const void *ip;
  int family = a->u.sa.sa_family;
  switch (family) {
  case AF_INET: ip = &a->u.in.sin_addr; break;
  case AF_INET6: ip = &a->u.in6.sin6_addr; break;
  case AF_UNIX: return path_text(a, text, size);
  default: return false;
  }
  return inet_ntop(family, ip, text, (socklen_t)size) != NULL;
}

unsigned address_port(const struct address *a) {
  switch (a->u.sa.sa_family) {
  case AF_INET: return ntohs(a->u.in.sin_port);
  case AF_INET6: return ntohs(a->u.in6.sin6_port);
  default: return 0;
  }
}

unsigned address_flowinfo(const struct address *a) {
  if (a->u.sa.sa_family != AF_INET6) return 0;
  return ntohl(a->u.in6.sin6_flowinfo);
}

unsigned address_scope(const struct address *a) {
  return a->u.sa.sa_family == AF_INET6 ? a->u.in6.sin6_scope_id : 0;
}

bool address_is_ip(const char *text) {
  unsigned char ip[sizeof(struct in6_addr)];
  return inet_pton(AF_INET, text, ip) == 1 ||
         inet_pton(AF_INET6, text, ip) == 1;
}
