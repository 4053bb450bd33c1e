/*
** winstore_main.c - src/sys/winstore.c as a program for Windows; only
** windows_store_spec.lua builds it.
**
**     list certificates|crls STORE  a line for each: encoding, purposes with
**                                   commas (or "all"), the bytes in hex
**     add STORE FILE [OID...]       put a certificate in, limited to purposes
**     addcrl STORE FILE             put a revocation list in
**
** What fails ends it with status 1: "errno N", or what it was doing.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/sys/winstore.h"

static int fail(const char *what) {
  fprintf(stderr, "%s: Windows error 0x%lX\n", what, GetLastError());
  return 1;
}

static void print_entry(const struct winstore_entry *entry) {
  printf("%lu ", entry->encoding);
  if (entry->purposes == NULL) printf("all");
  for (const char *p = entry->purposes; p != NULL && *p != '\0'; p++)
    putchar(*p == ' ' ? ',' : *p);
  putchar(' ');
  for (size_t i = 0; i < entry->length; i++)
    printf("%02x", entry->bytes[i]);
  putchar('\n');
}

static int list(const char *kind, const char *store) {
  struct winstore_list found;
  int number = winstore_read(
      store, strcmp(kind, "crls") == 0 ? WINSTORE_CRLS : WINSTORE_CERTIFICATES,
      &found);
  if (number != 0) {
    printf("errno %d, %zu entries, Windows error %lu\n", number, found.count,
           found.code);
    return 1;
  }
  for (size_t i = 0; i < found.count; i++)
    print_entry(&found.entries[i]);
  winstore_free(&found);
  return found.count == 0 && found.entries == NULL ? 0 : fail("not freed");
}

static size_t load(const char *path, BYTE *bytes, size_t size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return 0;
  size_t length = fread(bytes, 1, size, file);
  fclose(file);
  return length;
}

/* The store of the user, made where there is none. */
static HCERTSTORE open_store(const char *name) {
  return CertOpenStore(CERT_STORE_PROV_SYSTEM_A, 0, 0,
                       CERT_SYSTEM_STORE_CURRENT_USER, name);
}

static int add(const char *name, const char *path, DWORD count, char **oids) {
  BYTE bytes[8192];
  PCCERT_CONTEXT added = NULL;
  CERT_ENHKEY_USAGE usage = {count, oids};
  HCERTSTORE store = open_store(name);
  size_t length = load(path, bytes, sizeof bytes);
  if (store == NULL) return fail("open");
  if (!CertAddEncodedCertificateToStore(store, X509_ASN_ENCODING, bytes,
                                        (DWORD)length, CERT_STORE_ADD_ALWAYS,
                                        &added))
    return fail("add");
  if (count > 0 && !CertSetEnhancedKeyUsage(added, &usage))
    return fail("set the purposes");
  CertFreeCertificateContext(added);
  return CertCloseStore(store, 0) ? 0 : fail("close");
}

static int add_crl(const char *name, const char *path) {
  BYTE bytes[8192];
  HCERTSTORE store = open_store(name);
  size_t length = load(path, bytes, sizeof bytes);
  if (store == NULL) return fail("open");
  if (!CertAddEncodedCRLToStore(store, X509_ASN_ENCODING, bytes, (DWORD)length,
                                CERT_STORE_ADD_ALWAYS, NULL))
    return fail("add");
  return CertCloseStore(store, 0) ? 0 : fail("close");
}

int main(int argc, char **argv) {
  if (argc < 4) return fail("arguments");
  if (strcmp(argv[1], "list") == 0) return list(argv[2], argv[3]);
  if (strcmp(argv[1], "addcrl") == 0) return add_crl(argv[2], argv[3]);
  return add(argv[2], argv[3], (DWORD)(argc - 4), argv + 4);
}
