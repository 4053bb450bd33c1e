#include "errname.h"

#include <errno.h>
#include <stddef.h>

#define NAME(code)                                                             \
  { code, #code }

static const struct {
  int number;
  const char *name;
} names[] = {
    NAME(E2BIG),         NAME(EACCES),          NAME(EADDRINUSE),
    NAME(EADDRNOTAVAIL), NAME(EAFNOSUPPORT),    NAME(EAGAIN),
    NAME(EALREADY),      NAME(EBADF),           NAME(EBADMSG),
    NAME(EBUSY),         NAME(ECANCELED),       NAME(ECHILD),
    NAME(ECONNABORTED),  NAME(ECONNREFUSED),    NAME(ECONNRESET),
    NAME(EDEADLK),       NAME(EDESTADDRREQ),    NAME(EDOM),
    NAME(EEXIST),        NAME(EFAULT),          NAME(EFBIG),
    NAME(EHOSTUNREACH),  NAME(EILSEQ),          NAME(EINPROGRESS),
    NAME(EINTR),         NAME(EINVAL),          NAME(EIO),
    NAME(EISCONN),       NAME(EISDIR),          NAME(ELOOP),
    NAME(EMFILE),        NAME(EMLINK),          NAME(EMSGSIZE),
    NAME(ENAMETOOLONG),  NAME(ENETDOWN),        NAME(ENETRESET),
    NAME(ENETUNREACH),   NAME(ENFILE),          NAME(ENOBUFS),
    NAME(ENODEV),        NAME(ENOENT),          NAME(ENOEXEC),
    NAME(ENOLCK),        NAME(ENOMEM),          NAME(ENOPROTOOPT),
    NAME(ENOSPC),        NAME(ENOSYS),          NAME(ENOTCONN),
    NAME(ENOTDIR),       NAME(ENOTEMPTY),       NAME(ENOTSOCK),
    NAME(ENOTSUP),       NAME(ENOTTY),          NAME(ENXIO),
    NAME(EOVERFLOW),     NAME(EPERM),           NAME(EPIPE),
    NAME(EPROTO),        NAME(EPROTONOSUPPORT), NAME(EPROTOTYPE),
    NAME(ERANGE),        NAME(EROFS),           NAME(ESPIPE),
    NAME(ESRCH),         NAME(ETIMEDOUT),       NAME(ETXTBSY),
    NAME(EXDEV),
};

const char *errname(int number) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].number == number) return names[i].name;
  return NULL;
}
