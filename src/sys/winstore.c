#include "winstore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_entry(struct winstore_entry *entry) {
  free(entry->bytes);
  free(entry->purposes);
}

void winstore_free(struct winstore_list *list) {
  for (size_t i = 0; i < list->count; i++)
    free_entry(&list->entries[i]);
  free(list->entries);
  list->entries = NULL;
  list->count = 0;
}

#if ON_WINDOWS

bool winstore_exists(void) {
  return true;
}

/* Where stores of a name may be; the registry keeps them per place. */
static const DWORD places[] = {
    CERT_SYSTEM_STORE_CURRENT_USER,
    CERT_SYSTEM_STORE_CURRENT_USER_GROUP_POLICY,
    CERT_SYSTEM_STORE_LOCAL_MACHINE,
    CERT_SYSTEM_STORE_LOCAL_MACHINE_ENTERPRISE,
    CERT_SYSTEM_STORE_LOCAL_MACHINE_GROUP_POLICY,
};

static int errno_of(DWORD code) {
  switch (code) {
  case ERROR_FILE_NOT_FOUND: return ENOENT;
  case ERROR_PATH_NOT_FOUND: return ENOENT;
  case ERROR_ACCESS_DENIED: return EACCES;
  case ERROR_NOT_ENOUGH_MEMORY: return ENOMEM;
  case ERROR_OUTOFMEMORY: return ENOMEM;
  default: return EIO;
  }
}

/* Take note of the last error of Windows; 0 would mean success. */
static int fail(struct winstore_list *list, DWORD code) {
  list->code = code;
  return errno_of(code);
}

static bool has_entry(const struct winstore_list *list, const BYTE *bytes,
                      size_t length) {
  for (size_t i = 0; i < list->count; i++) {
    const struct winstore_entry *entry = &list->entries[i];
    if (entry->length == length && memcmp(entry->bytes, bytes, length) == 0)
      return true;
  }
  return false;
}

/* Append an entry; `purposes` is the list's from here on, also on failure. */
static int add_entry(struct winstore_list *list, const BYTE *bytes,
                     size_t length, DWORD encoding, char *purposes) {
  struct winstore_entry entry = {malloc(length > 0 ? length : 1), length,
                                 encoding, purposes};
  size_t size = (list->count + 1) * sizeof entry;
  struct winstore_entry *entries =
      entry.bytes != NULL ? realloc(list->entries, size) : NULL;
  if (entries == NULL) {
    free_entry(&entry);
    return ENOMEM;
  }
  memcpy(entry.bytes, bytes, length);
  entries[list->count++] = entry;
  list->entries = entries;
  return 0;
}

/* The OIDs in a string of its own, each followed by a space. */
static char *join_usage(const CERT_ENHKEY_USAGE *usage) {
  size_t size = 1, used = 0;
  for (DWORD i = 0; i < usage->cUsageIdentifier; i++)
    size += strlen(usage->rgpszUsageIdentifier[i]) + 1;
  char *text = malloc(size);
  if (text == NULL) return NULL;
  for (DWORD i = 0; i < usage->cUsageIdentifier; i++) {
    size_t length = strlen(usage->rgpszUsageIdentifier[i]);
    memcpy(text + used, usage->rgpszUsageIdentifier[i], length);
    text[used + length] = ' ';
    used += length + 1;
  }
  text[used] = '\0';
  return text;
}

/* Windows has no usage for two opposite reasons, and its last error tells
** them apart: with CRYPT_E_NOT_FOUND nothing is forbidden. */
static bool is_unrestricted(void) {
  return GetLastError() == (DWORD)CRYPT_E_NOT_FOUND;
}

/* Put what both the extension and the property of the certificate allow into
** *purposes, for the caller to free. */
static int read_purposes(struct winstore_list *list, PCCERT_CONTEXT certificate,
                         char **purposes) {
  DWORD size = 0;
  *purposes = NULL;
  if (!CertGetEnhancedKeyUsage(certificate, 0, NULL, &size))
    return is_unrestricted() ? 0 : fail(list, GetLastError());
  CERT_ENHKEY_USAGE *usage = malloc(size);
  if (usage == NULL) return ENOMEM;
  int number = 0;
  SetLastError(0);
  if (!CertGetEnhancedKeyUsage(certificate, 0, usage, &size))
    number = is_unrestricted() ? 0 : fail(list, GetLastError());
  else if (usage->cUsageIdentifier > 0 || !is_unrestricted())
    number = (*purposes = join_usage(usage)) != NULL ? 0 : ENOMEM;
  free(usage);
  return number;
}

static int add_certificate(struct winstore_list *list,
                           PCCERT_CONTEXT certificate) {
  const BYTE *bytes = certificate->pbCertEncoded;
  size_t length = certificate->cbCertEncoded;
  char *purposes;
  if (has_entry(list, bytes, length)) return 0;
  int number = read_purposes(list, certificate, &purposes);
  if (number != 0) return number;
  return add_entry(list, bytes, length, certificate->dwCertEncodingType,
                   purposes);
}

static int add_crl(struct winstore_list *list, PCCRL_CONTEXT crl) {
  if (has_entry(list, crl->pbCrlEncoded, crl->cbCrlEncoded)) return 0;
  return add_entry(list, crl->pbCrlEncoded, crl->cbCrlEncoded,
                   crl->dwCertEncodingType, NULL);
}

/* Each call frees the context before; the last one, NULL, needs no freeing. */
static int walk_certificates(HCERTSTORE store, struct winstore_list *list) {
  PCCERT_CONTEXT certificate = NULL;
  int number = 0;
  while (number == 0 && (certificate = CertEnumCertificatesInStore(
                             store, certificate)) != NULL)
    number = add_certificate(list, certificate);
  if (certificate != NULL) CertFreeCertificateContext(certificate);
  return number;
}

static int walk_crls(HCERTSTORE store, struct winstore_list *list) {
  PCCRL_CONTEXT crl = NULL;
  int number = 0;
  while (number == 0 && (crl = CertEnumCRLsInStore(store, crl)) != NULL)
    number = add_crl(list, crl);
  if (crl != NULL) CertFreeCRLContext(crl);
  return number;
}

static int walk_store(HCERTSTORE store, enum winstore_kind kind,
                      struct winstore_list *list) {
  return kind == WINSTORE_CERTIFICATES ? walk_certificates(store, list)
                                       : walk_crls(store, list);
}

/* A place without the store is passed over; all of them without is an error,
** and then the first place's, the user's, tells why. */
int winstore_read(const char *name, enum winstore_kind kind,
                  struct winstore_list *list) {
  const DWORD flags = CERT_STORE_READONLY_FLAG | CERT_STORE_OPEN_EXISTING_FLAG;
  bool found = false;
  DWORD code = 0;
  int number = 0;
  memset(list, 0, sizeof *list);
  for (size_t i = 0; number == 0 && i < sizeof places / sizeof *places; i++) {
    HCERTSTORE store =
        CertOpenStore(CERT_STORE_PROV_SYSTEM_A, 0, 0, flags | places[i], name);
    if (store == NULL) {
      if (i == 0) code = GetLastError();
      continue;
    }
    found = true;
    number = walk_store(store, kind, list);
    CertCloseStore(store, 0);
  }
  if (!found) return fail(list, code);
  if (number != 0) winstore_free(list);
  return number;
}

#else

bool winstore_exists(void) {
  return false;
}

int winstore_read(const char *name, enum winstore_kind kind,
                  struct winstore_list *list) {
  (void)name;
  (void)kind;
  *list = (struct winstore_list){0};
  return ENOSYS;
}

#endif
