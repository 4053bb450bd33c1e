/*
** native.c - what specs need of the operating system and Lua does not have:
** processes, descriptors, signals, a deadline for each spec. For the suite
** only; not part of pyssl. The Lua modules beside this file give it manners.
** Functions that the system refuses return nil and the errno's name.
** Owns the interval timer and SIGALRM while a deadline is set.
*/
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../src/bind/compat.h"

extern char **environ;

static int failed(lua_State *L, int number) {
  lua_pushnil(L);
  lua_pushstring(L, strerrorname_np(number));
  return 2;
}

/* true where `result` is not negative, else nil and the errno's name. */
static int answer(lua_State *L, int result) {
  if (result < 0) return failed(L, errno);
  lua_pushboolean(L, 1);
  return 1;
}

static int check_int(lua_State *L, int arg) {
  lua_Integer value = luaL_checkinteger(L, arg);
  luaL_argcheck(L, (int)value == value, arg, "out of range");
  return (int)value;
}

/* --- processes --- */

/*
** The strings of the list at `arg` with a NULL behind them, in a userdata
** that is left on the stack. The list keeps the strings alive.
*/
static char **string_vector(lua_State *L, int arg) {
  size_t n = lua_rawlen(L, arg);
  char **vector = lua_newuserdatauv(L, (n + 1) * sizeof *vector, 0);
  for (size_t i = 0; i < n; i++) {
    if (lua_rawgeti(L, arg, (lua_Integer)i + 1) != LUA_TSTRING)
      luaL_argerror(L, arg, "list of strings expected");
    vector[i] = (char *)lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  vector[n] = NULL;
  return vector;
}

#define MAX_GIVEN 8 /* descriptors that a child can be given */

struct child {
  char **argv, **env;
  const char *directory; /* NULL: ours */
  int given[MAX_GIVEN];  /* its descriptors 0, 1, ... are these of ours */
  int count;
};

/*
** Between fork and exec: put the descriptors in place, leave no other open,
** restore what an ignored signal would change, and become the program. It
** does not outlive us.
*/
static void become(const struct child *c) {
  int spare[MAX_GIVEN];
  for (int i = 0; i < c->count; i++)
    spare[i] = fcntl(c->given[i], F_DUPFD_CLOEXEC, MAX_GIVEN);
  for (int i = 0; i < c->count; i++)
    if (dup2(spare[i], i) < 0) return;
  (void)close_range((unsigned)c->count, ~0U, CLOSE_RANGE_CLOEXEC);
  signal(SIGPIPE, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (c->directory != NULL && chdir(c->directory) != 0) return;
  execvpe(c->argv[0], c->argv, c->env);
}

/*
** spawn(argv, env, descriptors[, directory]): env is a list of "NAME=value".
** Returns the process id; a program that cannot be started is an error here.
*/
static int native_spawn(lua_State *L) {
  struct child c = {0};
  int report[2], number = 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 3, LUA_TTABLE);
  c.directory = luaL_optstring(L, 4, NULL);
  for (c.count = 0; c.count < MAX_GIVEN; c.count++) {
    lua_rawgeti(L, 3, c.count + 1);
    if (lua_isnil(L, -1)) break;
    c.given[c.count] = check_int(L, -1);
    lua_pop(L, 1);
  }
  lua_settop(L, 4);
  c.argv = string_vector(L, 1);
  c.env = string_vector(L, 2);
  if (pipe2(report, O_CLOEXEC) != 0) return failed(L, errno);
  pid_t pid = fork();
  if (pid == 0) {
    become(&c);
    number = errno;
    (void)!write(report[1], &number, sizeof number);
    _exit(127);
  }
  if (pid < 0) number = errno;
  close(report[1]);
  if (pid > 0 && read(report[0], &number, sizeof number) > 0)
    waitpid(pid, NULL, 0); /* it could not exec */
  close(report[0]);
  if (number != 0) return failed(L, number);
  lua_pushinteger(L, pid);
  return 1;
}

/* fork() returns 0 in the child. Timers do not pass to it. */
static int native_fork(lua_State *L) {
  pid_t pid = fork();
  if (pid < 0) return failed(L, errno);
  lua_pushinteger(L, pid);
  return 1;
}

/*
** wait(pid[, nohang]) returns "exited", status; "signaled", number; or
** "running" where nohang is true.
*/
static int native_wait(lua_State *L) {
  int status = 0;
  pid_t wanted = check_int(L, 1);
  pid_t pid = waitpid(wanted, &status, lua_toboolean(L, 2) ? WNOHANG : 0);
  if (pid < 0) return failed(L, errno);
  if (pid == 0) {
    lua_pushliteral(L, "running");
    return 1;
  }
  int exited = WIFEXITED(status);
  lua_pushstring(L, exited ? "exited" : "signaled");
  lua_pushinteger(L, exited ? WEXITSTATUS(status) : WTERMSIG(status));
  return 2;
}

/* Whether there is any child at all, running or not yet waited for. */
static int native_has_children(lua_State *L) {
  siginfo_t info;
  int result = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
  lua_pushboolean(L, result == 0);
  return 1;
}

/* exit(status): at once, without finalisers or what runs at exit. */
static int native_exit(lua_State *L) {
  _exit(check_int(L, 1));
}

static int native_getpid(lua_State *L) {
  lua_pushinteger(L, getpid());
  return 1;
}

/* environ() returns the environment as a table, name to value. */
static int native_environ(lua_State *L) {
  lua_newtable(L);
  for (char **entry = environ; *entry != NULL; entry++) {
    const char *equals = strchr(*entry, '=');
    if (equals == NULL) continue;
    lua_pushlstring(L, *entry, (size_t)(equals - *entry));
    lua_pushstring(L, equals + 1);
    lua_rawset(L, -3);
  }
  return 1;
}

/* setenv(name, value or nil): for this process, so best in a child. */
static int native_setenv(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const char *value = luaL_optstring(L, 2, NULL);
  return answer(L, value ? setenv(name, value, 1) : unsetenv(name));
}

/* --- signals --- */

static const char *const signal_names[] = {
    "SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP",  "SIGINT",  "SIGKILL", "SIGPIPE",
    "SIGQUIT", "SIGSTOP", "SIGTERM", "SIGUSR1", "SIGUSR2", NULL};
static const int signal_numbers[] = {SIGALRM, SIGCHLD, SIGCONT, SIGHUP,
                                     SIGINT,  SIGKILL, SIGPIPE, SIGQUIT,
                                     SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2};

static int check_signal(lua_State *L, int arg) {
  return signal_numbers[luaL_checkoption(L, arg, NULL, signal_names)];
}

static int native_kill(lua_State *L) {
  return answer(L, kill(check_int(L, 1), check_signal(L, 2)));
}

static void catch_signal(int number) {
  (void)number; /* only to interrupt a wait */
}

/*
** signal(name[, disposition]) returns what it was: "default", "ignore" or
** "catch" (any handler). "catch" sets one that does nothing.
*/
static int native_signal(lua_State *L) {
  static const char *const names[] = {"default", "ignore", "catch", NULL};
  static void (*const handlers[])(int) = {SIG_DFL, SIG_IGN, catch_signal};
  struct sigaction old, new = {0};
  int number = check_signal(L, 1);
  int set = !lua_isnoneornil(L, 2);
  if (set) new.sa_handler = handlers[luaL_checkoption(L, 2, NULL, names)];
  if (sigaction(number, set ? &new : NULL, &old) != 0) return failed(L, errno);
  int was = old.sa_handler == SIG_DFL ? 0 : old.sa_handler == SIG_IGN ? 1 : 2;
  lua_pushstring(L, names[was]);
  return 1;
}

/* --- values --- */

/* copy(userdata) returns one of another library with the same bytes. */
static int native_copy(lua_State *L) {
  const void *from = lua_touserdata(L, 1);
  size_t size = from != NULL ? lua_rawlen(L, 1) : 0;
  void *to = lua_newuserdatauv(L, size, 0);
  if (size > 0) memcpy(to, from, size);
  return 1;
}

/* --- descriptors --- */

static int push_two(lua_State *L, int result, const int fds[2]) {
  if (result != 0) return failed(L, errno);
  lua_pushinteger(L, fds[0]);
  lua_pushinteger(L, fds[1]);
  return 2;
}

/* pipe() returns the end to read from and the end to write to. */
static int native_pipe(lua_State *L) {
  int fds[2];
  return push_two(L, pipe2(fds, O_CLOEXEC), fds);
}

static int native_socketpair(lua_State *L) {
  static const char *const names[] = {"stream", "seqpacket", NULL};
  static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
  int type = types[luaL_checkoption(L, 1, "stream", names)];
  int fds[2];
  return push_two(L, socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), fds);
}

