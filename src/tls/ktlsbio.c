#include "ktlsbio.h"

#include <errno.h>

#include <openssl/crypto.h>

#include "../sys/ktls.h"
#include "../sys/tape.h"

/* What libssl asks of a BIO: bio.h names these in a comment only, so they are
** tried before they are relied upon (is_understood). */
#define CONTROL_SET_KEYS    72 /* number: 0 for receiving, 1 for sending */
#define CONTROL_RECORD_TYPE 74 /* number: the type of what is written next */
#define CONTROL_DATA        75 /* it is application data after all */
#define FLAG_RECORD_TYPE    0x1000

#define NO_TYPE (-1)

struct ktls {
  struct fdio *io;
  BIO *stock; /* OpenSSL's own, over the same descriptor */
  int type;   /* of the control message to be written, or NO_TYPE */
};

/* Made once for the process and never freed: BIOs point to it. */
static BIO_METHOD *method;
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;

/* Did the last call stop at something that another call may get past? */
static bool may_retry(const struct fdio *io) {
  return io->wire.event == WIRE_BLOCKED || io->wire.event == WIRE_TIMEOUT ||
         io->wire.event == WIRE_SIGNAL;
}

/* OpenSSL makes an alert of what the kernel says about a record. */
static int fail_read(struct fdio *io) {
  int error = io->wire.error;
  if (io->wire.event != WIRE_ERROR) return 0;
  if (error == EBADMSG || error == EMSGSIZE) io->wire.event = WIRE_NONE;
  errno = error;
  return -1;
}

static int bio_read(BIO *bio, char *data, size_t length, size_t *got) {
  const struct ktls *k = BIO_get_data(bio);
  struct fdio *io = k->io;
  BIO_clear_retry_flags(bio);
  if (BIO_get_ktls_recv(k->stock)) {
    *got = ktls_receive(io, data, length);
    if (*got > 0) return 1;
    if (may_retry(io)) BIO_set_retry_read(bio);
    return fail_read(io);
  }
  *got = tape_play(&io->wire, data, length);
  if (*got > 0) return 1;
  *got = fdio_receive(io, data, length);
  if (*got > 0) return tape_note(&io->wire, data, *got);
  if (may_retry(io)) BIO_set_retry_read(bio);
  return 0;
}

static int bio_write(BIO *bio, const char *data, size_t length, size_t *put) {
  struct ktls *k = BIO_get_data(bio);
  struct fdio *io = k->io;
  BIO_clear_retry_flags(bio);
  *put = k->type == NO_TYPE
             ? fdio_send(io, data, length)
             : ktls_send(io, (unsigned char)k->type, data, length);
  if (*put > 0) k->type = NO_TYPE;
  if (*put > 0) return 1;
  if (may_retry(io)) BIO_set_retry_write(bio);
  return 0;
}

/* The kernel decrypts what it has still to hand out, and cannot know of what
** it has handed out before. */
static long set_keys(const struct ktls *k, long sending, void *keys) {
  if (sending == 0 && fdio_buffered(k->io) > 0) return 0;
  return BIO_ctrl(k->stock, CONTROL_SET_KEYS, sending, keys);
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
  struct ktls *k = BIO_get_data(bio);
  switch (command) {
  case BIO_CTRL_FLUSH: return 1;
  case BIO_CTRL_EOF: return k->io->wire.event == WIRE_END;
  case BIO_C_GET_FD:
    if (pointer != NULL) *(int *)pointer = k->io->fd;
    return k->io->fd;
  case CONTROL_SET_KEYS: return set_keys(k, number, pointer);
  case CONTROL_RECORD_TYPE: k->type = (int)number; return 0;
  case CONTROL_DATA: k->type = NO_TYPE; return 0;
  case BIO_CTRL_GET_KTLS_SEND:
  case BIO_CTRL_GET_KTLS_RECV: return BIO_ctrl(k->stock, command, 0, NULL);
  default: return 0;
  }
}

static int bio_destroy(BIO *bio) {
  struct ktls *k = BIO_get_data(bio);
  if (k != NULL) BIO_free(k->stock);
  OPENSSL_free(k);
  BIO_set_data(bio, NULL);
  return 1;
}

static void method_make(void) {
  int type = BIO_get_new_index();
  if (type == -1) return;
  method = BIO_meth_new(type | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR,
                        "pyssl kernel TLS");
  if (method == NULL) return;
  BIO_meth_set_read_ex(method, bio_read);
  BIO_meth_set_write_ex(method, bio_write);
  BIO_meth_set_ctrl(method, bio_ctrl);
  BIO_meth_set_destroy(method, bio_destroy);
}

/* Does this OpenSSL mean by the numbers what they mean here? */
static bool is_understood(BIO *stock) {
  bool before = BIO_test_flags(stock, FLAG_RECORD_TYPE);
  (void)BIO_ctrl(stock, CONTROL_RECORD_TYPE, 21, NULL);
  bool between = BIO_test_flags(stock, FLAG_RECORD_TYPE);
  (void)BIO_ctrl(stock, CONTROL_DATA, 0, NULL);
  return !before && between && !BIO_test_flags(stock, FLAG_RECORD_TYPE);
}

/* Give a new BIO what it works with. Takes `stock` over. */
static BIO *fill(BIO *bio, struct fdio *io, BIO *stock) {
  struct ktls *k = OPENSSL_zalloc(sizeof *k);
  if (bio == NULL || k == NULL || stock == NULL || !is_understood(stock)) {
    OPENSSL_free(k);
    BIO_free(stock);
    BIO_free(bio);
    return NULL;
  }
  *k = (struct ktls){.io = io, .stock = stock, .type = NO_TYPE};
  BIO_set_data(bio, k);
  BIO_set_init(bio, 1);
  return bio;
}

BIO *ktlsbio_new(struct fdio *io) {
  if (io->memory != NULL || !ktls_prepare(io->fd)) return NULL;
  if (!CRYPTO_THREAD_run_once(&method_once, method_make) || method == NULL)
    return NULL;
  return fill(BIO_new(method), io, BIO_new_socket(io->fd, BIO_NOCLOSE));
}
