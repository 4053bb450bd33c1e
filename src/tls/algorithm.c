#include "algorithm.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

/*
** IANA's "TLS Supported Groups". Binary and Brainpool curves ended with
** TLS 1.2 (RFC 8446, 4.2.7), finite fields and hybrids begin with TLS 1.3.
*/
static const struct group {
  const char *name;
  const char *aliases[2]; /* NIST's name and OpenSSL's, where they differ */
  int oldest, newest;     /* versions, or 0 */
} groups[] = {
    {"x25519", {"X25519"}, 0, 0},
    {"secp256r1", {"P-256", "prime256v1"}, 0, 0},
    {"x448", {"X448"}, 0, 0},
    {"secp384r1", {"P-384"}, 0, 0},
    {"secp521r1", {"P-521"}, 0, 0},
    {"X25519MLKEM768", {NULL}, TLS1_3_VERSION, 0},
    {"SecP256r1MLKEM768", {NULL}, TLS1_3_VERSION, 0},
    {"SecP384r1MLKEM1024", {NULL}, TLS1_3_VERSION, 0},
    {"MLKEM512", {NULL}, TLS1_3_VERSION, 0},
    {"MLKEM768", {NULL}, TLS1_3_VERSION, 0},
    {"MLKEM1024", {NULL}, TLS1_3_VERSION, 0},
    {"ffdhe2048", {NULL}, TLS1_3_VERSION, 0},
    {"ffdhe3072", {NULL}, TLS1_3_VERSION, 0},
    {"ffdhe4096", {NULL}, TLS1_3_VERSION, 0},
    {"ffdhe6144", {NULL}, TLS1_3_VERSION, 0},
    {"ffdhe8192", {NULL}, TLS1_3_VERSION, 0},
    {"brainpoolP256r1tls13", {NULL}, TLS1_3_VERSION, 0},
    {"brainpoolP384r1tls13", {NULL}, TLS1_3_VERSION, 0},
    {"brainpoolP512r1tls13", {NULL}, TLS1_3_VERSION, 0},
    {"curveSM2", {NULL}, TLS1_3_VERSION, 0},
    {"brainpoolP256r1", {NULL}, 0, TLS1_2_VERSION},
    {"brainpoolP384r1", {NULL}, 0, TLS1_2_VERSION},
    {"brainpoolP512r1", {NULL}, 0, TLS1_2_VERSION},
    {"secp256k1", {NULL}, 0, TLS1_2_VERSION},
    {"secp224r1", {"P-224"}, 0, TLS1_2_VERSION},
    {"secp224k1", {NULL}, 0, TLS1_2_VERSION},
    {"secp192r1", {"P-192", "prime192v1"}, 0, TLS1_2_VERSION},
    {"secp192k1", {NULL}, 0, TLS1_2_VERSION},
    {"secp160r1", {NULL}, 0, TLS1_2_VERSION},
    {"secp160r2", {NULL}, 0, TLS1_2_VERSION},
    {"secp160k1", {NULL}, 0, TLS1_2_VERSION},
    {"sect571r1", {"B-571"}, 0, TLS1_2_VERSION},
    {"sect571k1", {"K-571"}, 0, TLS1_2_VERSION},
    {"sect409r1", {"B-409"}, 0, TLS1_2_VERSION},
    {"sect409k1", {"K-409"}, 0, TLS1_2_VERSION},
    {"sect283r1", {"B-283"}, 0, TLS1_2_VERSION},
    {"sect283k1", {"K-283"}, 0, TLS1_2_VERSION},
    {"sect239k1", {NULL}, 0, TLS1_2_VERSION},
    {"sect233r1", {"B-233"}, 0, TLS1_2_VERSION},
    {"sect233k1", {"K-233"}, 0, TLS1_2_VERSION},
    {"sect193r1", {NULL}, 0, TLS1_2_VERSION},
    {"sect193r2", {NULL}, 0, TLS1_2_VERSION},
    {"sect163r2", {"B-163"}, 0, TLS1_2_VERSION},
    {"sect163r1", {NULL}, 0, TLS1_2_VERSION},
    {"sect163k1", {"K-163"}, 0, TLS1_2_VERSION},
};

/* What the keys are to OBJ_nid2ln: newer ones have no number in 3.0. */
#define EC      "id-ecPublicKey"
#define RSA_PSS "rsassaPss"
#define RSA_    "rsaEncryption"
#define DSA_    "dsaEncryption"

/* Which RSA key signs with RSA-PSS: any, or one that is for nothing else. */
enum pss { PSS_ANY, PSS_ONLY };

