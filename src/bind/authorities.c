#include "authorities.h"

#include "buffer.h"
#include "certbox.h"
#include "certificate.h"

struct trust_source authorities_bytes(const struct args *a, int i,
                                      enum trust_kind kind,
                                      const char *expected) {
  struct trust_source source = {.kind = kind};
  struct bytes bytes;
  if (buffer_to_bytes(a->L, a->first + i, &bytes)) {
    source.text = (const char *)bytes.data;
    source.length = bytes.length;
  } else if (lua_type(a->L, a->first + i) == LUA_TSTRING) {
    source.text = lua_tolstring(a->L, a->first + i, &source.length);
  } else {
    args_type_error(a, i, expected);
  }
  return source;
}

struct trust_source authorities_source(const struct args *a, int i,
                                       const char *expected) {
  struct certbox *objects = certificate_collect(a, i);
  if (objects == NULL) return authorities_bytes(a, i, TRUST_DATA, expected);
  return (struct trust_source){.kind = TRUST_CERTIFICATES,
                               .certificates = objects->list};
}
