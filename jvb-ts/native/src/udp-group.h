/*
 * The sockets of the single port, shared by the media workers of a process. Reference-counted:
 * the first worker opens them, the last one closes them.
 *
 * With one worker, that worker reads the sockets. With several, one thread reads them and hands
 * each datagram to a worker through a ring with one producer and one consumer. It chooses
 * by the ufrag of a Binding Request, by the transaction of a STUN response, and otherwise by the
 * remote address. Every worker sends on the sockets itself.
 */
#ifndef JVB_UDP_GROUP_H
#define JVB_UDP_GROUP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "wire.h"

enum { MAX_SOCKETS = 32, MAX_WORKERS = 64, RING_SLOTS = 2048, TRANSACTIONS = 4096 };

typedef struct {
  double arrival; /* CLOCK_MONOTONIC, ms */
  address_t from;
  uint16_t length;
  uint8_t bytes[MAX_DATAGRAM];
} ring_slot_t;

/* Single producer, single consumer; each side writes only its own index. */
typedef struct {
  ring_slot_t *slots;
  _Alignas(64) _Atomic uint32_t head; /* next to write, producer's */
  _Alignas(64) _Atomic uint32_t tail; /* next to read, consumer's */
  _Alignas(64) _Atomic bool rung;     /* the consumer has not answered the bell yet */
  int bell;                           /* eventfd, readable: there is something to read */
} ring_t;

/* A Binding Request some worker sent: its response comes from an address that is not bound yet. */
typedef struct {
  uint8_t id[12];
  int32_t worker; /* -1: empty */
} transaction_t;

typedef struct udp_group {
  struct udp_group *next;
  char *name;
  int references;
  int workers;

  int sockets;
  int fds[MAX_SOCKETS];
  address_t local[MAX_SOCKETS];
  bool runs; /* the kernel knows UDP_SEGMENT; an older one would send a run as one datagram */

  /* Guards everything below; the receive thread holds it for one batch at a time. */
  pthread_mutex_t lock;
  address_map_t addresses; /* remote address to worker; only with several workers */
  ufrag_map_t ufrags;      /* local ufrag to worker */
  transaction_t transactions[TRANSACTIONS];
  struct {
    bool attached;
  } worker[MAX_WORKERS];

  ring_t rings[MAX_WORKERS];
  pthread_t thread;
  bool threaded;
  int stop_fd;
  _Atomic uint64_t unknown_address, unknown_ufrag, malformed, ring_full[MAX_WORKERS];
} udp_group_t;

typedef struct {
  address_t address;
  int error; /* errno; 0 when bound */
} bind_result_t;

/*
 * Joins the group `name`, opening it when it does not exist. `results` tells how each of the
 * `count` addresses fared. NULL when none could be bound, or `worker` is attached already.
 */
udp_group_t *udp_group_attach(const char *name, bind_result_t *results, int count,
                              int receive_buffer, int worker, int workers);
void udp_group_detach(udp_group_t *group, int worker);
/* To be called when a ring's bell is readable, before the ring is read. */
void udp_group_answer_bell(udp_group_t *group, int worker);

/* Where a datagram from an address that the reading worker has not bound belongs: a worker, or -1
 * (counted). Takes the lock. */
int udp_group_route_unbound(udp_group_t *group, const uint8_t *bytes, int length);
void udp_group_bind(udp_group_t *group, const address_t *remote, int worker);
void udp_group_unbind(udp_group_t *group, const address_t *remote, int worker);
bool udp_group_add_ufrag(udp_group_t *group, const uint8_t *text, int length, int worker);
void udp_group_remove_ufrag(udp_group_t *group, const uint8_t *text, int length, int worker);
/* Remembers a STUN request about to be sent, so that its response finds `worker`. */
void udp_group_expect(udp_group_t *group, const uint8_t *bytes, int length, int worker);

double monotonic_ms(void);

#endif
