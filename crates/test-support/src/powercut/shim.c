/* Records what a process does to the files below one directory, in the order in which it happens.
 *
 * In: POWERCUT_ROOT, the directory, and POWERCUT_TRACE, the file to append records to; both absolute paths.
 * Out: the trace. A change and its record are made under one lock, so the trace has the true order. A sync has a
 * record before and one after it: only what was changed before its beginning is durable at its end.
 * sync_file_range is no sync and so is not seen at all. Every call does what it would do without us.
 *
 * A record: kind u32, handle u32, a u64, b u64, length u64, all big-endian, then that many bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, TRUNCATE, ALLOCATE, SYNC_BEGIN, SYNC_END, RENAME, UNLINK, MKDIR, RMDIR };

#define FDS_MAX 65536
#define EVERYTHING 0xffffffffu
#define PATH_ROOM 4096
#define REAL(name) ((__typeof__(&name))real(#name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t handles[FDS_MAX];
static uint32_t next_handle = 1;
static uint64_t next_sync = 1;
static char root[PATH_ROOM];
static size_t root_length;
static int trace = -1;

static void give_up(const char *why) {
    dprintf(2, "powercut shim: %s\n", why);
    abort();
}

static void start(void) {
    const char *dir = getenv("POWERCUT_ROOT");
    const char *file = getenv("POWERCUT_TRACE");
    if (dir == NULL || file == NULL)
        return;
    root_length = strlen(dir);
    if (PATH_ROOM <= root_length)
        give_up("the root's path is too long");
    memcpy(root, dir, root_length + 1);
    trace = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace < 0)
        give_up("cannot open the trace");
}

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        give_up(name);
    return found;
}

/* Takes the lock; errno is the caller's. */
static void enter(void) {
    int saved = errno;
    pthread_once(&once, start);
    pthread_mutex_lock(&lock);
    errno = saved;
}

static void leave(void) {
    pthread_mutex_unlock(&lock);
}

