#include "random.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "../sys/clock.h"
#include "../sys/egd.h"
#include "args.h"
#include "buffer.h"
#include "error.h"

#define EGD_BYTES   256 /* what one call asks the daemon for */
#define EGD_SECONDS 10  /* and how long it may take */

/* Arguments by position only. */
static struct args positional(lua_State *L) {
  return (struct args){.L = L, .first = 1};
}

static void push_random(lua_State *L) {
  struct args a = positional(L);
  lua_Integer count = args_integer(&a, 0);
  luaL_Buffer b;
  if (count < 0)
    error_throw(L, ERROR_VALUE, "the number of bytes must not be negative");
  if (count > INT_MAX)
    error_throw(L, ERROR_OVERFLOW, "more than %d random bytes", INT_MAX);
  char *bytes = luaL_buffinitsize(L, &b, (size_t)count);
  if (RAND_bytes((unsigned char *)bytes, (int)count) != 1)
    error_throw_ssl(L, "the random generator failed");
  luaL_pushresultsize(&b, (size_t)count);
}

/***
Random bytes, good for keys.
@function ssl.RAND_bytes
@tparam integer num  how many, 0 to 2^31 - 1
@treturn string  the bytes
@raise ValueError (negative), OverflowError, SSLError (the generator failed)
*/
static int rand_bytes(lua_State *L) {
  push_random(L);
  return 1;
}

/***
The same as RAND_bytes, under a name from the past.
@function ssl.RAND_pseudo_bytes
@tparam integer num  how many, 0 to 2^31 - 1
@treturn string  the bytes
@treturn boolean  true: they are good for keys
@raise ValueError (negative), OverflowError, SSLError (the generator failed)
*/
static int rand_pseudo_bytes(lua_State *L) {
  push_random(L);
  lua_pushboolean(L, 1);
  return 2;
}

/***
Has the generator been seeded with enough randomness?
@function ssl.RAND_status
@treturn boolean
*/
static int rand_status(lua_State *L) {
  lua_pushboolean(L, RAND_status() == 1);
  return 1;
}

/* RAND_add takes an int. The estimate goes with the first piece. */
static void add_pieces(const struct bytes *bytes, double entropy) {
  const unsigned char *p = bytes->data;
  size_t left = bytes->length;
  do {
    int piece = left > INT_MAX ? INT_MAX : (int)left;
    RAND_add(p, piece, entropy);
    p += piece;
    left -= (size_t)piece;
    entropy = 0;
  } while (left > 0);
}

/***
Mix data into the generator.
@function ssl.RAND_add
@tparam string|ssl.buffer bytes  the data; may be empty
@tparam number entropy  a lower bound of its randomness in bytes; 0 is always
right
@treturn boolean  true
*/
static int rand_add(lua_State *L) {
  struct args a = positional(L);
  struct bytes bytes;
  if (!buffer_to_bytes(L, 1, &bytes))
    bytes.data = (unsigned char *)args_string(&a, 0, &bytes.length);
  double entropy = args_number(&a, 1);
  if (bytes.length > 0) add_pieces(&bytes, entropy);
  lua_pushboolean(L, 1);
  return 1;
}

static int throw_egd(lua_State *L, const char *path, int number) {
  struct tls_error e;
  tlserr_system(&e, number);
  return error_throw(L, ERROR_SSL,
                     "no random bytes from the EGD socket '%s': %s", path,
                     e.message);
}

/***
Mix 256 bytes of an entropy gathering daemon into the generator.
@function ssl.RAND_egd
@tparam string path  the daemon's Unix-domain socket
@treturn integer  256, the number of bytes
@raise ValueError (path with a NUL); SSLError naming path and cause: no such
socket, no daemon there, fewer bytes than asked for, ten seconds passed
*/
static int rand_egd(lua_State *L) {
  struct args a = positional(L);
  unsigned char bytes[EGD_BYTES];
  size_t length, got = 0;
  const char *path = args_string(&a, 0, &length);
  if (strlen(path) != length)
    return error_throw(L, ERROR_VALUE, "the path has an embedded NUL");
  int number =
      egd_read(path, bytes, sizeof bytes, clock_deadline(EGD_SECONDS), &got);
  if (number == 0) RAND_add(bytes, (int)got, (double)got);
  OPENSSL_cleanse(bytes, sizeof bytes);
  if (number != 0) return throw_egd(L, path, number);
  lua_pushinteger(L, (lua_Integer)got);
  return 1;
}

const luaL_Reg random_functions[] = {
    {"RAND_bytes", rand_bytes},   {"RAND_pseudo_bytes", rand_pseudo_bytes},
    {"RAND_status", rand_status}, {"RAND_add", rand_add},
    {"RAND_egd", rand_egd},       {NULL, NULL},
};