/* read(fd, most) returns 1..most bytes, or "" at the end. */
static int native_read(lua_State *L) {
  int fd = check_int(L, 1);
  int most = check_int(L, 2);
  luaL_argcheck(L, most > 0, 2, "out of range");
  luaL_Buffer buffer;
  char *space = luaL_buffinitsize(L, &buffer, (size_t)most);
  ssize_t n = read(fd, space, (size_t)most);
  if (n < 0) return failed(L, errno);
  luaL_pushresultsize(&buffer, (size_t)n);
  return 1;
}

/* write(fd, bytes) returns how many it took; no SIGPIPE on sockets. */
static int native_write(lua_State *L) {
  size_t length;
  int fd = check_int(L, 1);
  const char *bytes = luaL_checklstring(L, 2, &length);
  ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
  if (n < 0 && errno == ENOTSOCK) n = write(fd, bytes, length);
  if (n < 0) return failed(L, errno);
  lua_pushinteger(L, n);
  return 1;
}

/*
** open(path[, mode]): "r", or "w" to make or empty it. io.open would do, but
** its files show no descriptor.
*/
static int native_open(lua_State *L) {
  static const char *const names[] = {"r", "w", NULL};
  static const int modes[] = {O_RDONLY, O_WRONLY | O_CREAT | O_TRUNC};
  const char *path = luaL_checkstring(L, 1);
  int mode = modes[luaL_checkoption(L, 2, "r", names)];
  int fd = open(path, mode | O_CLOEXEC, 0600);
  if (fd < 0) return failed(L, errno);
  lua_pushinteger(L, fd);
  return 1;
}

