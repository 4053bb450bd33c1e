#include "fdbio.h"

#include <openssl/crypto.h>

#include "../sys/tape.h"

/* Made once for the process and never freed: BIOs point to it. */
static BIO_METHOD *method;
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;

/* Did the last call stop at something that another call may get past? */
static bool may_retry(const struct fdio *io) {
  return io->wire.event == WIRE_BLOCKED || io->wire.event == WIRE_TIMEOUT ||
         io->wire.event == WIRE_SIGNAL;
}

/*
** Nothing was moved: say whether that may be tried again, in the direction that
** `flag` is. The flags stand until the next call that moves nothing: OpenSSL
** asks for them after no other, and each call would pay for clearing them.
*/
static int stopped(BIO *bio, const struct fdio *io, int flag) {
  BIO_clear_retry_flags(bio);
  if (may_retry(io)) BIO_set_flags(bio, flag | BIO_FLAGS_SHOULD_RETRY);
  return 0;
}

/* Play what is on the tape, or else put on it what is received. False: there
** was no room for that. */
static bool read_taped(struct fdio *io, void *data, size_t length,
                       size_t *got) {
  *got = tape_play(&io->wire, data, length);
  if (*got > 0) return true;
  *got = fdio_receive(io, data, length);
  return *got == 0 || tape_note(&io->wire, data, *got);
}

static int bio_read(BIO *bio, char *data, size_t length, size_t *got) {
  struct fdio *io = BIO_get_data(bio);
  if (!tape_is_idle(&io->wire)) {
    if (!read_taped(io, data, length, got)) *got = 0;
  } else if (length > 0 && fdio_is_direct(io)) {
    *got = fdio_receive_directly(io, data, length);
  } else {
    *got = fdio_receive(io, data, length);
  }
  return *got > 0 ? 1 : stopped(bio, io, BIO_FLAGS_READ);
}

static int bio_write(BIO *bio, const char *data, size_t length, size_t *put) {
  struct fdio *io = BIO_get_data(bio);
  *put = fdio_send(io, data, length);
  return *put > 0 ? 1 : stopped(bio, io, BIO_FLAGS_WRITE);
}

static long get_fd(BIO *bio, int *out) {
  const struct fdio *io = BIO_get_data(bio);
  if (out != NULL) *out = io->fd;
  return io->fd;
}

static bool is_at_end(BIO *bio) {
  const struct fdio *io = BIO_get_data(bio);
  return io->wire.event == WIRE_END;
}

/* Without an answer to EOF a truncated stream would go unnoticed. OpenSSL asks
** for what is not here several times a record. */
static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
  (void)number;
  switch (command) {
  case BIO_CTRL_FLUSH: return 1;
  case BIO_CTRL_EOF: return is_at_end(bio);
  case BIO_C_GET_FD: return get_fd(bio, pointer);
  default: return 0;
  }
}

static void method_make(void) {
  int type = BIO_get_new_index();
  if (type == -1) return;
  method = BIO_meth_new(type | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR,
                        "pyssl descriptor");
  if (method == NULL) return;
  BIO_meth_set_read_ex(method, bio_read);
  BIO_meth_set_write_ex(method, bio_write);
  BIO_meth_set_ctrl(method, bio_ctrl);
}

BIO *fdbio_new(struct fdio *io) {
  if (!CRYPTO_THREAD_run_once(&method_once, method_make) || method == NULL)
    return NULL;
  BIO *bio = BIO_new(method);
  if (bio == NULL) return NULL;
  BIO_set_data(bio, io);
  BIO_set_init(bio, 1);
  return bio;
}
