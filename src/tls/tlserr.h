/*
** tlserr.h - what went wrong, as plain data.
** The one reader of OpenSSL's error queue: whoever fails fills a tls_error
** here, and src/bind/error.c turns it into a Lua error object.
** Owns nothing: library is OpenSSL's static text, the rest are copies.
** Calls: OpenSSL. Called by: all of src/tls and src/bind.
*/
#ifndef PYSSL_TLS_TLSERR_H
#define PYSSL_TLS_TLSERR_H

#include "compat.h"

HIDDEN_BEGIN

/* The classes of error objects, in the order of error.c's table. */
enum error_class {
  ERROR_OS,
  ERROR_SSL,
  ERROR_ZERO_RETURN,
  ERROR_WANT_READ,
  ERROR_WANT_WRITE,
  ERROR_SYSCALL,
  ERROR_EOF,
  ERROR_CERT_VERIFICATION,
  ERROR_TIMEOUT,
  ERROR_VALUE,
  ERROR_OVERFLOW,
  ERROR_TYPE,
  ERROR_ATTRIBUTE,
  ERROR_NOT_IMPLEMENTED,
  ERROR_CLASSES /* how many there are */
};

#define TLS_ERROR_NONE (-1) /* number, verify_code, depth, alert: no such */

struct tls_error {
  enum error_class class;
  int number;          /* the errno field (api.md B.2) */
  const char *library; /* mnemonic, or NULL */
  char reason[80];     /* mnemonic, or "" */
  char message[512];   /* one line for a person */
  int verify_code;
  char verify_message[320];
  int alert; /* RFC 8446, 6 */
};

/* Empty the queue: before a slow operation, and after any failure. */
void tlserr_clear(void);

/*
** Fill *e from the newest entry of the queue and empty it. The class is
** ERROR_SSL, or ERROR_OS where the entry carries an errno. With an empty
** queue the message is `fallback`, and there is no library or reason.
*/
void tlserr_take(struct tls_error *e, const char *fallback);

/* The newest entry of the queue, 0 for none: OpenSSL may be about to return
** with it, and what a callback does below must not change what it says. */
unsigned long tlserr_newest(void);

/* Make the queue hold that entry alone again. */
void tlserr_restore(unsigned long newest);

/* Fill *e with the system error `number` (an errno value): an ERROR_OS. */
void tlserr_system(struct tls_error *e, int number);

/* Fill *e with a class and a message of our own. Leaves the queue alone. */
void tlserr_set(struct tls_error *e, enum error_class class, const char *format,
                ...) PRINTF_LIKE(3, 4);

HIDDEN_END

#endif