static int native_close(lua_State *L) {
  return answer(L, close(check_int(L, 1)));
}

static int native_dup(lua_State *L) {
  int fd = fcntl(check_int(L, 1), F_DUPFD_CLOEXEC, 3);
  if (fd < 0) return failed(L, errno);
  lua_pushinteger(L, fd);
  return 1;
}

static int native_dup2(lua_State *L) {
  return answer(L, dup2(check_int(L, 1), check_int(L, 2)));
}

/* nonblocking(fd[, set]) returns whether O_NONBLOCK was set. */
static int native_nonblocking(lua_State *L) {
  int fd = check_int(L, 1);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return failed(L, errno);
  int set = lua_isnone(L, 2) ? flags & O_NONBLOCK : lua_toboolean(L, 2);
  int wanted = set ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (fcntl(fd, F_SETFL, wanted) < 0) return failed(L, errno);
  lua_pushboolean(L, flags & O_NONBLOCK);
  return 1;
}

/* cloexec(fd) returns whether it closes when a program is started. */
static int native_cloexec(lua_State *L) {
  int flags = fcntl(check_int(L, 1), F_GETFD);
  if (flags < 0) return failed(L, errno);
  lua_pushboolean(L, flags & FD_CLOEXEC);
  return 1;
}

#define MAX_POLL 512

/* Append the descriptors of the list at `arg`; returns how many there are. */
static int add_poll(lua_State *L, int arg, short events, struct pollfd *fds,
                    int n) {
  luaL_checktype(L, arg, LUA_TTABLE);
  for (int i = 1; lua_rawgeti(L, arg, i) != LUA_TNIL; i++) {
    luaL_argcheck(L, n < MAX_POLL, arg, "too many descriptors");
    fds[n++] = (struct pollfd){.fd = check_int(L, -1), .events = events};
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return n;
}

/*
** poll(readers, writers, timeout): waits until some of `readers` can be read
** or of `writers` written, or their peer is gone, and returns these; nil,
** "ETIMEDOUT" when the seconds are over.
*/
static int native_poll(lua_State *L) {
  struct pollfd fds[MAX_POLL];
  int n = add_poll(L, 1, POLLIN, fds, 0);
  n = add_poll(L, 2, POLLOUT, fds, n);
  double timeout = luaL_checknumber(L, 3);
  int ready = poll(fds, (nfds_t)n, timeout < 0 ? 0 : (int)(timeout * 1e3 + 1));
  if (ready < 0) return failed(L, errno);
  if (ready == 0) return failed(L, ETIMEDOUT);
  luaL_checkstack(L, ready, "too many are ready");
  for (int i = 0; i < n; i++)
    if (fds[i].revents != 0) lua_pushinteger(L, fds[i].fd);
  return ready;
}

#define MAX_FDS 4096

/* The numbers of the open descriptors, without the one used to look. */
static int list_fds(int *fds) {
  int n = 0;
  DIR *directory = opendir("/proc/self/fd");
  if (directory == NULL) return -1;
  for (struct dirent *e; n < MAX_FDS && (e = readdir(directory)) != NULL;) {
    int fd = atoi(e->d_name);
    if (e->d_name[0] != '.' && fd != dirfd(directory)) fds[n++] = fd;
  }
  closedir(directory);
  return n;
}

/* fd_count() returns how many descriptors are open. */
static int native_fd_count(lua_State *L) {
  int fds[MAX_FDS];
  int n = list_fds(fds);
  if (n < 0) return failed(L, errno);
  lua_pushinteger(L, n);
  return 1;
}

/* fds() returns a table: open descriptor to what it is, as readlink says. */
static int native_fds(lua_State *L) {
  int fds[MAX_FDS];
  int n = list_fds(fds);
  if (n < 0) return failed(L, errno);
  lua_createtable(L, 0, n);
  for (int i = 0; i < n; i++) {
    char path[64], target[256];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fds[i]);
    ssize_t length = readlink(path, target, sizeof target);
    lua_pushlstring(L, target, length < 0 ? 0 : (size_t)length);
    lua_rawseti(L, -2, fds[i]);
  }
  return 1;
}

