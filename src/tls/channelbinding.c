#include "channelbinding.h"

#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define EXPORTER_LABEL  "EXPORTER-Channel-Binding" /* RFC 9266, 2 */
#define EXPORTER_LENGTH 32

const char *const channelbinding_names[] = {
    [CHANNELBINDING_UNIQUE] = "tls-unique",
    [CHANNELBINDING_EXPORTER] = "tls-exporter",
    [CHANNELBINDING_END_POINT] = "tls-server-end-point",
    [CHANNELBINDING_TYPES] = NULL,
};

bool channelbinding_find(enum channelbinding *type, const char *name,
                         size_t length) {
  for (int i = 0; i < CHANNELBINDING_TYPES; i++) {
    if (strlen(channelbinding_names[i]) != length) continue;
    if (memcmp(channelbinding_names[i], name, length) != 0) continue;
    *type = (enum channelbinding)i;
    return true;
  }
  return false;
}

static bool refuse(struct tls_error *e, enum channelbinding type,
                   const char *why) {
  tlserr_set(e, ERROR_VALUE, "no %s channel binding: %s",
             channelbinding_names[type], why);
  return false;
}

/* The first Finished message of the handshake: the client's in a full one,
** the server's in a resumed one. */
static bool get_unique(SSL *ssl, unsigned char *data, size_t *length,
                       struct tls_error *e) {
  bool client = !SSL_is_server(ssl);
  bool resumed = SSL_session_reused(ssl);
  *length = client != resumed
                ? SSL_get_finished(ssl, data, CHANNELBINDING_MAX)
                : SSL_get_peer_finished(ssl, data, CHANNELBINDING_MAX);
  if (*length > 0) return true;
  return refuse(e, CHANNELBINDING_UNIQUE, "there is no Finished message");
}

/* What keeps an exporter from being unique, or NULL: before TLS 1.3 the master
** secret need not be, and a renegotiation changes it. */
static const char *exporter_fault(SSL *ssl) {
  if (SSL_version(ssl) >= TLS1_3_VERSION) return NULL;
  if (SSL_total_renegotiations(ssl) > 0) return "the connection renegotiated";
  long extended = SSL_get_extms_support(ssl);
  if (extended < 0) return "the connection has failed";
  if (extended == 0) return "it needs TLS 1.3 or the extended master secret";
  SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
  return NULL;
}

static bool get_exporter(SSL *ssl, unsigned char *data, size_t *length,
                         struct tls_error *e) {
  const char *fault = exporter_fault(ssl);
  if (fault != NULL) return refuse(e, CHANNELBINDING_EXPORTER, fault);
  tlserr_clear();
  *length = EXPORTER_LENGTH;
  if (SSL_export_keying_material(ssl, data, EXPORTER_LENGTH, EXPORTER_LABEL,
                                 sizeof EXPORTER_LABEL - 1,
                                 (const unsigned char *)"", 0, 1) == 1)
    return true;
  tlserr_take(e, "cannot export keying material");
  return false;
}

/* Was the handshake one without certificates? TLS 1.3 does not tell. */
static bool lacks_certificates(const SSL *ssl) {
  const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
  int nid = cipher != NULL ? SSL_CIPHER_get_auth_nid(cipher) : NID_auth_any;
  return nid == NID_auth_null || nid == NID_auth_psk || nid == NID_auth_srp;
}

/* Has this server more than one certificate to choose from? */
static bool has_several(SSL *ssl) {
  X509 *current = SSL_get_certificate(ssl);
  bool several = SSL_set_current_cert(ssl, SSL_CERT_SET_FIRST) == 1 &&
                 SSL_set_current_cert(ssl, SSL_CERT_SET_NEXT) == 1;
  SSL_select_current_cert(ssl, current);
  return several;
}

/* The server's certificate, borrowed; on the server itself the one that was
** chosen. NULL with *fault. */
static X509 *server_certificate(SSL *ssl, const char **fault) {
  X509 *certificate;
  *fault = "there is no server certificate";
  if (lacks_certificates(ssl)) return NULL;
  if (!SSL_is_server(ssl)) return SSL_get0_peer_certificate(ssl);
  certificate = SSL_get_certificate(ssl);
  if (certificate == NULL || !SSL_session_reused(ssl)) return certificate;
  if (!has_several(ssl)) return certificate;
  *fault = "a resumed session does not tell which of the certificates it is of";
  return NULL;
}

/* The hash that RSASSA-PSS's mask generation uses, NID_undef if unknown. */
static int mask_hash(const X509_ALGOR *signature) {
  int nid = NID_undef;
  X509_ALGOR *hash = NULL;
  RSA_PSS_PARAMS *pss = ASN1_TYPE_unpack_sequence(
      ASN1_ITEM_rptr(RSA_PSS_PARAMS), signature->parameter);
  if (pss == NULL) return NID_undef;
  if (pss->maskGenAlgorithm == NULL) {
    nid = NID_sha1; /* the default, RFC 4055, 3.1 */
  } else {
    hash = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR),
                                     pss->maskGenAlgorithm->parameter);
    if (hash != NULL) nid = OBJ_obj2nid(hash->algorithm);
  }
  X509_ALGOR_free(hash);
  RSA_PSS_PARAMS_free(pss);
  return nid;
}

/*
** The hash to take of a certificate: its signature's, SHA-256 in place of MD5
** and SHA-1. NULL where the signature has none (Ed25519) or two (RSASSA-PSS
** with another for its mask): RFC 5929, 4.1 leaves these undefined.
*/
static const EVP_MD *certificate_hash(X509 *certificate) {
  int nid = NID_undef;
  const X509_ALGOR *signature;
  if (!X509_get_signature_info(certificate, &nid, NULL, NULL, NULL) ||
      nid == NID_undef)
    return NULL;
  X509_get0_signature(NULL, &signature, certificate);
  if (OBJ_obj2nid(signature->algorithm) == NID_rsassaPss &&
      mask_hash(signature) != nid)
    return NULL;
  if (nid == NID_md5 || nid == NID_sha1) nid = NID_sha256;
  return EVP_get_digestbynid(nid);
}

static bool get_end_point(SSL *ssl, unsigned char *data, size_t *length,
                          struct tls_error *e) {
  const char *fault;
  unsigned size = 0;
  X509 *certificate = server_certificate(ssl, &fault);
  if (certificate == NULL) return refuse(e, CHANNELBINDING_END_POINT, fault);
  tlserr_clear();
  const EVP_MD *hash = certificate_hash(certificate);
  bool ok = hash != NULL && X509_digest(certificate, hash, data, &size) == 1;
  tlserr_clear();
  *length = size;
  if (ok) return true;
  return refuse(e, CHANNELBINDING_END_POINT,
                "the certificate's signature has no single hash");
}

bool channelbinding_get(SSL *ssl, enum channelbinding type, unsigned char *data,
                        size_t *length, struct tls_error *e) {
  static bool (*const getters[])(SSL *, unsigned char *, size_t *,
                                 struct tls_error *) = {
      [CHANNELBINDING_UNIQUE] = get_unique,
      [CHANNELBINDING_EXPORTER] = get_exporter,
      [CHANNELBINDING_END_POINT] = get_end_point,
  };
  return getters[type](ssl, data, length, e);
}
