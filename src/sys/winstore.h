/*
** winstore.h - the certificate stores of Windows, by name: "ROOT", "CA", "MY".
** A store is read at once, into plain memory, from every place that has one of
** that name: the user's, the machine's, the enterprise's, group policy's.
** Elsewhere there are none.
** Owns nothing beyond a call: the list is the caller's, to free. Calls: the
** system. Called by: src/bind/systemstore.
*/
#ifndef PYSSL_SYS_WINSTORE_H
#define PYSSL_SYS_WINSTORE_H

#include <stdbool.h>
#include <stddef.h>

#include "compat.h"

HIDDEN_BEGIN

enum winstore_kind { WINSTORE_CERTIFICATES, WINSTORE_CRLS };

/* Values of `encoding` that have a name. */
#define WINSTORE_X509_ASN   0x00000001UL
#define WINSTORE_PKCS_7_ASN 0x00010000UL

struct winstore_entry {
  unsigned char *bytes; /* the certificate or list, encoded */
  size_t length;
  unsigned long encoding;
  char *purposes; /* OIDs, each followed by a space; NULL: good for all */
};

struct winstore_list {
  struct winstore_entry *entries;
  size_t count;
  unsigned long code; /* what Windows said where reading failed, or 0 */
};

/* Has this system such stores? */
bool winstore_exists(void);

/*
** Read the store `name` into *list, one entry for each that differs. Returns 0;
** ENOSYS elsewhere than on Windows; another errno value (ENOENT: no such store,
** EACCES, ENOMEM, EIO), and then list->code is Windows' own. After a failure
** the list is empty.
*/
MUST_USE int winstore_read(const char *name, enum winstore_kind kind,
                           struct winstore_list *list);

/* Free what winstore_read put into the list; it is empty then. */
void winstore_free(struct winstore_list *list);

HIDDEN_END

#endif
