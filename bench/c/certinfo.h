/*
** certinfo.h - the fields of a certificate that getpeercert() shows, read
** as a C program would: each as text, and forgotten.
** Calls: OpenSSL, tls (die). Called by: floor.
*/
#ifndef BENCH_CERTINFO_H
#define BENCH_CERTINFO_H

#include <openssl/x509.h>

/* Read subject, issuer, version, serial number, dates and alternative names. */
void certinfo_walk(X509 *certificate);

#endif
