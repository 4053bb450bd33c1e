/*
** idna.h - international host names: from the letters of any script (U-labels)
** to the ASCII that DNS, SNI and certificates have (A-labels).
** IDNA2008 with the mapping of UTS #46, non-transitional, by libidn2; a build
** without PYSSL_IDN refuses every name that is not ASCII.
** Owns nothing. Calls: libidn2, address. Called by: peername, src/bind/netaddr.
*/
#ifndef PYSSL_TLS_IDNA_H
#define PYSSL_TLS_IDNA_H

#include <stdbool.h>
#include <stddef.h>

#include "compat.h"

HIDDEN_BEGIN

/* The longest result: the 253 bytes that 255 octets on the wire (RFC 1035,
** 2.3.4) are as text, and a dot. */
#define IDNA_MAX 254

enum idna_status {
  IDNA_OK,
  IDNA_TOO_LONG, /* as ASCII it has more than 253 bytes */
  IDNA_REFUSED   /* *fault says why: "has ...", "is not ..." */
};

/* Is there a byte that is not ASCII? */
bool idna_is_needed(const char *text, size_t length);

/*
** Write the ASCII form of a host name in UTF-8, without a NUL inside, into
** ascii[IDNA_MAX + 1]. Dots stay, one at the end too; empty labels are not
** looked for. Refused besides what IDNA refuses: a result with characters that
** no host name has (U+2100 becomes "a/c"), or that is an IP address. *fault is
** static text.
*/
MUST_USE enum idna_status idna_encode(const char *text, size_t length,
                                      char *ascii, const char **fault);

HIDDEN_END

#endif