static void append(const void *from, size_t length) {
    const char *bytes = from;
    while (0 < length) {
        long written = syscall(SYS_write, trace, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            give_up("cannot write the trace");
        bytes += written;
        length -= (size_t)written;
    }
}

static void record(uint32_t kind, uint32_t handle, uint64_t a, uint64_t b, const void *bytes, size_t length) {
    int saved = errno;
    struct {
        uint32_t kind, handle;
        uint64_t a, b, length;
    } head = {htobe32(kind), htobe32(handle), htobe64(a), htobe64(b), htobe64(length)};
    append(&head, sizeof head);
    append(bytes, length);
    errno = saved;
}

/* The path below the root, or NULL when it is elsewhere. */
static const char *below(int dir, const char *path, char *room) {
    int saved = errno;
    if (trace < 0 || path == NULL)
        return NULL;
    size_t used = 0;
    if (path[0] != '/') {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        ssize_t length = readlink(dir == AT_FDCWD ? "/proc/self/cwd" : link, room, PATH_ROOM - 2);
        if (length < 0) {
            errno = saved;
            return NULL;
        }
        used = (size_t)length;
        room[used++] = '/';
    }
    snprintf(room + used, PATH_ROOM - used, "%s", path);
    errno = saved;
    size_t length = strlen(room);
    while (1 < length && room[length - 1] == '/')
        room[--length] = 0;
    if (strncmp(room, root, root_length) != 0)
        return NULL;
    if (room[root_length] == 0)
        return room + root_length;
    return room[root_length] == '/' ? room + root_length + 1 : NULL;
}

static uint32_t handle_of(int fd) {
    return 0 <= fd && fd < FDS_MAX ? handles[fd] : 0;
}

static void bind_fd(int fd, uint32_t handle) {
    if (0 <= fd && fd < FDS_MAX)
        handles[fd] = handle;
    else if (handle != 0)
        give_up("too many files");
}

static int open_recorded(int dir, const char *path, int flags, mode_t mode) {
    enter();
    int fd = REAL(openat)(dir, path, flags, mode);
    char room[PATH_ROOM];
    const char *name = 0 <= fd ? below(dir, path, room) : NULL;
    if (0 <= fd)
        bind_fd(fd, 0);
    if (name != NULL) {
        uint32_t handle = next_handle++;
        bind_fd(fd, handle);
        record(OPEN, handle, (uint64_t)flags, 0, name, strlen(name));
    }
    leave();
    return fd;
}

static mode_t mode_from(int flags, va_list arguments) {
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN_BODY(dir)                                                                                              \
    va_list arguments;                                                                                              \
    va_start(arguments, flags);                                                                                     \
    mode_t mode = mode_from(flags, arguments);                                                                      \
    va_end(arguments);                                                                                              \
    return open_recorded(dir, path, flags, mode)

int open(const char *path, int flags, ...) { OPEN_BODY(AT_FDCWD); }
int open64(const char *path, int flags, ...) { OPEN_BODY(AT_FDCWD); }
int openat(int dir, const char *path, int flags, ...) { OPEN_BODY(dir); }
int openat64(int dir, const char *path, int flags, ...) { OPEN_BODY(dir); }

int creat(const char *path, mode_t mode) {
    return open_recorded(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int close(int fd) {
    enter();
    bind_fd(fd, 0);
    int result = REAL(close)(fd);
    leave();
    return result;
}

static int bind_copy(int fd, int copy) {
    if (0 <= copy && copy != fd)
        bind_fd(copy, handle_of(fd));
    return copy;
}

int dup(int fd) {
    enter();
    int copy = bind_copy(fd, REAL(dup)(fd));
    leave();
    return copy;
}

int dup2(int fd, int to) {
    enter();
    int copy = bind_copy(fd, REAL(dup2)(fd, to));
    leave();
    return copy;
}

int dup3(int fd, int to, int flags) {
    enter();
    int copy = bind_copy(fd, REAL(dup3)(fd, to, flags));
    leave();
    return copy;
}

static int fcntl_recorded(int fd, int command, void *argument) {
    if (command != F_DUPFD && command != F_DUPFD_CLOEXEC)
        return REAL(fcntl)(fd, command, argument);
    enter();
    int copy = bind_copy(fd, REAL(fcntl)(fd, command, argument));
    leave();
    return copy;
}

#define FCNTL_BODY                                                                                                  \
    va_list arguments;                                                                                              \
    va_start(arguments, command);                                                                                   \
    void *argument = va_arg(arguments, void *);                                                                     \
    va_end(arguments);                                                                                              \
    return fcntl_recorded(fd, command, argument)

int fcntl(int fd, int command, ...) { FCNTL_BODY; }
int fcntl64(int fd, int command, ...) { FCNTL_BODY; }

ssize_t write(int fd, const void *bytes, size_t count) {
    enter();
    uint32_t handle = handle_of(fd);
    off_t offset = 0;
    if (handle != 0) {
        struct stat about;
        int is_appending = fcntl_recorded(fd, F_GETFL, NULL) & O_APPEND;
        offset = is_appending && fstat(fd, &about) == 0 ? about.st_size : lseek(fd, 0, SEEK_CUR);
    }
    ssize_t written = REAL(write)(fd, bytes, count);
    if (handle != 0 && 0 < written)
        record(WRITE, handle, (uint64_t)offset, 0, bytes, (size_t)written);
    leave();
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    enter();
    ssize_t written = REAL(pwrite64)(fd, bytes, count, offset);
    uint32_t handle = handle_of(fd);
    if (handle != 0 && 0 < written)
        record(WRITE, handle, (uint64_t)offset, 0, bytes, (size_t)written);
    leave();
    return written;
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

/* A short write is a legal one. */
ssize_t writev(int fd, const struct iovec *pieces, int count) {
    for (int piece = 0; piece < count; piece++)
        if (0 < pieces[piece].iov_len)
            return write(fd, pieces[piece].iov_base, pieces[piece].iov_len);
    return 0;
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset) {
    for (int piece = 0; piece < count; piece++)
        if (0 < pieces[piece].iov_len)
            return pwrite64(fd, pieces[piece].iov_base, pieces[piece].iov_len, offset);
    return 0;
}
ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
    return pwritev64(fd, pieces, count, offset);
}

int ftruncate64(int fd, off64_t length) {
    enter();
    int result = REAL(ftruncate64)(fd, length);
    uint32_t handle = handle_of(fd);
    if (handle != 0 && result == 0)
        record(TRUNCATE, handle, (uint64_t)length, 0, NULL, 0);
    leave();
    return result;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    enter();
    uint32_t handle = handle_of(fd);
    if (handle != 0 && mode != 0)
        give_up("this kind of fallocate is not modeled");
    int result = REAL(fallocate64)(fd, mode, offset, length);
    if (handle != 0 && result == 0)
        record(ALLOCATE, handle, (uint64_t)offset, (uint64_t)length, NULL, 0);
    leave();
    return result;
}
int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    return fallocate64(fd, 0, offset, length) == 0 ? 0 : errno;
}
int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }

static int synced(uint32_t handle, int fd, int (*call)(int)) {
    enter();
    uint64_t number = next_sync++;
    if (handle == 0)
        handle = handle_of(fd);
    if (handle != 0)
        record(SYNC_BEGIN, handle, number, 0, NULL, 0);
    leave();
    int result = call(fd);
    enter();
    if (handle != 0 && result == 0)
        record(SYNC_END, handle, number, 0, NULL, 0);
    leave();
    return result;
}

int fsync(int fd) { return synced(0, fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(0, fd, REAL(fdatasync)); }
int syncfs(int fd) { return synced(EVERYTHING, fd, REAL(syncfs)); }

static int renamed(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    enter();
    char from_room[PATH_ROOM], to_room[PATH_ROOM];
    const char *old_name = below(from_dir, from, from_room), *new_name = below(to_dir, to, to_room);
    if ((old_name == NULL) != (new_name == NULL) || (old_name != NULL && flags != 0))
        give_up("this kind of rename is not modeled");
    int result = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    if (old_name != NULL && result == 0) {
        char both[2 * PATH_ROOM];
        int length = snprintf(both, sizeof both, "%s%c%s", old_name, 0, new_name);
        record(RENAME, 0, 0, 0, both, (size_t)length);
    }
    leave();
    return result;
}

int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    return renamed(from_dir, from, to_dir, to, 0);
}
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    return renamed(from_dir, from, to_dir, to, flags);
}

static int named(uint32_t kind, int dir, const char *path, int result) {
    char room[PATH_ROOM];
    const char *name = result == 0 ? below(dir, path, room) : NULL;
    if (name != NULL)
        record(kind, 0, 0, 0, name, strlen(name));
    return result;
}

int unlinkat(int dir, const char *path, int flags) {
    enter();
    int result = named(flags & AT_REMOVEDIR ? RMDIR : UNLINK, dir, path, REAL(unlinkat)(dir, path, flags));
    leave();
    return result;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int dir, const char *path, mode_t mode) {
    enter();
    int result = named(MKDIR, dir, path, REAL(mkdirat)(dir, path, mode));
    leave();
    return result;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

static int not_modeled(int from_dir, const char *from, int to_dir, const char *to) {
    enter();
    char room[PATH_ROOM];
    if (below(from_dir, from, room) != NULL || below(to_dir, to, room) != NULL)
        give_up("links are not modeled");
    leave();
    return 0;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    not_modeled(from_dir, from, to_dir, to);
    return REAL(linkat)(from_dir, from, to_dir, to, flags);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int truncate64(const char *path, off64_t length) {
    not_modeled(AT_FDCWD, path, AT_FDCWD, path);
    return REAL(truncate64)(path, length);
}
int truncate(const char *path, off_t length) { return truncate64(path, length); }