/*
** IANA's "TLS SignatureScheme", in the order of OpenSSL's table; behind them
** what has a code but no name of IANA's, and is never listed.
*/
static const struct scheme {
  const char *name;
  const char *key;
  int hash;
  enum pss pss;
  bool unlisted;
} schemes[] = {
    {"ecdsa_secp256r1_sha256", EC, NID_sha256, PSS_ANY, false},
    {"ecdsa_secp384r1_sha384", EC, NID_sha384, PSS_ANY, false},
    {"ecdsa_secp521r1_sha512", EC, NID_sha512, PSS_ANY, false},
    {"ed25519", "ED25519", NID_undef, PSS_ANY, false},
    {"ed448", "ED448", NID_undef, PSS_ANY, false},
    {"ecdsa_sha1", EC, NID_sha1, PSS_ANY, false},
    {"rsa_pss_rsae_sha256", RSA_PSS, NID_sha256, PSS_ANY, false},
    {"rsa_pss_rsae_sha384", RSA_PSS, NID_sha384, PSS_ANY, false},
    {"rsa_pss_rsae_sha512", RSA_PSS, NID_sha512, PSS_ANY, false},
    {"rsa_pss_pss_sha256", RSA_PSS, NID_sha256, PSS_ONLY, false},
    {"rsa_pss_pss_sha384", RSA_PSS, NID_sha384, PSS_ONLY, false},
    {"rsa_pss_pss_sha512", RSA_PSS, NID_sha512, PSS_ONLY, false},
    {"rsa_pkcs1_sha256", RSA_, NID_sha256, PSS_ANY, false},
    {"rsa_pkcs1_sha384", RSA_, NID_sha384, PSS_ANY, false},
    {"rsa_pkcs1_sha512", RSA_, NID_sha512, PSS_ANY, false},
    {"rsa_pkcs1_sha1", RSA_, NID_sha1, PSS_ANY, false},
    {"mldsa44", "ML-DSA-44", NID_undef, PSS_ANY, false},
    {"mldsa65", "ML-DSA-65", NID_undef, PSS_ANY, false},
    {"mldsa87", "ML-DSA-87", NID_undef, PSS_ANY, false},
    {"ecdsa_sha224", EC, NID_sha224, PSS_ANY, true},
    {"rsa_pkcs1_sha224", RSA_, NID_sha224, PSS_ANY, true},
    {"dsa_sha1", DSA_, NID_sha1, PSS_ANY, true},
    {"dsa_sha224", DSA_, NID_sha224, PSS_ANY, true},
    {"dsa_sha256", DSA_, NID_sha256, PSS_ANY, true},
    {"dsa_sha384", DSA_, NID_sha384, PSS_ANY, true},
    {"dsa_sha512", DSA_, NID_sha512, PSS_ANY, true},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void add_group(struct algorithm_list *list, SSL_CTX *scratch,
                      const char *name) {
  if (name != NULL && SSL_CTX_set1_groups_list(scratch, name))
    list->names[list->count++] = name;
}

bool algorithm_list_groups(struct algorithm_list *list, long oldest,
                           long newest, bool aliases) {
  SSL_CTX *scratch = SSL_CTX_new(TLS_method());
  list->count = 0;
  if (scratch == NULL) return false;
  for (size_t i = 0; i < COUNT(groups); i++) {
    const struct group *g = &groups[i];
    if (newest != 0 && g->oldest > newest) continue;
    if (g->newest != 0 && g->newest < oldest) continue;
    add_group(list, scratch, g->name);
    for (size_t n = 0; aliases && n < COUNT(g->aliases); n++)
      add_group(list, scratch, g->aliases[n]);
  }
  SSL_CTX_free(scratch);
  ERR_clear_error(); /* each unknown name has left an entry */
  return true;
}

bool algorithm_list_schemes(struct algorithm_list *list) {
  SSL_CTX *scratch = SSL_CTX_new(TLS_method());
  list->count = 0;
  if (scratch == NULL) return false;
  for (size_t i = 0; i < COUNT(schemes); i++) {
    const struct scheme *s = &schemes[i];
    if (!s->unlisted && SSL_CTX_set1_sigalgs_list(scratch, s->name))
      list->names[list->count++] = s->name;
  }
  SSL_CTX_free(scratch);
  ERR_clear_error();
  return true;
}

const char *algorithm_group(SSL *ssl) {
  if (SSL_get0_session(ssl) == NULL) return NULL; /* OpenSSL does not look */
  int nid = (int)SSL_get_negotiated_group(ssl);
  return nid != NID_undef ? SSL_group_to_name(ssl, nid) : NULL;
}

/* With RSA's key exchange a server has chosen a scheme, but signs nothing. */
static bool server_signs(const SSL *ssl) {
  const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
  int kx = cipher != NULL ? SSL_CIPHER_get_kx_nid(cipher) : NID_undef;
  return kx == NID_kx_any || kx == NID_kx_ecdhe || kx == NID_kx_dhe;
}

/* Is the key that signed for RSA-PSS and nothing else? */
static bool is_pss_key(const SSL *ssl, bool ours) {
  X509 *theirs = SSL_get0_peer_certificate(ssl);
  EVP_PKEY *key = NULL;
  if (ours)
    key = SSL_get_privatekey(ssl);
  else if (theirs != NULL)
    key = X509_get0_pubkey(theirs);
  return key != NULL && EVP_PKEY_is_a(key, "RSA-PSS");
}

static const char *find_scheme(const char *key, int hash, bool pss_key) {
  enum pss pss = pss_key ? PSS_ONLY : PSS_ANY;
  for (size_t i = 0; i < COUNT(schemes); i++) {
    const struct scheme *s = &schemes[i];
    if (s->hash == hash && s->pss == pss && strcmp(s->key, key) == 0)
      return s->name;
  }
  return NULL;
}

const char *algorithm_scheme(SSL *ssl, bool of_server) {
  bool ours = of_server == (SSL_is_server(ssl) != 0);
  int type, hash;
  if (of_server && !server_signs(ssl)) return NULL;
  if (ours ? !SSL_get_signature_type_nid(ssl, &type) ||
                 !SSL_get_signature_nid(ssl, &hash)
           : !SSL_get_peer_signature_type_nid(ssl, &type) ||
                 !SSL_get_peer_signature_nid(ssl, &hash))
    return NULL;
  return find_scheme(OBJ_nid2ln(type), hash, is_pss_key(ssl, ours));
}
