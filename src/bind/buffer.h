/*
** buffer.h - the ssl.buffer userdata: writable bytes (design.md, rule 6).
** A buffer owns its memory, which lies in the userdata itself and so is seen
** by Lua's collector. A slice is a window on a buffer's memory: it keeps the
** buffer alive, and has length 0 once the buffer is closed. The memory is
** wiped when the buffer is closed or freed.
** Calls: class, args, error. Called by: socket, random, module.
*/
#ifndef PYSSL_BIND_BUFFER_H
#define PYSSL_BIND_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "compat.h"

HIDDEN_BEGIN

struct bytes {
  unsigned char *data;
  size_t length;
};

/*
** Where the bytes of the ssl.buffer at `index` are; false if it is none. They
** stay there until Lua runs again, which may close the buffer.
*/
bool buffer_to_bytes(lua_State *L, int index, struct bytes *out);

/* Make the class; leaves nothing on the stack. */
void buffer_open(lua_State *L);

/* The module's function `buffer`. */
extern const luaL_Reg buffer_functions[];

HIDDEN_END

#endif
