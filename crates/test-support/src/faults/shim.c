/* Makes some of the calls fail by which a process changes the files below one directory.
 *
 * In: FAULT_ROOT, the directory; FAULT_ARM, a file: calls count once it exists; FAULT_KIND, which calls count;
 * FAULT_FROM, the number of the first call that fails, from 1; FAULT_COUNT, how many fail from there on; FAULT_ERROR,
 * with which number, 0 for syncs that fail and say that they did not; FAULT_SHORT, when not empty: the first of them writes half and the others fail. Out: FAULT_TRACE,
 * a line for each call that counted: "ok" or "fail", the kind, and the path below the root. Everything else does what
 * it would do without us.
 *
 * As in the kernel, a failed sync is told to every descriptor that the file has at that moment, once. It does nothing to
 * the bytes: what a sync that failed had not written is another test's concern, which cuts the power.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS_MAX 4096
#define PATH_ROOM 4096
#define REAL(name) ((__typeof__(&name))real(#name))

enum verdict { PASS, FAIL, HALF };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *root, *arm, *kind;
static size_t root_length;
static long first, many, seen;
static int error_number, is_short, is_armed, trace = -1;
static int owed[FDS_MAX];

static void give_up(const char *why) {
    dprintf(2, "fault shim: %s\n", why);
    abort();
}

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        give_up(name);
    return found;
}

static const char *setting(const char *name) {
    const char *value = getenv(name);
    if (value == NULL)
        give_up(name);
    return value;
}

static void start(void) {
    root = setting("FAULT_ROOT");
    root_length = strlen(root);
    arm = setting("FAULT_ARM");
    kind = setting("FAULT_KIND");
    first = atol(setting("FAULT_FROM"));
    many = atol(setting("FAULT_COUNT"));
    error_number = atoi(setting("FAULT_ERROR"));
    is_short = *setting("FAULT_SHORT") != 0;
    trace = (int)syscall(SYS_openat, AT_FDCWD, setting("FAULT_TRACE"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace < 0)
        give_up("cannot open the trace");
}

/* The path below the root, or NULL when it is elsewhere. */
static const char *below(const char *path) {
    if (strncmp(path, root, root_length) != 0 || (path[root_length] != 0 && path[root_length] != '/'))
        return NULL;
    return path + root_length + (path[root_length] == '/');
}

static void note(const char *verdict, const char *what, const char *name) {
    char line[PATH_ROOM + 32];
    int length = snprintf(line, sizeof line, "%s %s %s\n", verdict, what, name);
    if (syscall(SYS_write, trace, line, (size_t)length) != length)
        give_up("cannot write the trace");
}

/* Counts a call on this path and says what is to become of it; errno is set when it is to fail. */
static enum verdict judge(const char *what, const char *path) {
    int saved = errno;
    enum verdict verdict = PASS;
    pthread_once(&once, start);
    const char *name = below(path);
    if (name != NULL) {
        pthread_mutex_lock(&lock);
        if (!is_armed)
            is_armed = syscall(SYS_faccessat, AT_FDCWD, arm, F_OK) == 0;
        if (is_armed) {
            long place = strcmp(kind, what) == 0 ? ++seen - first : -1;
            if (0 <= place && place < many)
                verdict = is_short && place == 0 ? HALF : FAIL;
            note(verdict == PASS ? "ok" : "fail", what, name);
        }
        pthread_mutex_unlock(&lock);
    }
    errno = verdict == FAIL ? error_number : saved;
    return verdict;
}

/* The same for a call on an open file. */
static enum verdict judge_open(const char *what, int fd) {
    int saved = errno;
    char link[64], path[PATH_ROOM];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (length <= 0 || path[0] != '/')
        return PASS;
    path[length] = 0;
    return judge(what, path);
}

