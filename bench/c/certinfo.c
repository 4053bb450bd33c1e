#include "certinfo.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "tls.h"

static void walk_name(const X509_NAME *name) {
  char key[128];
  for (int i = 0; i < X509_NAME_entry_count(name); i++) {
    const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
    unsigned char *text;
    OBJ_obj2txt(key, sizeof key, X509_NAME_ENTRY_get_object(entry), 0);
    if (ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry)) < 0)
      die("name");
    OPENSSL_free(text);
  }
}

static void walk_serial(X509 *certificate) {
  BIGNUM *number =
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
  char *text = BN_bn2hex(number);
  if (text == NULL) die("serial number");
  OPENSSL_free(text);
  BN_free(number);
}

static void walk_date(const ASN1_TIME *date) {
  struct tm fields;
  if (!ASN1_TIME_to_tm(date, &fields)) die("date");
}

static void walk_alternatives(X509 *certificate) {
  GENERAL_NAMES *names =
      X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    int type;
    const ASN1_STRING *value =
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
    if (type == GEN_DNS && ASN1_STRING_length(value) == 0) die("empty name");
  }
  GENERAL_NAMES_free(names);
}

void certinfo_walk(X509 *certificate) {
  if (certificate == NULL) die("no certificate");
  walk_name(X509_get_subject_name(certificate));
  walk_name(X509_get_issuer_name(certificate));
  if (X509_get_version(certificate) != X509_VERSION_3) die("version");
  walk_serial(certificate);
  walk_date(X509_get0_notBefore(certificate));
  walk_date(X509_get0_notAfter(certificate));
  walk_alternatives(certificate);
}
