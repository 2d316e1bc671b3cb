#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "udp-group.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Room for bursts of outgoing batches until the network takes them. */
enum { SEND_BUFFER = 4 << 20 };

static pthread_mutex_t groups_lock = PTHREAD_MUTEX_INITIALIZER;
static udp_group_t *groups;

double monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- routing of datagrams whose address is not bound ---- */

static uint32_t transaction_slot(const uint8_t *id) {
  return (read32(id) ^ read32(id + 4) ^ read32(id + 8)) % TRANSACTIONS;
}

static bool is_stun_response(const uint8_t *bytes) {
  return read16(bytes) == 0x0101 || read16(bytes) == 0x0111;
}

/* Lock held. A Binding Request's worker by its ufrag, or -1. */
static int by_ufrag(udp_group_t *group, const uint8_t *bytes, int length) {
  int size = 0;
  const uint8_t *ufrag = stun_local_ufrag(bytes, length, &size);
  return ufrag == NULL ? -1 : ufrag_map_get(&group->ufrags, ufrag, size);
}

/* Lock held. */
static int route_unbound(udp_group_t *group, const uint8_t *bytes, int length) {
  if (classify(bytes, length) != KIND_STUN) {
    atomic_fetch_add(&group->unknown_address, 1);
    return -1;
  }
  int worker = -1;
  if (is_stun_response(bytes)) {
    const transaction_t *sent = &group->transactions[transaction_slot(bytes + 8)];
    if (memcmp(sent->id, bytes + 8, 12) == 0) worker = sent->worker;
    if (worker < 0) atomic_fetch_add(&group->unknown_address, 1);
    return worker;
  }
  worker = by_ufrag(group, bytes, length);
  if (worker < 0) atomic_fetch_add(&group->unknown_ufrag, 1);
  return worker;
}

int udp_group_route_unbound(udp_group_t *group, const uint8_t *bytes, int length) {
  pthread_mutex_lock(&group->lock);
  int worker = route_unbound(group, bytes, length);
  pthread_mutex_unlock(&group->lock);
  return worker;
}

void udp_group_bind(udp_group_t *group, const address_t *remote, int worker) {
  if (group->workers == 1) return;
  pthread_mutex_lock(&group->lock);
  address_map_set(&group->addresses, remote, worker);
  pthread_mutex_unlock(&group->lock);
}

void udp_group_unbind(udp_group_t *group, const address_t *remote, int worker) {
  if (group->workers == 1) return;
  pthread_mutex_lock(&group->lock);
  address_map_remove(&group->addresses, remote, worker);
  pthread_mutex_unlock(&group->lock);
}

bool udp_group_add_ufrag(udp_group_t *group, const uint8_t *text, int length, int worker) {
  pthread_mutex_lock(&group->lock);
  bool done = ufrag_map_set(&group->ufrags, text, length, worker);
  pthread_mutex_unlock(&group->lock);
  return done;
}

void udp_group_remove_ufrag(udp_group_t *group, const uint8_t *text, int length, int worker) {
  pthread_mutex_lock(&group->lock);
  ufrag_map_remove(&group->ufrags, text, length, worker);
  pthread_mutex_unlock(&group->lock);
}

void udp_group_expect(udp_group_t *group, const uint8_t *bytes, int length, int worker) {
  if (classify(bytes, length) != KIND_STUN || read16(bytes) != 0x0001) return;
  pthread_mutex_lock(&group->lock);
  transaction_t *slot = &group->transactions[transaction_slot(bytes + 8)];
  memcpy(slot->id, bytes + 8, 12);
  slot->worker = worker;
  pthread_mutex_unlock(&group->lock);
}

/* ---- the receive thread ---- */

typedef struct {
  struct mmsghdr messages[BATCH];
  struct iovec vectors[BATCH];
  struct sockaddr_storage from[BATCH];
  uint8_t bytes[BATCH][MAX_DATAGRAM];
} reader_t;

/* Lock held. False when the ring is full. */
static bool push(ring_t *ring, const address_t *from, const uint8_t *bytes, int length,
                 double arrival) {
  uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
  if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) >= RING_SLOTS) return false;
  ring_slot_t *slot = &ring->slots[head % RING_SLOTS];
  slot->arrival = arrival;
  slot->from = *from;
  slot->length = (uint16_t)length;
  memcpy(slot->bytes, bytes, (size_t)length);
  atomic_store_explicit(&ring->head, head + 1, memory_order_release);
  return true;
}