/* The same for a path that may be relative to a directory. */
static enum verdict judge_at(const char *what, int dir, const char *path) {
    char room[PATH_ROOM], whole[2 * PATH_ROOM];
    if (path[0] == '/')
        return judge(what, path);
    int saved = errno;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    ssize_t length = readlink(dir == AT_FDCWD ? "/proc/self/cwd" : link, room, sizeof room - 1);
    errno = saved;
    if (length <= 0)
        return PASS;
    room[length] = 0;
    snprintf(whole, sizeof whole, "%s/%s", room, path);
    return judge(what, whole);
}

#define OPEN_BODY(dir)                                                                                              \
    va_list arguments;                                                                                              \
    va_start(arguments, flags);                                                                                     \
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;                                  \
    va_end(arguments);                                                                                              \
    return judge_at("open", dir, path) == FAIL ? -1 : (int)syscall(SYS_openat, dir, path, flags | O_LARGEFILE, mode)

int open(const char *path, int flags, ...) { OPEN_BODY(AT_FDCWD); }
int open64(const char *path, int flags, ...) { OPEN_BODY(AT_FDCWD); }
int openat(int dir, const char *path, int flags, ...) { OPEN_BODY(dir); }
int openat64(int dir, const char *path, int flags, ...) { OPEN_BODY(dir); }

DIR *opendir(const char *path) {
    return judge_at("open", AT_FDCWD, path) == FAIL ? NULL : REAL(opendir)(path);
}

int close(int fd) {
    if (0 <= fd && fd < FDS_MAX)
        owed[fd] = 0;
    return (int)syscall(SYS_close, fd);
}

static size_t part(enum verdict verdict, size_t length) {
    return verdict == HALF && 1 < length ? length / 2 : length;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    enum verdict verdict = judge_open("write", fd);
    return verdict == FAIL ? -1 : syscall(SYS_write, fd, bytes, part(verdict, count));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    enum verdict verdict = judge_open("write", fd);
    return verdict == FAIL ? -1 : syscall(SYS_pwrite64, fd, bytes, part(verdict, count), offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    enum verdict verdict = judge_open("write", fd);
    if (verdict == HALF)
        return syscall(SYS_write, fd, pieces[0].iov_base, part(verdict, pieces[0].iov_len));
    return verdict == FAIL ? -1 : syscall(SYS_writev, fd, pieces, count);
}

int ftruncate64(int fd, off64_t length) {
    return judge_open("truncate", fd) == FAIL ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    return judge_open("allocate", fd) == FAIL ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, length);
}
int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }
int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    return fallocate64(fd, 0, offset, length) == 0 ? 0 : errno;
}
int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }

/* The other descriptors of a file whose sync failed fail once, too. */
static void owe(int failed) {
    struct stat its, other;
    if (fstat(failed, &its) != 0)
        return;
    for (int fd = 0; fd < FDS_MAX; fd++)
        if (fd != failed && fstat(fd, &other) == 0 && other.st_dev == its.st_dev && other.st_ino == its.st_ino)
            owed[fd] = error_number;
}

static int synced(int fd, long call) {
    enum verdict verdict = judge_open("sync", fd);
    if (verdict != FAIL && 0 <= fd && fd < FDS_MAX && owed[fd] != 0) {
        errno = owed[fd];
        owed[fd] = 0;
        return -1;
    }
    if (verdict == FAIL) {
        if (error_number == 0)
            return 0;
        owe(fd);
        errno = error_number;
        return -1;
    }
    return (int)syscall(call, fd);
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }
int syncfs(int fd) { return synced(fd, SYS_syncfs); }

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    return judge_at("rename", to_dir, to) == FAIL ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}
int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    return renameat2(from_dir, from, to_dir, to, 0);
}
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int dir, const char *path, int flags) {
    return judge_at("unlink", dir, path) == FAIL ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int dir, const char *path, mode_t mode) {
    return judge_at("mkdir", dir, path) == FAIL ? -1 : (int)syscall(SYS_mkdirat, dir, path, mode);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
