/*
** file.c - read a file whole; tell whether it has changed.
*/
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "file.h"

#define FIRST_ROOM 4096 /* where the size is not known */

/* What has been read so far; there is always a byte of room for the NUL. */
struct content {
  unsigned char *data;
  size_t length;
  size_t room;
};

/* Volatile, or the compiler drops a memset before a free. */
static void *(*const volatile fill)(void *, int, size_t) = memset;

void file_wipe(unsigned char *data, size_t length) {
  if (data == NULL) return;
  if (length > 0) fill(data, 0, length);
  free(data);
}

/* Move to memory of `room` bytes. Not realloc: it would leave a copy. */
static int move(struct content *c, size_t room) {
  unsigned char *data = malloc(room);
  if (data == NULL) return ENOMEM;
  if (c->length > 0) memcpy(data, c->data, c->length);
  file_wipe(c->data, c->length);
  c->data = data;
  c->room = room;
  return 0;
}

static int read_rest(int fd, struct content *c) {
  for (;;) {
    if (c->room - c->length < 2) {
      int error = c->room > SIZE_MAX / 2 ? EFBIG : move(c, c->room * 2);
      if (error != 0) return error;
    }
    ssize_t n = read(fd, c->data + c->length, c->room - c->length - 1);
    if (n == 0) return 0;
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) c->length += (size_t)n;
  }
}

/* Make room: for a file of known size one byte to spare beside the NUL, so that
** its end is found without growing. */
static int first_room(int fd, struct content *c) {
  struct stat st;
  if (fstat(fd, &st) < 0) return errno;
  if (S_ISDIR(st.st_mode)) return EISDIR;
  if (!S_ISREG(st.st_mode) || st.st_size <= 0) return move(c, FIRST_ROOM);
  if ((uintmax_t)st.st_size > SIZE_MAX - 2) return EFBIG;
  return move(c, (size_t)st.st_size + 2);
}

static int open_path(const char *path, int *fd) {
  do
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  while (*fd < 0 && errno == EINTR);
  return *fd < 0 ? errno : 0;
}

int file_read(const char *path, unsigned char **data, size_t *length) {
  struct content c = {NULL, 0, 0};
  int fd;
  *data = NULL;
  *length = 0;
  int error = open_path(path, &fd);
  if (error != 0) return error;
  error = first_room(fd, &c);
  if (error == 0) error = read_rest(fd, &c);
  (void)close(fd);
  if (error != 0) {
    file_wipe(c.data, c.length);
    return error;
  }
  c.data[c.length] = '\0';
  *data = c.data;
  *length = c.length;
  return 0;
}

int file_identify(const char *path, struct file_identity *id) {
  struct stat st;
  memset(id, 0, sizeof *id);
  if (stat(path, &st) < 0) return errno;
  id->dev = st.st_dev;
  id->ino = st.st_ino;
  id->size = st.st_size;
  id->seconds = STAT_MTIME(&st).tv_sec;
  id->nanoseconds = STAT_MTIME(&st).tv_nsec;
  id->directory = S_ISDIR(st.st_mode);
  return 0;
}

bool file_identity_equal(const struct file_identity *a,
                         const struct file_identity *b) {
  return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
         a->seconds == b->seconds && a->nanoseconds == b->nanoseconds &&
         a->directory == b->directory;
}
