/*
** compat.h (system) - what differs between operating systems; the only place
** in src/sys with an OS #if. Included first by every header of the floors
** above, directly or not.
*/
#ifndef PYSSL_SYS_COMPAT_H
#define PYSSL_SYS_COMPAT_H

/* On Windows only winstore.c compiles so far; the rest is for POSIX. */
#if defined(_WIN32)
#define ON_WINDOWS 1
#include <windows.h>
#else
#define ON_WINDOWS 0
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>
#endif

/* Can the system's kernel do TLS, as Linux's may? (ktls.h) */
#if defined(__linux__)
#define HAS_KERNEL_TLS 1
#else
#define HAS_KERNEL_TLS 0
#endif

/*
** Declarations between HIDDEN_BEGIN and HIDDEN_END stay inside the shared
** object. A pragma does it, for a rockspec passes no compiler flags; it stands
** around our own declarations only, or system functions would count as ours
** and the link would fail.
*/
#if defined(__GNUC__)
#define HIDDEN_BEGIN             _Pragma("GCC visibility push(hidden)")
#define HIDDEN_END               _Pragma("GCC visibility pop")
#define EXPORT                   __attribute__((visibility("default")))
#define MUST_USE                 __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define HIDDEN_BEGIN
#define HIDDEN_END
#define EXPORT
#define MUST_USE
#define PRINTF_LIKE(text, first)
#endif

#if !ON_WINDOWS

/* A descriptor's flags may be shared with other processes: ask per call. */
#ifndef MSG_DONTWAIT
#ifndef MSG_NONBLOCK
#error "pyssl needs a recv() that can be told not to wait"
#endif
#define MSG_DONTWAIT MSG_NONBLOCK /* AIX */
#endif

/* Without it a descriptor is told once, with SO_NOSIGPIPE. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#ifndef SO_NOSIGPIPE
#define SO_NOSIGPIPE (-1)
#endif

#ifndef SO_PROTOCOL
#define SO_PROTOCOL (-1)
#endif

/* Where it is 0, close-on-exec is set by a second call. */
#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0
#endif

#if defined(__linux__)
#define UNIX_ABSTRACT 1 /* a Unix address with a leading NUL is no path */
#else
#define UNIX_ABSTRACT       0
#define secure_getenv(name) (issetugid() ? NULL : getenv(name))
#endif

#if defined(__APPLE__)
#define STAT_MTIME(st) ((st)->st_mtimespec)

/* The connection inherits the listener's O_NONBLOCK here. */
static inline int accept4(int fd, struct sockaddr *sa, socklen_t *length,
                          int flags) {
  int connection = accept(fd, sa, length);
  (void)flags;
  if (connection >= 0) (void)fcntl(connection, F_SETFL, 0);
  return connection;
}
#else
#define STAT_MTIME(st) ((st)->st_mtim)
#endif

/* What a system cannot tell apart has one code. */
#ifndef EAI_NODATA
#define EAI_NODATA EAI_NONAME
#endif
#ifndef EAI_ADDRFAMILY
#define EAI_ADDRFAMILY EAI_FAMILY
#endif
#ifndef EAI_OVERFLOW
#define EAI_OVERFLOW EAI_FAIL
#endif

#endif /* !ON_WINDOWS */

#endif
