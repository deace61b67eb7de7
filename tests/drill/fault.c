// Between a program and the C library: counts the calls that change a disk below DRILL_ROOT, and lets one of them go wrong.
//
//   DRILL_PROGRAM  the program that is meant, by its file's path: what it starts is left alone
//   DRILL_ROOT     the folder; calls elsewhere are passed on
//   DRILL_LOG      a file outside of it: each call (mode list), or the one that went wrong, `number kind path`
//   DRILL_MODE     list; kill n: SIGKILL before call n; torn n: half of that write, then SIGKILL; full n: from call n on
//                  whatever needs room is refused; fail n E: call n alone fails with error number E
//   DRILL_CLOCK    seconds by which the clock of the day is set forward, or back
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum mode { OFF, LIST, KILL, TORN, FULL, FAIL };
enum verdict { PASS, HALF_THEN_DIE, HALF_THEN_PASS, REFUSED };

static enum mode mode = OFF;
static long chosen, refusal, shift;
static char root[PATH_MAX];
static size_t root_length;
static int out = -1;
static atomic_long passed;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

__attribute__((constructor)) static void begin(void) {
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    const char *program = getenv("DRILL_PROGRAM"), *at = getenv("DRILL_ROOT"), *log = getenv("DRILL_LOG");
    const char *how = getenv("DRILL_MODE"), *clock = getenv("DRILL_CLOCK");
    if (length < 0) return;
    own[length] = 0;
    if (!program || strcmp(program, own) != 0) return;
    if (clock) shift = atol(clock);
    if (!at || !how || strlen(at) >= sizeof root) return;
    strcpy(root, at);
    root_length = strlen(root);
    if (log) out = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const char *names[] = {"list", "kill", "torn", "full", "fail"};
    char name[8] = "";
    sscanf(how, "%7s %ld %ld", name, &chosen, &refusal);
    for (int i = 0; i < 5; i++)
        if (strcmp(name, names[i]) == 0) mode = LIST + i;
}

// Whether a path is of the root.
static int below(const char *path) {
    return strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0 && below(path);
}

// The full path of a name relative to an open folder; whether it is of the root.
static int path_at(int folder, const char *name, char *path) {
    if (name[0] == '/' || folder == AT_FDCWD) {
        if (name[0] == '/' || !getcwd(path, PATH_MAX))
            snprintf(path, PATH_MAX, "%s", name);
        else
            snprintf(path + strlen(path), PATH_MAX - strlen(path), "/%s", name);
        return below(path);
    }
    path_of(folder, path);
    size_t length = strlen(path);
    snprintf(path + length, PATH_MAX - length, "/%s", name);
    return below(path);
}

static void note(long number, const char *kind, const char *path) {
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%ld\t%s\t%s\n", number, kind, path);
    if (out >= 0) syscall(SYS_write, out, line, (size_t)length);
}

static void die(void) {
    syscall(SYS_kill, (long)getpid(), (long)SIGKILL);
    for (;;) pause();
}

// What becomes of a call that is of the root. The error number is set where it is refused.
static enum verdict judge(const char *kind, const char *path, int needs_room) {
    int before = errno;
    long number = atomic_fetch_add(&passed, 1) + 1;
    enum verdict verdict = PASS;
    if (mode == LIST || number == chosen) note(number, kind, path);
    if (mode == KILL && number == chosen) die();
    if (mode == TORN && number == chosen) verdict = HALF_THEN_DIE;
    if (mode == FULL && number >= chosen && needs_room) verdict = number == chosen ? HALF_THEN_PASS : REFUSED;
    if (mode == FAIL && number == chosen) verdict = REFUSED;
    errno = verdict == REFUSED ? (mode == FULL ? ENOSPC : (int)refusal) : before;
    return verdict;
}

// A call that has no half: it is done, then the process dies; a disk that is full refuses it.
#define WHOLE(kind, path, room, call)                                   \
    do {                                                                \
        enum verdict verdict = judge(kind, path, room);                 \
        if (verdict == HALF_THEN_PASS) { errno = ENOSPC; return -1; }   \
        if (verdict == REFUSED) return -1;                              \
        __typeof__(call) result = call;                                 \
        if (verdict == HALF_THEN_DIE) die();                            \
        return result;                                                  \
    } while (0)

static int changes(int folder, const char *name, int flags, char *path) {
    return mode != OFF && (flags & (O_CREAT | O_TRUNC)) && path_at(folder, name, path);
}

