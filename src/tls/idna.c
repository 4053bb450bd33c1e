#include "idna.h"

#include <string.h>

bool idna_is_needed(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)text[i] >= 0x80) return true;
  return false;
}

#ifdef PYSSL_IDN

#include <idn2.h>

#include "../sys/address.h"

/* No name of 255 bytes is longer in UTF-8, decomposed and all. */
#define TEXT_MAX 2048

static const char host_name_characters[] = "abcdefghijklmnopqrstuvwxyz"
                                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789-_.";

static enum idna_status refuse(int code, const char **fault) {
  switch (code) {
  case IDN2_TOO_BIG_DOMAIN: return IDNA_TOO_LONG;
  case IDN2_TOO_BIG_LABEL:
  case IDN2_PUNYCODE_BIG_OUTPUT:
    *fault = "has a label longer than 63 bytes";
    break;
  case IDN2_ENCODING_ERROR: *fault = "is not valid UTF-8"; break;
  case IDN2_MALLOC: *fault = "needs more memory than there is"; break;
  case IDN2_DISALLOWED:
  case IDN2_UNASSIGNED:
    *fault = "has a character that no international host name may have";
    break;
  case IDN2_BIDI: *fault = "mixes directions of writing"; break;
  default: *fault = "is not a valid international host name"; break;
  }
  return IDNA_REFUSED;
}

static enum idna_status take(const char *name, char *ascii,
                             const char **fault) {
  size_t length = strlen(name);
  if (length > IDNA_MAX) return IDNA_TOO_LONG;
  memcpy(ascii, name, length + 1);
  *fault = "has a character that no international host name may have";
  if (name[strspn(name, host_name_characters)] != '\0') return IDNA_REFUSED;
  *fault = "is an IP address in other digits";
  return address_is_ip(name) ? IDNA_REFUSED : IDNA_OK;
}

enum idna_status idna_encode(const char *text, size_t length, char *ascii,
                             const char **fault) {
  char name[TEXT_MAX + 1];
  uint8_t *found = NULL;
  if (length > TEXT_MAX) return IDNA_TOO_LONG;
  memcpy(name, text, length);
  name[length] = '\0';
  int code = idn2_lookup_u8((const uint8_t *)name, &found,
                            IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  enum idna_status status = code == IDN2_OK
                                ? take((const char *)found, ascii, fault)
                                : refuse(code, fault);
  idn2_free(found);
  return status;
}

#else

enum idna_status idna_encode(const char *text, size_t length, char *ascii,
                             const char **fault) {
  (void)text;
  (void)length;
  ascii[0] = '\0';
  *fault = "is not ASCII, and pyssl was built without libidn2; write it with "
           "A-labels (xn--...)";
  return IDNA_REFUSED;
}

#endif
