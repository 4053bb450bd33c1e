/*
** winstore_fake.c - stands in for src/sys/winstore.c in a pyssl.core of its
** own, which windows_store_spec.lua links: what the functions of Lua make of a
** store can be seen on any system then. "ROOT" has an entry of each kind, other
** stores are missing, "DENIED" may not be read.
*/
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/sys/winstore.h"

static const struct sample {
  const char *bytes;
  unsigned long encoding;
  const char *purposes;
} certificates[] =
    {
        {"first", WINSTORE_X509_ASN, NULL},
        {"second", WINSTORE_PKCS_7_ASN, "1.3.6.1.5.5.7.3.1 1.3.6.1.5.5.7.3.2 "},
        {"third", 77, ""},
},
  lists[] = {{"list", WINSTORE_X509_ASN, NULL}};

bool winstore_exists(void) {
  return true;
}

static char *copy(const char *text) {
  return text != NULL ? strdup(text) : NULL;
}

int winstore_read(const char *name, enum winstore_kind kind,
                  struct winstore_list *list) {
  const struct sample *samples = kind == WINSTORE_CRLS ? lists : certificates;
  memset(list, 0, sizeof *list);
  if (strcmp(name, "ROOT") != 0) {
    list->code = strcmp(name, "DENIED") == 0 ? 5 : 2;
    return list->code == 5 ? EACCES : ENOENT;
  }
  size_t count = kind == WINSTORE_CRLS ? 1 : 3;
  list->entries = calloc(count, sizeof *list->entries);
  if (list->entries == NULL) return ENOMEM;
  for (; list->count < count; list->count++, samples++) {
    struct winstore_entry *entry = &list->entries[list->count];
    entry->bytes = (unsigned char *)copy(samples->bytes);
    entry->length = strlen(samples->bytes);
    entry->encoding = samples->encoding;
    entry->purposes = copy(samples->purposes);
  }
  return 0;
}

void winstore_free(struct winstore_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    free(list->entries[i].bytes);
    free(list->entries[i].purposes);
  }
  free(list->entries);
  list->entries = NULL;
  list->count = 0;
}
