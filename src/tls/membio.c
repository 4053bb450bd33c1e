#include "membio.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>

#include "../sys/tape.h"

#define FIRST_CAPACITY 1024

struct membio {
  unsigned refs;
  bool end;
  unsigned char *data;
  size_t capacity;
  size_t start; /* of the stored bytes in data */
  size_t length;
};

struct membio *membio_new(void) {
  struct membio *m = OPENSSL_zalloc(sizeof *m);
  if (m != NULL) m->refs = 1;
  return m;
}

struct membio *membio_ref(struct membio *m) {
  m->refs++;
  return m;
}

void membio_free(struct membio *m) {
  if (m == NULL || --m->refs > 0) return;
  OPENSSL_clear_free(m->data, m->capacity);
  OPENSSL_free(m);
}

size_t membio_pending(const struct membio *m) {
  return m->length;
}

const unsigned char *membio_data(const struct membio *m) {
  return m->data + m->start;
}

void membio_skip(struct membio *m, size_t n) {
  m->start += n;
  m->length -= n;
  if (m->length == 0) m->start = 0;
}

/* Move the bytes to the beginning, into more memory where that is needed. */
static bool make_room(struct membio *m, size_t more) {
  size_t capacity = m->capacity > 0 ? m->capacity : FIRST_CAPACITY;
  if (m->start + m->length + more <= m->capacity) return true;
  while (capacity < m->length + more)
    capacity *= 2;
  if (capacity == m->capacity && m->start >= m->length) {
    memcpy(m->data, m->data + m->start, m->length);
    m->start = 0;
    return true;
  }
  unsigned char *data = OPENSSL_malloc(capacity);
  if (data == NULL) return false;
  if (m->length > 0) memcpy(data, m->data + m->start, m->length);
  OPENSSL_clear_free(m->data, m->capacity);
  m->data = data;
  m->capacity = capacity;
  m->start = 0;
  return true;
}

bool membio_write(struct membio *m, const void *data, size_t length) {
  if (length == 0) return true;
  if (length > SIZE_MAX / 4 - m->length || !make_room(m, length)) return false;
  memcpy(m->data + m->start + m->length, data, length);
  m->length += length;
  return true;
}

void membio_set_end(struct membio *m) {
  m->end = true;
}

bool membio_has_end(const struct membio *m) {
  return m->end;
}

/* ---- as a BIO ---- */

struct port {
  struct membio *queue;
  struct wire *wire;
};

/* Made once for the process and never freed: BIOs point to it. */
static BIO_METHOD *method;
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;

static int port_read(BIO *bio, char *data, size_t length, size_t *got) {
  struct port *port = BIO_get_data(bio);
  struct membio *m = port->queue;
  bool taped = !tape_is_idle(port->wire);
  BIO_clear_retry_flags(bio);
  if (taped && (*got = tape_play(port->wire, data, length)) > 0) return 1;
  *got = length < m->length ? length : m->length;
  if (*got > 0) {
    memcpy(data, membio_data(m), *got);
    membio_skip(m, *got);
    port->wire->event = WIRE_NONE;
    return !taped || tape_note(port->wire, data, *got);
  }
  port->wire->event = m->end ? WIRE_END : WIRE_BLOCKED;
  if (!m->end) BIO_set_retry_read(bio);
  return 0;
}

static int port_write(BIO *bio, const char *data, size_t length, size_t *put) {
  struct port *port = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  *put = 0;
  if (!membio_write(port->queue, data, length)) {
    port->wire->event = WIRE_ERROR;
    port->wire->error = ENOMEM;
    return 0;
  }
  *put = length;
  port->wire->event = WIRE_NONE;
  return 1;
}

static bool port_is_at_end(BIO *bio) {
  const struct port *port = BIO_get_data(bio);
  return port->queue->end && port->queue->length == 0;
}

static long port_ctrl(BIO *bio, int command, long number, void *pointer) {
  (void)number, (void)pointer;
  switch (command) {
  case BIO_CTRL_FLUSH: return 1;
  case BIO_CTRL_EOF: return port_is_at_end(bio);
  default: return 0;
  }
}

static int port_destroy(BIO *bio) {
  struct port *port = BIO_get_data(bio);
  if (port == NULL) return 1;
  membio_free(port->queue);
  OPENSSL_free(port);
  BIO_set_data(bio, NULL);
  return 1;
}

static void method_make(void) {
  int type = BIO_get_new_index();
  if (type == -1) return;
  method = BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "pyssl memory");
  if (method == NULL) return;
  BIO_meth_set_read_ex(method, port_read);
  BIO_meth_set_write_ex(method, port_write);
  BIO_meth_set_ctrl(method, port_ctrl);
  BIO_meth_set_destroy(method, port_destroy);
}

BIO *membio_bio(struct membio *m, struct wire *wire) {
  if (!CRYPTO_THREAD_run_once(&method_once, method_make) || method == NULL)
    return NULL;
  struct port *port = OPENSSL_zalloc(sizeof *port);
  BIO *bio = port != NULL ? BIO_new(method) : NULL;
  if (bio == NULL) {
    OPENSSL_free(port);
    return NULL;
  }
  port->queue = membio_ref(m);
  port->wire = wire;
  BIO_set_data(bio, port);
  BIO_set_init(bio, 1);
  return bio;
}
