#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "../sys/environment.h"
#include "../sys/paths.h"
#include "systemtrust.h"

/* Where distributions keep them, when OpenSSL was built for another place. */
static const struct known {
  bool directory;
  const char *path;
} known_places[] = {
    {false, "/etc/ssl/certs/ca-certificates.crt"},
    {false, "/etc/pki/tls/certs/ca-bundle.crt"},
    {false, "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"},
    {false, "/etc/ssl/ca-bundle.pem"},
    {false, "/etc/pki/tls/cacert.pem"},
    {false, "/etc/ssl/cert.pem"},
    {false, "/usr/local/share/certs/ca-root-nss.crt"},
    {false, "/usr/local/etc/openssl/cert.pem"},
    {false, "/opt/homebrew/etc/openssl@3/cert.pem"},
    {true, "/etc/ssl/certs"},
    {true, "/etc/pki/tls/certs"},
};

void systemtrust_default_paths(struct system_paths *out) {
  out->openssl_cafile_env = X509_get_default_cert_file_env();
  out->openssl_cafile = X509_get_default_cert_file();
  out->openssl_capath_env = X509_get_default_cert_dir_env();
  out->openssl_capath = X509_get_default_cert_dir();
  out->cafile = environment_get(out->openssl_cafile_env);
  if (out->cafile == NULL) out->cafile = out->openssl_cafile;
  if (!path_is_file(out->cafile)) out->cafile = NULL;
  out->capath = environment_get(out->openssl_capath_env);
  if (out->capath == NULL) out->capath = out->openssl_capath;
  if (!path_is_directory(out->capath)) out->capath = NULL;
}

/* "9d66eef0.0": as `openssl rehash` makes them. */
static bool is_hashed_name(const char *name) {
  size_t digits = strspn(name, "0123456789abcdef");
  if (digits != 8 || name[8] != '.' || name[9] == '\0') return false;
  return name[9 + strspn(name + 9, "0123456789")] == '\0';
}

bool systemtrust_is_hashed(const char *directories) {
  char *list = strdup(directories);
  char *rest = list, *directory;
  bool found = false;
  while (!found && (directory = strsep(&rest, ":")) != NULL)
    found = *directory != '\0' && path_has_entry(directory, is_hashed_name);
  free(list);
  return found;
}

/* Remember that `path` was looked at. */
static int note(struct systemtrust *t, const char *path) {
  size_t length = strlen(t->searched);
  char *searched = realloc(t->searched, length + strlen(path) + sizeof ", ");
  if (searched == NULL) return ENOMEM;
  strcpy(searched + length, length > 0 ? ", " : "");
  strcat(searched, path);
  t->searched = searched;
  return 0;
}

static int use(struct systemtrust *t, bool directory, const char *path) {
  char *copy = strdup(path);
  if (copy == NULL) return ENOMEM;
  t->places[t->count].directory = directory;
  t->places[t->count++].path = copy;
  return 0;
}

/* Use a place where it is there. */
static int try_place(struct systemtrust *t, bool directory, const char *path) {
  int error = note(t, path);
  bool there = directory ? systemtrust_is_hashed(path) : path_is_file(path);
  return error == 0 && there ? use(t, directory, path) : error;
}

/* One of the two fields: what the environment names, there or not, else
** OpenSSL's default. *named: did the environment name one? */
static int find_field(struct systemtrust *t, bool directory,
                      const char *variable, const char *otherwise,
                      bool *named) {
  const char *path = environment_get(variable);
  if (path == NULL) return try_place(t, directory, otherwise);
  *named = true;
  if (*path == '\0') return 0;
  int error = note(t, path);
  return error == 0 ? use(t, directory, path) : error;
}

static int find_known(struct systemtrust *t) {
  int error = 0;
  size_t known = sizeof known_places / sizeof *known_places;
  for (size_t i = 0; error == 0 && t->count == 0 && i < known; i++)
    error = try_place(t, known_places[i].directory, known_places[i].path);
  return error;
}

static int find_places(struct systemtrust *t) {
  bool named = false;
  int error = find_field(t, true, X509_get_default_cert_dir_env(),
                         X509_get_default_cert_dir(), &named);
  if (error == 0)
    error = find_field(t, false, X509_get_default_cert_file_env(),
                       X509_get_default_cert_file(), &named);
  /* Who names a place does not want another one instead. */
  if (error == 0 && t->count == 0 && !named) error = find_known(t);
  return error;
}

int systemtrust_find(struct systemtrust *out) {
  memset(out, 0, sizeof *out);
  out->searched = strdup("");
  int error = out->searched != NULL ? find_places(out) : ENOMEM;
  if (error != 0) systemtrust_clear(out);
  return error;
}

void systemtrust_clear(struct systemtrust *out) {
  for (size_t i = 0; i < out->count; i++)
    free(out->places[i].path);
  free(out->searched);
  memset(out, 0, sizeof *out);
}