static void ring_bell(ring_t *ring) {
  uint64_t one = 1;
  if (atomic_exchange(&ring->rung, true)) return;
  /* Cannot fail: the count is 0 or 1. */
  if (write(ring->bell, &one, sizeof one) != sizeof one) atomic_store(&ring->rung, false);
}

void udp_group_answer_bell(udp_group_t *group, int worker) {
  ring_t *ring = &group->rings[worker];
  uint64_t count;
  /* Nothing to read: it was answered before. An exchange, for what was pushed while the bell was
   * still rung must be seen by the read of the ring that follows. */
  if (read(ring->bell, &count, sizeof count) == sizeof count) atomic_exchange(&ring->rung, false);
}

/* Lock held. */
static int route(udp_group_t *group, const address_t *from, const uint8_t *bytes, int length) {
  int worker = address_map_get(&group->addresses, from);
  if (worker < 0) return route_unbound(group, bytes, length);
  /* A peer that came back from the same address may belong to another worker now. */
  if (classify(bytes, length) == KIND_STUN) {
    int named = by_ufrag(group, bytes, length);
    if (named >= 0) worker = named;
  }
  return worker;
}

static void distribute(udp_group_t *group, reader_t *reader, int socket, int count) {
  double arrival = monotonic_ms();
  uint64_t woken = 0;
  pthread_mutex_lock(&group->lock);
  for (int i = 0; i < count; i++) {
    const struct mmsghdr *message = &reader->messages[i];
    int length = (int)message->msg_len;
    if (length == 0 || (message->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      atomic_fetch_add(&group->malformed, 1);
      continue;
    }
    address_t from;
    address_from_sockaddr(&from, &reader->from[i], (uint8_t)socket);
    int worker = route(group, &from, reader->bytes[i], length);
    if (worker < 0) continue;
    if (group->worker[worker].attached &&
        push(&group->rings[worker], &from, reader->bytes[i], length, arrival))
      woken |= (uint64_t)1 << worker;
    else
      atomic_fetch_add(&group->ring_full[worker], 1);
  }
  for (int worker = 0; worker < group->workers; worker++)
    if ((woken >> worker & 1) != 0) ring_bell(&group->rings[worker]);
  pthread_mutex_unlock(&group->lock);
}

static void *receive_thread(void *argument) {
  udp_group_t *group = argument;
  reader_t *reader = calloc(1, sizeof *reader);
  if (reader == NULL) return NULL;
  struct pollfd polled[MAX_SOCKETS + 1];
  for (int i = 0; i < group->sockets; i++)
    polled[i] = (struct pollfd){.fd = group->fds[i], .events = POLLIN};
  polled[group->sockets] = (struct pollfd){.fd = group->stop_fd, .events = POLLIN};
  for (;;) {
    /* Short of memory for a moment: an event that is missed now is still there the next time. */
    if (poll(polled, (nfds_t)group->sockets + 1, -1) < 0) {
      if (errno != EINTR) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
      continue;
    }
    if (polled[group->sockets].revents != 0) break;
    for (int socket = 0; socket < group->sockets; socket++) {
      if (polled[socket].revents == 0) continue;
      for (int i = 0; i < BATCH; i++) {
        reader->vectors[i] = (struct iovec){reader->bytes[i], MAX_DATAGRAM};
        reader->messages[i].msg_hdr = (struct msghdr){.msg_name = &reader->from[i],
                                                      .msg_namelen = sizeof reader->from[i],
                                                      .msg_iov = &reader->vectors[i],
                                                      .msg_iovlen = 1};
      }
      int count = recvmmsg(group->fds[socket], reader->messages, BATCH, MSG_DONTWAIT, NULL);
      if (count > 0) distribute(group, reader, socket, count);
    }
  }
  free(reader);
  return NULL;
}

/* ---- opening and closing ---- */

static int open_socket(bind_result_t *result, int receive_buffer) {
  struct sockaddr_storage address;
  socklen_t size = address_to_sockaddr(&result->address, &address);
  int one = 1, send_buffer = SEND_BUFFER;
  int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    result->error = errno;
    return -1;
  }
  if (address.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  /* The privileged form passes net.core.rmem_max; without the privilege the kernel caps it. */
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer, sizeof send_buffer) != 0)
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
  if (bind(fd, (struct sockaddr *)&address, size) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
    result->error = errno;
    close(fd);
    return -1;
  }
  address_from_sockaddr(&result->address, &address, 0);
  return fd;
}