/* --- time and memory --- */

/* now() returns seconds of the monotonic clock. */
static int native_now(lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  lua_pushnumber(L, (double)t.tv_sec + (double)t.tv_nsec / 1e9);
  return 1;
}

/* rss() returns the resident memory of this process in KiB. */
static int native_rss(lua_State *L) {
  long size = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return failed(L, errno);
  if (fscanf(file, "%ld %ld", &size, &resident) != 2) resident = 0;
  fclose(file);
  lua_pushinteger(L, resident * (sysconf(_SC_PAGESIZE) / 1024));
  return 1;
}

/* heap() returns the bytes that malloc has given out. */
static int native_heap(lua_State *L) {
  struct mallinfo2 info = mallinfo2();
  lua_pushinteger(L, (lua_Integer)(info.uordblks + info.hblkhd));
  return 1;
}

/* trim() gives free memory back to the system, so that rss() tells more. */
static int native_trim(lua_State *L) {
  lua_pushboolean(L, malloc_trim(0));
  return 1;
}

/* --- a deadline for each spec --- */

#define GRACE 10 /* seconds between the error and the end of the process */
#define AGAIN 20 /* signals a second until the error is raised */

static struct {
  lua_State *L;                   /* the main thread: it loads this module */
  volatile sig_atomic_t expired;  /* signals that came */
  volatile sig_atomic_t patience; /* how many may come */
  char text[512];
  size_t length;
} deadline;

static void raise_in_lua(lua_State *L, lua_Debug *ar) {
  const struct itimerval timer = {{GRACE, 0}, {GRACE, 0}};
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  deadline.patience = 0;
  setitimer(ITIMER_REAL, &timer, NULL);
  luaL_error(L, "%s", deadline.text);
}

/*
** First an error at the next instruction of the main thread, the way lua.c
** treats Ctrl-C; a signal that comes just before a system call does not
** interrupt it, so others follow. Where that does not help (a loop that catches
** errors, a system call that is not interrupted) the process ends.
*/
static void deadline_passed(int number) {
  (void)number;
  if (deadline.expired++ > deadline.patience) {
    (void)!write(STDERR_FILENO, deadline.text, deadline.length);
    _exit(124);
  }
  if (deadline.expired > 1) return;
  lua_sethook(deadline.L, raise_in_lua,
              LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

/* deadline(seconds, text): the text is the error's; 0 seconds: none. */
static int native_deadline(lua_State *L) {
  double seconds = luaL_checknumber(L, 1);
  const char *text = luaL_optstring(L, 2, "too late");
  struct sigaction action = {.sa_handler = deadline_passed};
  struct itimerval timer = {.it_interval = {0, 1000000 / AGAIN}};
  timer.it_value.tv_sec = (time_t)seconds;
  timer.it_value.tv_usec =
      (suseconds_t)((seconds - (double)timer.it_value.tv_sec) * 1e6);
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  if (deadline.expired) lua_sethook(deadline.L, NULL, 0, 0);
  deadline.expired = 0;
  deadline.patience = GRACE * AGAIN;
  snprintf(deadline.text, sizeof deadline.text, "%s\n", text);
  deadline.length = strlen(deadline.text);
  if (sigaction(SIGALRM, &action, NULL) != 0) return failed(L, errno);
  return answer(L, setitimer(ITIMER_REAL, &timer, NULL));
}

static const luaL_Reg functions[] = {
    {"copy", native_copy},
    {"spawn", native_spawn},
    {"fork", native_fork},
    {"wait", native_wait},
    {"has_children", native_has_children},
    {"exit", native_exit},
    {"getpid", native_getpid},
    {"environ", native_environ},
    {"setenv", native_setenv},
    {"kill", native_kill},
    {"signal", native_signal},
    {"pipe", native_pipe},
    {"socketpair", native_socketpair},
    {"open", native_open},
    {"read", native_read},
    {"write", native_write},
    {"close", native_close},
    {"dup", native_dup},
    {"dup2", native_dup2},
    {"nonblocking", native_nonblocking},
    {"cloexec", native_cloexec},
    {"poll", native_poll},
    {"fd_count", native_fd_count},
    {"fds", native_fds},
    {"now", native_now},
    {"rss", native_rss},
    {"heap", native_heap},
    {"trim", native_trim},
    {"deadline", native_deadline},
    {NULL, NULL},
};

#pragma GCC visibility push(default)
int luaopen_native(lua_State *L);
#pragma GCC visibility pop

int luaopen_native(lua_State *L) {
  deadline.L = L;
  luaL_newlib(L, functions);
  return 1;
}