#define OPEN(function)                                                                          \
    int function(const char *name, int flags, ...) {                                            \
        va_list more;                                                                           \
        va_start(more, flags);                                                                  \
        mode_t rights = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;               \
        va_end(more);                                                                           \
        char path[PATH_MAX];                                                                    \
        if (!changes(AT_FDCWD, name, flags, path)) return REAL(function)(name, flags, rights);  \
        WHOLE("create", path, 1, REAL(function)(name, flags, rights));                          \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(function)                                                                                \
    int function(int folder, const char *name, int flags, ...) {                                        \
        va_list more;                                                                                   \
        va_start(more, flags);                                                                          \
        mode_t rights = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;                       \
        va_end(more);                                                                                   \
        char path[PATH_MAX];                                                                            \
        if (!changes(folder, name, flags, path)) return REAL(function)(folder, name, flags, rights);    \
        WHOLE("create", path, 1, REAL(function)(folder, name, flags, rights));                          \
    }
OPENAT(openat)
OPENAT(openat64)

#define HALVED(kind, count, all, half)                                  \
    do {                                                                \
        char path[PATH_MAX];                                            \
        if (mode == OFF || count == 0 || !path_of(fd, path)) return all; \
        enum verdict verdict = judge(kind, path, 1);                    \
        if (verdict == REFUSED) return -1;                              \
        if (verdict == PASS) return all;                                \
        if (verdict == HALF_THEN_PASS && count == 1) { errno = ENOSPC; return -1; } \
        ssize_t result = half;                                          \
        if (verdict == HALF_THEN_DIE) die();                            \
        return result;                                                  \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t count) {
    HALVED("write", count, REAL(write)(fd, bytes, count), REAL(write)(fd, bytes, count / 2));
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    HALVED("write", count, REAL(pwrite)(fd, bytes, count, at), REAL(pwrite)(fd, bytes, count / 2, at));
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    HALVED("write", count, REAL(pwrite64)(fd, bytes, count, at), REAL(pwrite64)(fd, bytes, count / 2, at));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    HALVED("write", count, REAL(writev)(fd, parts, count), REAL(write)(fd, parts[0].iov_base, parts[0].iov_len / 2));
}
ssize_t copy_file_range(int from, off64_t *at, int fd, off64_t *to, size_t count, unsigned flags) {
    HALVED("write", count, REAL(copy_file_range)(from, at, fd, to, count, flags),
           REAL(copy_file_range)(from, at, fd, to, count / 2, flags));
}

#define OF_FILE(kind, room, call)                               \
    do {                                                        \
        char path[PATH_MAX];                                    \
        if (mode == OFF || !path_of(fd, path)) return call;     \
        WHOLE(kind, path, room, call);                          \
    } while (0)

int fsync(int fd) { OF_FILE("fsync", 0, REAL(fsync)(fd)); }
int fdatasync(int fd) { OF_FILE("fsync", 0, REAL(fdatasync)(fd)); }
int ftruncate(int fd, off_t size) { OF_FILE("truncate", 0, REAL(ftruncate)(fd, size)); }
int ftruncate64(int fd, off64_t size) { OF_FILE("truncate", 0, REAL(ftruncate64)(fd, size)); }

#define OF_NAME(kind, room, folder, name, call)                                 \
    do {                                                                        \
        char path[PATH_MAX];                                                    \
        if (mode == OFF || !path_at(folder, name, path)) return call;           \
        WHOLE(kind, path, room, call);                                          \
    } while (0)

int rename(const char *from, const char *to) { OF_NAME("rename", 0, AT_FDCWD, to, REAL(rename)(from, to)); }
int renameat(int a, const char *from, int b, const char *to) { OF_NAME("rename", 0, b, to, REAL(renameat)(a, from, b, to)); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    OF_NAME("rename", 0, b, to, REAL(renameat2)(a, from, b, to, flags));
}
int unlink(const char *name) { OF_NAME("unlink", 0, AT_FDCWD, name, REAL(unlink)(name)); }
int unlinkat(int folder, const char *name, int flags) { OF_NAME("unlink", 0, folder, name, REAL(unlinkat)(folder, name, flags)); }
int rmdir(const char *name) { OF_NAME("unlink", 0, AT_FDCWD, name, REAL(rmdir)(name)); }
int mkdir(const char *name, mode_t rights) { OF_NAME("mkdir", 1, AT_FDCWD, name, REAL(mkdir)(name, rights)); }
int mkdirat(int folder, const char *name, mode_t rights) { OF_NAME("mkdir", 1, folder, name, REAL(mkdirat)(folder, name, rights)); }
int link(const char *from, const char *to) { OF_NAME("link", 1, AT_FDCWD, to, REAL(link)(from, to)); }
int linkat(int a, const char *from, int b, const char *to, int flags) { OF_NAME("link", 1, b, to, REAL(linkat)(a, from, b, to, flags)); }
int symlink(const char *from, const char *to) { OF_NAME("link", 1, AT_FDCWD, to, REAL(symlink)(from, to)); }

int clock_gettime(clockid_t which, struct timespec *to) {
    int result = syscall(SYS_clock_gettime, which, to);
    if (result == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) to->tv_sec += shift;
    return result;
}
time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *to, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    to->tv_sec = now.tv_sec;
    to->tv_usec = now.tv_nsec / 1000;
    return 0;
}