static void group_free(udp_group_t *group) {
  for (int i = 0; i < group->sockets; i++) close(group->fds[i]);
  for (int i = 0; i < group->workers; i++) {
    free(group->rings[i].slots);
    if (group->rings[i].bell >= 0) close(group->rings[i].bell);
  }
  if (group->stop_fd >= 0) close(group->stop_fd);
  address_map_free(&group->addresses);
  ufrag_map_free(&group->ufrags);
  pthread_mutex_destroy(&group->lock);
  free(group->name);
  free(group);
}

static udp_group_t *group_open(const char *name, bind_result_t *results, int count,
                               int receive_buffer, int workers) {
  udp_group_t *group = calloc(1, sizeof *group);
  if (group == NULL) return NULL;
  pthread_mutex_init(&group->lock, NULL);
  group->workers = workers;
  group->stop_fd = -1;
  for (int i = 0; i < workers; i++) group->rings[i].bell = -1;
  for (int i = 0; i < TRANSACTIONS; i++) group->transactions[i].worker = -1;
  for (int i = 0; i < count && group->sockets < MAX_SOCKETS; i++) {
    int fd = open_socket(&results[i], receive_buffer);
    if (fd < 0) continue;
    results[i].address.socket = (uint8_t)group->sockets;
    group->local[group->sockets] = results[i].address;
    group->fds[group->sockets++] = fd;
  }
  int segment = 0;
  socklen_t segment_size = sizeof segment;
  group->runs = group->sockets > 0 && getsockopt(group->fds[0], SOL_UDP, UDP_SEGMENT, &segment,
                                                 &segment_size) == 0;
  group->name = strdup(name);
  bool ready = group->sockets > 0 && group->name != NULL && address_map_init(&group->addresses) &&
               ufrag_map_init(&group->ufrags);
  if (ready && workers > 1) {
    for (int i = 0; i < workers; i++) {
      ring_t *ring = &group->rings[i];
      ready = ready && (ring->slots = calloc(RING_SLOTS, sizeof(ring_slot_t))) != NULL &&
              (ring->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) >= 0;
    }
    group->stop_fd = eventfd(0, EFD_CLOEXEC);
    ready = ready && group->stop_fd >= 0 &&
            pthread_create(&group->thread, NULL, receive_thread, group) == 0;
    group->threaded = ready;
  }
  if (ready) return group;
  group_free(group);
  return NULL;
}

udp_group_t *udp_group_attach(const char *name, bind_result_t *results, int count,
                              int receive_buffer, int worker, int workers) {
  pthread_mutex_lock(&groups_lock);
  udp_group_t *group = groups;
  while (group != NULL && strcmp(group->name, name) != 0) group = group->next;
  if (group == NULL) {
    group = group_open(name, results, count, receive_buffer, workers);
    if (group != NULL) {
      group->next = groups;
      groups = group;
    }
  } else if (group->workers != workers || group->worker[worker].attached) {
    group = NULL;
  }
  if (group != NULL) {
    group->references++;
    pthread_mutex_lock(&group->lock);
    group->worker[worker].attached = true;
    pthread_mutex_unlock(&group->lock);
  }
  pthread_mutex_unlock(&groups_lock);
  return group;
}

void udp_group_detach(udp_group_t *group, int worker) {
  pthread_mutex_lock(&groups_lock);
  pthread_mutex_lock(&group->lock);
  group->worker[worker].attached = false;
  /* A worker that died took nothing back: what it leaves would route datagrams to nobody. */
  ufrag_map_remove_all(&group->ufrags, worker);
  address_map_remove_all(&group->addresses, worker);
  for (int i = 0; i < TRANSACTIONS; i++)
    if (group->transactions[i].worker == worker) group->transactions[i].worker = -1;
  pthread_mutex_unlock(&group->lock);
  if (--group->references == 0) {
    udp_group_t **link = &groups;
    while (*link != group) link = &(*link)->next;
    *link = group->next;
    if (group->threaded) {
      uint64_t one = 1;
      if (write(group->stop_fd, &one, sizeof one) == sizeof one) pthread_join(group->thread, NULL);
    }
    group_free(group);
  }
  pthread_mutex_unlock(&groups_lock);
}
