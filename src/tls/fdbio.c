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

static int bio_read(BIO *bio, char *data, size_t length, size_t *got) {
  struct fdio *io = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  *got = tape_play(&io->wire, data, length);
  if (*got > 0) return 1;
  *got = fdio_receive(io, data, length);
  if (*got > 0) return tape_note(&io->wire, data, *got);
  if (may_retry(io)) BIO_set_retry_read(bio);
  return 0;
}

static int bio_write(BIO *bio, const char *data, size_t length, size_t *put) {
  struct fdio *io = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  *put = fdio_send(io, data, length);
  if (*put > 0) return 1;
  if (may_retry(io)) BIO_set_retry_write(bio);
  return 0;
}

/* Without an answer to EOF a truncated stream would go unnoticed. */
static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
  struct fdio *io = BIO_get_data(bio);
  (void)number;
  switch (command) {
  case BIO_CTRL_FLUSH: return 1;
  case BIO_CTRL_EOF: return io->wire.event == WIRE_END;
  case BIO_C_GET_FD:
    if (pointer != NULL) *(int *)pointer = io->fd;
    return io->fd;
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
