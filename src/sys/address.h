/*
** address.h - socket addresses, from text and to text. Asks no name server.
** Owns nothing: an address is a value.
** Calls: the system. Called by: net, egd, src/tls/peername,
** src/bind/socket.
*/
#ifndef PYSSL_SYS_ADDRESS_H
#define PYSSL_SYS_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "compat.h"

HIDDEN_BEGIN

struct address {
  socklen_t length; /* of what is used of u */
  union {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
  } u;
};

/* Room for any text of address_host. */
#define ADDRESS_TEXT (sizeof(struct sockaddr_un) + 1)

/*
** Set *a from a numeric host: a dotted quad (four decimal numbers, nothing
** shorter), or an IPv6 address (RFC 4291, 2.2) with an optional %scope, an
** interface's name or index (RFC 4007, 11). `family` AF_INET or AF_INET6
** admits that kind only, AF_UNSPEC both. False for anything else, a name or a
** bracket included, and for a port above 65535.
*/
bool address_parse(struct address *a, const char *host, unsigned port,
                   int family);

/*
** Set *a to a Unix-domain path of `length` bytes. A leading NUL makes it a
** name in Linux's abstract space. False where it is empty, too long, or has
** a NUL that the system would take for its end.
*/
bool address_unix(struct address *a, const char *path, size_t length);

/*
** Write the numeric host (without the scope), or the path of a Unix-domain
** address, into text[size], with a NUL: "" for one without a path, "@name" for
** an abstract name. False where it does not fit or the family is unknown.
*/
bool address_host(const struct address *a, char *text, size_t size);

/*
** The bytes of a Unix-domain address as address_unix takes them: *path points
** into *a. Returns their number, 0 for one without a path or another family.
*/
size_t address_path(const struct address *a, const char **path);

/* The port, 0 where the family has none. */
unsigned address_port(const struct address *a);

/* IPv6 only, else 0: the flow label and class, and the interface's index. */
unsigned address_flowinfo(const struct address *a);
unsigned address_scope(const struct address *a);

/* Is the text a dotted quad or an IPv6 address? One with a %scope is not: no
** certificate can carry it. */
bool address_is_ip(const char *text);

HIDDEN_END

#endif
