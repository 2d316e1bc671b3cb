/*
 * Put before libc by LD_PRELOAD: sendmmsg, recvmmsg, poll, and sendmmsg of messages with control data fail
 * as the file SEND_FAULTS says, a table of {errno, times} for each of them in that order. Its last row
 * counts what was sent: {messages, those of them with control data}.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  volatile int32_t code;
  volatile int32_t times;
} fault_t;

static fault_t *faults;

__attribute__((constructor)) static void map_faults(void) {
  const char *path = getenv("SEND_FAULTS");
  int fd = path == NULL ? -1 : open(path, O_RDWR);
  if (fd < 0) return;
  void *map = mmap(NULL, 5 * sizeof(fault_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (map != MAP_FAILED) faults = map;
}

static int fails(int which) {
  if (faults == NULL || faults[which].times <= 0) return 0;
  faults[which].times--;
  errno = faults[which].code;
  return 1;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
  static int (*real)(int, struct mmsghdr *, unsigned, int);
  if (real == NULL) real = dlsym(RTLD_NEXT, "sendmmsg");
  if (messages[0].msg_hdr.msg_controllen > 0 && fails(3)) return -1;
  if (fails(0)) return -1;
  int sent = real(fd, messages, count, flags);
  for (int i = 0; faults != NULL && i < sent; i++) {
    faults[4].code++;
    faults[4].times += messages[i].msg_hdr.msg_controllen > 0;
  }
  return sent;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
  static int (*real)(int, struct mmsghdr *, unsigned, int, struct timespec *);
  if (real == NULL) real = dlsym(RTLD_NEXT, "recvmmsg");
  return fails(1) ? -1 : real(fd, messages, count, flags, timeout);
}

int poll(struct pollfd *polled, nfds_t count, int timeout) {
  static int (*real)(struct pollfd *, nfds_t, int);
  if (real == NULL) real = dlsym(RTLD_NEXT, "poll");
  return fails(2) ? -1 : real(polled, count, timeout);
}
