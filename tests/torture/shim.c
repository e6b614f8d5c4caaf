/*
 * Stands between a process and its disk and clock.  Loaded with LD_PRELOAD.
 *
 * TORTURE_KNOBS   a file of three 64-bit numbers that may be changed at any time:
 *                 microseconds that an fsync takes longer; bytes that may still be
 *                 written below TORTURE_FOLDER, negative for any number; seconds by
 *                 which the clock is wrong
 * TORTURE_SYNCED  a folder: for each file, by device and inode, how many bytes of it a
 *                 power cut would leave
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SLOWNESS, ROOM, SKEW, KNOBS };

static int64_t still[KNOBS] = {0, -1, 0};
static int64_t *knobs = still;
static const char *synced, *folder;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_clock_gettime)(clockid_t, struct timespec *);

/* A copy: a server writes its title over its environment. */
static const char *keep(const char *name) {
  const char *value = getenv(name);
  return value ? strdup(value) : NULL;
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("TORTURE_KNOBS");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  real_write = REAL(write);
  real_clock_gettime = REAL(clock_gettime);
  synced = keep("TORTURE_SYNCED");
  folder = keep("TORTURE_FOLDER");
  if (fd < 0) return;
  void *map = mmap(NULL, sizeof still, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map != MAP_FAILED) knobs = map;
  close(fd);
}

static int64_t knob(int which) { return __atomic_load_n(&knobs[which], __ATOMIC_RELAXED); }

/* -- the disk */

static int sync_file(int fd, int (*real)(int)) {
  struct stat before;
  int regular = fstat(fd, &before) == 0 && S_ISREG(before.st_mode);
  if (regular && knob(SLOWNESS)) usleep(knob(SLOWNESS));
  int done = real(fd);
  if (done == 0 && regular && synced) {
    char path[512], size[32];
    snprintf(path, sizeof path, "%s/%ju-%ju", synced, (uintmax_t)before.st_dev,
             (uintmax_t)before.st_ino);
    int note = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (note >= 0) {
      /* Always as long, so that a note that is replaced is never read half. */
      int length = snprintf(size, sizeof size, "%020jd", (intmax_t)before.st_size);
      if (real_write(note, size, length) != length) abort();
      close(note);
    }
  }
  return done;
}

int fsync(int fd) { return sync_file(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_file(fd, REAL(fdatasync)); }

static int concerned(int fd) {
  char link[64], path[4096];
  if (!folder) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, folder, strlen(folder)) == 0;
}

ssize_t write(int fd, const void *data, size_t size) {
  if (!real_write) real_write = REAL(write);
  int64_t room = knob(ROOM);
  if (room < 0 || !concerned(fd)) return real_write(fd, data, size);
  if (room == 0) {
    errno = ENOSPC;
    return -1;
  }
  ssize_t done = real_write(fd, data, size < (size_t)room ? size : (size_t)room);
  if (done > 0) {
    /* Space may have returned meanwhile. */
    __atomic_compare_exchange_n(&knobs[ROOM], &room, room - done, 0, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
  }
  return done;
}

/* -- the clock */

int clock_gettime(clockid_t which, struct timespec *now) {
  if (!real_clock_gettime) real_clock_gettime = REAL(clock_gettime);
  int done = real_clock_gettime(which, now);
  if (done == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
    now->tv_sec += knob(SKEW);
  return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec exact;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *result) {
  struct timespec exact;
  if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
  if (result) *result = exact.tv_sec;
  return exact.tv_sec;
}
