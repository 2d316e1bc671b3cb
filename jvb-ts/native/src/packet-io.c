#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "packet-io.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "address.h"
#include "js.h"
#include "srtp.h"
#include "udp-group.h"
#include "waiter.h"
#include "wire.h"

/* Rows of a slab registered once; the references keep the memory where it is. */
enum { MAX_SLABS = 8, RX_COLUMNS = 11, TX_COLUMNS = 6 };
/* Addresses one session may have at a time: more than an ICE agent has candidate pairs. */
enum { MAX_BOUND = 128 };
/* A closed session's number rests until so many others were closed, so that rows on their way with
 * the old number meet nobody else. */
enum { REST = 64 };

typedef struct {
  uint8_t *bytes;
  int32_t *offset, *length, *session;
  uint8_t *kind, *status, *socket, *family, *address;
  uint16_t *port;
  double *arrival;
} rx_slab_t;

typedef struct {
  uint8_t *bytes;
  int32_t *offset, *length, *session;
  uint8_t *kind, *result;
} tx_slab_t;

/* Media that overtook the end of the DTLS handshake, kept until the keys come: so many bytes of a
 * session and in all, each packet with what it costs beside its own bytes, and for so long. Whoever
 * never shakes hands must not use up what others need (spec benchmarks-and-faults X2). */
enum { MAX_EARLY_BYTES = 64 * 1024, MAX_EARLY_BYTES_IN_ALL = 16 * 1024 * 1024 };
enum { EARLY_OVERHEAD = 64, MAX_EARLY_AGE_MS = 2000, EARLY_SWEEP_MS = 100 };

typedef struct early {
  struct early *next;
  double arrival;
  address_t from;
  int length;
  uint8_t bytes[];
} early_t;

typedef struct {
  srtp_session_t *srtp;
  early_t *early, **early_end;
  int early_bytes;
  struct sockaddr_storage destination;
  socklen_t destination_size; /* 0: none selected */
  address_t selected;
  int destination_socket;
  int bound_count;
  address_t bound[MAX_BOUND];
} session_t;

enum {
  RECEIVED,
  RECEIVED_BYTES,
  SENT,
  SENT_BYTES,
  UNKNOWN_ADDRESS,
  UNKNOWN_UFRAG,
  MALFORMED,
  NO_KEYS,
  AUTH_FAILED,
  REPLAYED,
  RING_FULL,
  SEND_UNREADY,
  SEND_CONGESTED,
  SEND_REFUSED,
  REPEATED_INDEX,
  REFUSED_REPEAT,
  COUNTERS,
};

typedef struct packet_io {
  struct packet_io *next;
  napi_env env;
  int handles; /* open uv handles */
  bool orphan; /* the environment is gone */
  bool closed;
  napi_ref on_readable;
  napi_async_context async;
  napi_async_cleanup_hook_handle hook;

  udp_group_t *group;
  int worker;
  double clock_offset; /* Clock.now() minus CLOCK_MONOTONIC, ms */
  uv_async_t wake;
  waiter_t *waiter;
  bool only_media;    /* since the last notification */
  uint32_t readable;  /* sockets that may have datagrams */
  uint32_t read_last; /* the one that was read last */
  uint8_t *more;     /* for JavaScript: `receive` may find something */
  int next_socket;

  address_map_t addresses; /* remote address to session */
  session_t **sessions;
  int session_capacity;
  int32_t *resting; /* ring of closed numbers */
  int resting_head, resting_count;
  int session_top;

  bool early_ready; /* a session with keys has early packets */
  int early_bytes;
  double early_swept;

  rx_slab_t rx[MAX_SLABS];
  tx_slab_t tx[MAX_SLABS];
  int rx_count, tx_count;
  napi_ref columns[MAX_SLABS * (RX_COLUMNS + TX_COLUMNS) + 1];
  int column_count;

  const rx_slab_t *rx_prepared; /* of this slab are the messages, but for the first `rx_used` */
  int rx_used;
  struct mmsghdr rx_messages[BATCH];
  struct iovec rx_vectors[BATCH];
  struct sockaddr_storage rx_from[BATCH];
  struct mmsghdr tx_messages[TX_SLOTS];
  struct iovec tx_vectors[TX_SLOTS];
  uint16_t tx_rows[TX_SLOTS];
  int8_t tx_sockets[TX_SLOTS];

  uint64_t counters[COUNTERS];
} packet_io_t;

/* ---- life ---- */

/* Takes out the oldest; the caller frees it. */
static early_t *shift_early(packet_io_t *io, session_t *session) {
  early_t *early = session->early;
  session->early = early->next;
  session->early_bytes -= early->length + EARLY_OVERHEAD;
  io->early_bytes -= early->length + EARLY_OVERHEAD;
  return early;
}

/* Drops what came before that time. */
static void drop_early(packet_io_t *io, session_t *session, double before) {
  while (session->early != NULL && session->early->arrival < before) {
    free(shift_early(io, session));
    io->counters[NO_KEYS]++;
  }
}

static void free_session(packet_io_t *io, session_t *session) {
  drop_early(io, session, INFINITY);
  srtp_free(session->srtp);
  free(session);
}

/* Freed when neither the environment's functions nor a uv handle can come back to it. */
static void release(packet_io_t *io) {
  if (io->handles > 0 || !io->orphan) return;
  for (int i = 0; i < io->session_top; i++) {
    if (io->sessions[i] != NULL) free_session(io, io->sessions[i]);
  }
  free(io->sessions);
  free(io->resting);
  address_map_free(&io->addresses);
  free(io);
}

static void on_handle_closed(uv_handle_t *handle) {
  packet_io_t *io = handle->data;
  if (--io->handles == 0 && io->hook != NULL) {
    napi_remove_async_cleanup_hook(io->hook);
    io->hook = NULL;
  }
  release(io);
}

static void close_io(packet_io_t *io) {
  if (io->closed) return;
  io->closed = true;
  if (io->waiter != NULL) waiter_leave(io->waiter, io);
  for (int i = 0; i < io->session_top; i++) {
    session_t *session = io->sessions[i];
    for (int b = 0; session != NULL && b < session->bound_count; b++)
      udp_group_unbind(io->group, &session->bound[b], io->worker);
  }
  udp_group_detach(io->group, io->worker);
  uv_close((uv_handle_t *)&io->wake, on_handle_closed);
  napi_delete_reference(io->env, io->on_readable);
  napi_async_destroy(io->env, io->async);
  for (int i = 0; i < io->column_count; i++) napi_delete_reference(io->env, io->columns[i]);
  io->rx_count = io->tx_count = 0;
}

static void on_environment_exit(napi_async_cleanup_hook_handle handle, void *data) {
  (void)handle;
  close_io(data);
}

/* Instance data: every PacketIo of this environment, and what waits for their sockets. */
typedef struct {
  packet_io_t *list;
  waiter_t *waiter;
} environment_t;

static void on_instance_gone(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  environment_t *environment = data;
  while (environment->list != NULL) {
    packet_io_t *io = environment->list;
    environment->list = io->next;
    io->orphan = true;
    release(io);
  }
  free(environment);
}

static packet_io_t *this_io(napi_env env, napi_callback_info info, size_t argc, napi_value *argv) {
  void *data = NULL;
  napi_get_cb_info(env, info, &argc, argv, NULL, &data);
  packet_io_t *io = data;
  return io->closed ? NULL : io;
}

static session_t *session_of(packet_io_t *io, int32_t number) {
  return number >= 0 && number < io->session_top ? io->sessions[number] : NULL;
}

/* ---- wake-ups ---- */

/* So that the call that would find nothing need not be made. Another thread fills the rings. */
static void tell_more(packet_io_t *io) {
  *io->more = io->readable != 0 || io->early_ready || io->group->workers > 1;
}

/* Promises and ticks that the callback left come to their end. */
static void settle(packet_io_t *io, napi_value resource) {
  napi_callback_scope scope;
  if (napi_open_callback_scope(io->env, resource, io->async, &scope) == napi_ok)
    napi_close_callback_scope(io->env, scope);
}

/* Media leaves neither promises nor ticks; a call that looks for them costs as much as all the rest
 * of a wake-up. What is not media does, and what came between waits for it or for the next timer. */
static void notify(packet_io_t *io) {
  napi_handle_scope scope;
  napi_value callback, global, result, error;
  if (io->closed || napi_open_handle_scope(io->env, &scope) != napi_ok) return;
  napi_get_reference_value(io->env, io->on_readable, &callback);
  napi_get_global(io->env, &global);
  io->only_media = true;
  if (napi_call_function(io->env, global, callback, 0, NULL, &result) == napi_pending_exception &&
      napi_get_and_clear_last_exception(io->env, &error) == napi_ok)
    napi_fatal_exception(io->env, error);
  if (!io->only_media && !io->closed) settle(io, global);
  napi_close_handle_scope(io->env, scope);
}

static void on_bell(void *owner, uint32_t readable) {
  (void)readable;
  packet_io_t *io = owner;
  udp_group_answer_bell(io->group, io->worker);
  notify(io);
}

static void on_ready(void *owner, uint32_t readable) {
  packet_io_t *io = owner;
  io->readable |= readable;
  tell_more(io);
  notify(io);
}

static void on_wake(uv_async_t *handle) { notify(handle->data); }

/* ---- receiving ---- */

/* Keeps media of a session that has no keys yet; false when there is no room. */
static bool keep_early(packet_io_t *io, session_t *session, const address_t *from,
                       const uint8_t *packet, int length, double arrival) {
  double oldest = arrival - MAX_EARLY_AGE_MS;
  int cost = length + EARLY_OVERHEAD;
  drop_early(io, session, oldest);
  if (session->early_bytes + cost > MAX_EARLY_BYTES) return false;
  if (io->early_bytes + cost > MAX_EARLY_BYTES_IN_ALL && arrival - io->early_swept > EARLY_SWEEP_MS) {
    io->early_swept = arrival;
    for (int i = 0; i < io->session_top; i++)
      if (io->sessions[i] != NULL && io->sessions[i]->srtp == NULL)
        drop_early(io, io->sessions[i], oldest);
  }
  if (io->early_bytes + cost > MAX_EARLY_BYTES_IN_ALL) return false;
  early_t *early = malloc(sizeof *early + (size_t)length);
  if (early == NULL) return false;
  early->next = NULL;
  early->arrival = arrival;
  early->from = *from;
  early->length = length;
  memcpy(early->bytes, packet, (size_t)length);
  if (session->early == NULL) session->early_end = &session->early;
  *session->early_end = early;
  session->early_end = &early->next;
  session->early_bytes += cost;
  io->early_bytes += cost;
  return true;
}

/* Fills the row's columns; false when the datagram ends here, or waits for keys. */
static bool accept_row(packet_io_t *io, const rx_slab_t *slab, int row, int offset, int length,
                       const address_t *from, double arrival, bool routed) {
  uint8_t *packet = slab->bytes + offset;
  int kind = classify(packet, length);
  int32_t number = address_map_get(&io->addresses, from);
  int status = STATUS_OK;
  /* The receive thread has routed what comes out of a ring. */
  if (number < 0 && !routed && udp_group_route_unbound(io->group, packet, length) < 0) return false;
  if (kind != KIND_RTP && kind != KIND_RTCP) io->only_media = false;
  if (number < 0 && kind != KIND_STUN) {
    /* Unbound between the ring's two ends. */
    io->counters[UNKNOWN_ADDRESS]++;
    return false;
  }
  if (kind == KIND_RTP || kind == KIND_RTCP) {
    srtp_session_t *srtp = io->sessions[number]->srtp;
    if (srtp == NULL && keep_early(io, io->sessions[number], from, packet, length, arrival))
      return false;
    if (srtp == NULL)
      status = STATUS_NO_KEYS;
    else
      status = kind == KIND_RTP ? srtp_unprotect(srtp, packet, &length)
                                : srtcp_unprotect(srtp, packet, &length);
  } else if (kind == KIND_OTHER) {
    status = STATUS_MALFORMED;
  }
  if (status == STATUS_NO_KEYS) io->counters[NO_KEYS]++;
  if (status == STATUS_AUTH_FAILED) io->counters[AUTH_FAILED]++;
  if (status == STATUS_REPLAYED) io->counters[REPLAYED]++;
  if (status == STATUS_MALFORMED) io->counters[MALFORMED]++;
  slab->offset[row] = offset;
  slab->length[row] = length;
  slab->session[row] = number;
  slab->kind[row] = (uint8_t)kind;
  slab->status[row] = (uint8_t)status;
  slab->socket[row] = from->socket;
  slab->family[row] = from->family;
  memcpy(slab->address + 16 * row, from->ip, 16);
  slab->port[row] = from->port;
  slab->arrival[row] = arrival + io->clock_offset;
  return true;
}

/* The kernel writes into as many of them as it has datagrams: only those are made anew. */
static void prepare_messages(packet_io_t *io, const rx_slab_t *slab) {
  if (io->rx_prepared != slab) io->rx_used = BATCH;
  io->rx_prepared = slab;
  for (int i = 0; i < io->rx_used; i++) {
    io->rx_vectors[i] = (struct iovec){slab->bytes + i * SLOT_BYTES + HEADROOM, MAX_DATAGRAM};
    io->rx_messages[i].msg_hdr = (struct msghdr){.msg_name = &io->rx_from[i],
                                                 .msg_namelen = sizeof io->rx_from[i],
                                                 .msg_iov = &io->rx_vectors[i],
                                                 .msg_iovlen = 1};
  }
}

static int receive_socket(packet_io_t *io, const rx_slab_t *slab, int socket) {
  prepare_messages(io, slab);
  int count = recvmmsg(io->group->fds[socket], io->rx_messages, BATCH, MSG_DONTWAIT, NULL);
  io->rx_used = count > 0 ? count : 0;
  /* A short batch has emptied the socket: no further call just to hear EAGAIN. */
  if (count < BATCH) io->readable &= ~(1u << socket);
  double arrival = monotonic_ms();
  int rows = 0;
  for (int i = 0; i < count; i++) {
    int length = (int)io->rx_messages[i].msg_len;
    if (length == 0 || (io->rx_messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      io->counters[MALFORMED]++;
      continue;
    }
    address_t from;
    address_from_sockaddr(&from, &io->rx_from[i], (uint8_t)socket);
    if (!accept_row(io, slab, rows, i * SLOT_BYTES + HEADROOM, length, &from, arrival, false))
      continue;
    io->counters[RECEIVED_BYTES] += (uint64_t)length;
    rows++;
  }
  return rows;
}

static int receive_ring(packet_io_t *io, const rx_slab_t *slab) {
  ring_t *ring = &io->group->rings[io->worker];
  uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
  uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
  int rows = 0;
  while (tail != head && rows < BATCH) {
    const ring_slot_t *slot = &ring->slots[tail++ % RING_SLOTS];
    int offset = rows * SLOT_BYTES + HEADROOM;
    memcpy(slab->bytes + offset, slot->bytes, slot->length);
    if (!accept_row(io, slab, rows, offset, slot->length, &slot->from, slot->arrival, true))
      continue;
    io->counters[RECEIVED_BYTES] += slot->length;
    rows++;
  }
  atomic_store_explicit(&ring->tail, tail, memory_order_release);
  /* The reader may stop after this call: come back for the rest. */
  if (tail != head) uv_async_send(&io->wake);
  return rows;
}

/* What waited for keys that have come. */
static int receive_early(packet_io_t *io, const rx_slab_t *slab) {
  int rows = 0;
  for (int i = 0; i < io->session_top && rows < BATCH; i++) {
    session_t *session = io->sessions[i];
    if (session == NULL || session->srtp == NULL) continue;
    while (session->early != NULL && rows < BATCH) {
      early_t *early = shift_early(io, session);
      int offset = rows * SLOT_BYTES + HEADROOM;
      memcpy(slab->bytes + offset, early->bytes, (size_t)early->length);
      if (accept_row(io, slab, rows, offset, early->length, &early->from, early->arrival, true)) {
        io->counters[RECEIVED_BYTES] += (uint64_t)early->length;
        rows++;
      }
      free(early);
    }
  }
  io->early_ready = rows == BATCH;
  return rows;
}

/* receive(slab, again): rows */
static napi_value js_receive(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  packet_io_t *io = this_io(env, info, 2, argv);
  if (io == NULL) return js_int(env, 0);
  bool again = false;
  napi_get_value_bool(env, argv[1], &again);
  if (again) io->readable |= io->read_last;
  int32_t at = js_to_int(env, argv[0]);
  if (at < 0 || at >= io->rx_count) return js_throw(env, "unknown slab");
  const rx_slab_t *slab = &io->rx[at];
  int rows = io->early_ready ? receive_early(io, slab) : 0;
  if (rows > 0) {
    /* Before anything newer. */
  } else if (io->group->workers > 1) {
    rows = receive_ring(io, slab);
  } else {
    /* A batch of which nothing is left must not look like an empty socket; a flood of such batches
     * must not hold the loop either. */
    for (int tries = 0; rows == 0 && io->readable != 0 && tries < 16; tries++) {
      int sockets = io->group->sockets;
      while ((io->readable >> io->next_socket & 1) == 0)
        io->next_socket = (io->next_socket + 1) % sockets;
      rows = receive_socket(io, slab, io->next_socket);
      io->read_last = 1u << io->next_socket;
      io->next_socket = (io->next_socket + 1) % sockets;
    }
  }
  io->counters[RECEIVED] += (uint64_t)rows;
  tell_more(io);
  return js_int(env, rows);
}

/* ---- sending ---- */

/* Sends messages `from`..`to` of one socket; fills the result column. Returns how many went. */
static int send_socket(packet_io_t *io, tx_slab_t *slab, int socket, int count) {
  int at = 0, sent = 0;
  while (at < count) {
    int batch = count - at < BATCH ? count - at : BATCH;
    int done = sendmmsg(io->group->fds[socket], io->tx_messages + at, (unsigned)batch, MSG_DONTWAIT);
    if (done > 0) {
      for (int i = at; i < at + done; i++) {
        slab->result[io->tx_rows[i]] = 0;
        io->counters[SENT_BYTES] += io->tx_vectors[i].iov_len;
      }
      at += done;
      sent += done;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM) {
      /* Real-time packets are not worth waiting for room. */
      for (; at < count; at++) {
        slab->result[io->tx_rows[at]] = 2;
        io->counters[SEND_CONGESTED]++;
      }
      break;
    }
    /* About the first message alone (ECONNREFUSED may even be about an earlier one). */
    slab->result[io->tx_rows[at++]] = 2;
    io->counters[SEND_REFUSED]++;
  }
  return sent;
}

/* Protects one row; true when it is ready to go from `*socket`. */
static bool prepare(packet_io_t *io, tx_slab_t *slab, int row, int8_t *socket) {
  session_t *session = session_of(io, slab->session[row]);
  int offset = slab->offset[row], length = slab->length[row];
  int kind = slab->kind[row] & ~KIND_REPEATABLE;
  bool repeatable = (slab->kind[row] & KIND_REPEATABLE) != 0;
  if (session == NULL || session->destination_size == 0 || length <= 0 || offset < 0 ||
      length > SLOT_BYTES || offset > TX_SLOTS * SLOT_BYTES - length - SRTP_MAX_TRAILER)
    return false;
  if (kind == KIND_RTP || kind == KIND_RTCP) {
    if (session->srtp == NULL) return false;
    uint8_t *packet = slab->bytes + offset;
    int status = kind == KIND_RTP ? srtp_protect(session->srtp, packet, &length, repeatable)
                                  : srtcp_protect(session->srtp, packet, &length);
    srtp_take_repeats(session->srtp, &io->counters[REPEATED_INDEX], &io->counters[REFUSED_REPEAT]);
    if (status != STATUS_OK) return false;
    slab->length[row] = length;
  }
  *socket = (int8_t)session->destination_socket;
  return true;
}

/* send(slab, count): packets sent */
static napi_value js_send(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  packet_io_t *io = this_io(env, info, 2, argv);
  if (io == NULL) return js_int(env, 0);
  int32_t at = js_to_int(env, argv[0]), count = js_to_int(env, argv[1]);
  if (at < 0 || at >= io->tx_count || count < 0 || count > TX_SLOTS)
    return js_throw(env, "unknown slab or too many rows");
  tx_slab_t *slab = &io->tx[at];
  uint32_t sockets = 0;
  for (int row = 0; row < count; row++) {
    slab->result[row] = 1;
    io->tx_sockets[row] = -1;
    if (prepare(io, slab, row, &io->tx_sockets[row]))
      sockets |= 1u << io->tx_sockets[row];
    else
      io->counters[SEND_UNREADY]++;
  }
  /* One run of batches per socket: the order within a session stays. */
  int sent = 0;
  for (int socket = 0; socket < io->group->sockets; socket++) {
    if ((sockets >> socket & 1) == 0) continue;
    int messages = 0;
    for (int row = 0; row < count; row++) {
      if (io->tx_sockets[row] != socket) continue;
      session_t *session = io->sessions[slab->session[row]];
      io->tx_rows[messages] = (uint16_t)row;
      io->tx_vectors[messages] =
          (struct iovec){slab->bytes + slab->offset[row], (size_t)slab->length[row]};
      io->tx_messages[messages].msg_hdr =
          (struct msghdr){.msg_name = &session->destination,
                          .msg_namelen = session->destination_size,
                          .msg_iov = &io->tx_vectors[messages],
                          .msg_iovlen = 1};
      messages++;
    }
    sent += send_socket(io, slab, socket, messages);
  }
  io->counters[SENT] += (uint64_t)sent;
  return js_int(env, sent);
}

/* Reads (socket, ip, port) from three arguments. */
static bool to_address(packet_io_t *io, napi_env env, const napi_value *argv, address_t *out) {
  char ip[64] = "";
  int32_t socket = js_to_int(env, argv[0]), port = js_to_int(env, argv[2]);
  napi_get_value_string_utf8(env, argv[1], ip, sizeof ip, NULL);
  return socket >= 0 && socket < io->group->sockets && port > 0 && port <= 65535 &&
         address_parse(out, ip, (uint16_t)port, (uint8_t)socket);
}

/* sendTo(socket, ip, port, bytes) */
static napi_value js_send_to(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  packet_io_t *io = this_io(env, info, 4, argv);
  address_t remote;
  uint8_t *bytes;
  size_t length;
  if (io == NULL) return NULL;
  if (!js_array(env, argv[3], &bytes, &length) || !to_address(io, env, argv, &remote) ||
      remote.family != io->group->local[remote.socket].family) {
    io->counters[SEND_REFUSED]++;
    return NULL;
  }
  struct sockaddr_storage to;
  socklen_t size = address_to_sockaddr(&remote, &to);
  udp_group_expect(io->group, bytes, (int)length, io->worker);
  ssize_t done;
  do
    done = sendto(io->group->fds[remote.socket], bytes, length, MSG_DONTWAIT, (struct sockaddr *)&to,
                  size);
  while (done < 0 && errno == EINTR);
  if (done >= 0) {
    io->counters[SENT]++;
    io->counters[SENT_BYTES] += (uint64_t)done;
  } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM) {
    io->counters[SEND_CONGESTED]++;
  } else {
    io->counters[SEND_REFUSED]++;
  }
  return NULL;
}

/* ---- sessions ---- */

/* openSession(): number, or -1 without memory */
static napi_value js_open_session(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  packet_io_t *io = this_io(env, info, 0, argv);
  if (io == NULL) return js_int(env, -1);
  session_t *session = calloc(1, sizeof *session);
  if (session == NULL) return js_int(env, -1);
  int32_t number = io->session_top;
  if (io->resting_count > REST) {
    number = io->resting[io->resting_head];
    io->resting_head = (io->resting_head + 1) % io->session_capacity;
    io->resting_count--;
  } else {
    if (io->session_top == io->session_capacity) {
      int capacity = io->session_capacity == 0 ? 256 : io->session_capacity * 2;
      session_t **sessions = realloc(io->sessions, (size_t)capacity * sizeof *sessions);
      if (sessions != NULL) io->sessions = sessions;
      int32_t *resting = malloc((size_t)capacity * sizeof *resting);
      if (sessions == NULL || resting == NULL) {
        free(resting);
        free(session);
        return js_int(env, -1);
      }
      for (int i = 0; i < io->resting_count; i++)
        resting[i] = io->resting[(io->resting_head + i) % io->session_capacity];
      free(io->resting);
      io->resting = resting;
      io->resting_head = 0;
      io->session_capacity = capacity;
    }
    io->session_top++;
  }
  io->sessions[number] = session;
  return js_int(env, number);
}

static void forget(packet_io_t *io, int32_t number, int bound) {
  session_t *session = io->sessions[number];
  address_map_remove(&io->addresses, &session->bound[bound], number);
  udp_group_unbind(io->group, &session->bound[bound], io->worker);
  session->bound[bound] = session->bound[--session->bound_count];
}

/* closeSession(session) */
static napi_value js_close_session(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  packet_io_t *io = this_io(env, info, 1, argv);
  if (io == NULL) return NULL;
  int32_t number = js_to_int(env, argv[0]);
  session_t *session = session_of(io, number);
  if (session == NULL) return NULL;
  while (session->bound_count > 0) forget(io, number, session->bound_count - 1);
  free_session(io, session);
  io->sessions[number] = NULL;
  io->resting[(io->resting_head + io->resting_count++) % io->session_capacity] = number;
  return NULL;
}

static int find_bound(const session_t *session, const address_t *remote) {
  for (int i = 0; i < session->bound_count; i++)
    if (memcmp(&session->bound[i], remote, sizeof *remote) == 0) return i;
  return -1;
}

/* An address that makes room for another: never the one that media takes. */
static int spare_bound(const session_t *session) {
  bool first = session->destination_size != 0 &&
               memcmp(&session->bound[0], &session->selected, sizeof session->selected) == 0;
  return first ? 1 : 0;
}

/* bindAddress(session, socket, ip, port): done */
static napi_value js_bind(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  packet_io_t *io = this_io(env, info, 4, argv);
  address_t remote;
  if (io == NULL) return js_bool(env, true);
  int32_t number = js_to_int(env, argv[0]);
  session_t *session = session_of(io, number);
  if (session == NULL || !to_address(io, env, argv + 1, &remote)) return js_bool(env, false);
  int32_t owner = address_map_get(&io->addresses, &remote);
  if (owner == number) return js_bool(env, true);
  if (owner >= 0) forget(io, owner, find_bound(io->sessions[owner], &remote));
  if (session->bound_count == MAX_BOUND) forget(io, number, spare_bound(session));
  if (!address_map_set(&io->addresses, &remote, number)) return js_bool(env, false);
  session->bound[session->bound_count++] = remote;
  udp_group_bind(io->group, &remote, io->worker);
  return js_bool(env, true);
}

/* unbindAddress(session, socket, ip, port) */
static napi_value js_unbind(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  packet_io_t *io = this_io(env, info, 4, argv);
  address_t remote;
  if (io == NULL) return NULL;
  int32_t number = js_to_int(env, argv[0]);
  session_t *session = session_of(io, number);
  if (session == NULL || !to_address(io, env, argv + 1, &remote)) return NULL;
  int bound = find_bound(session, &remote);
  if (bound >= 0) forget(io, number, bound);
  return NULL;
}

/* selectAddress(session, socket, ip, port): done */
static napi_value js_select(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  packet_io_t *io = this_io(env, info, 4, argv);
  address_t remote;
  if (io == NULL) return js_bool(env, true);
  session_t *session = session_of(io, js_to_int(env, argv[0]));
  if (session == NULL || !to_address(io, env, argv + 1, &remote) ||
      remote.family != io->group->local[remote.socket].family)
    return js_bool(env, false);
  session->destination_size = address_to_sockaddr(&remote, &session->destination);
  session->destination_socket = remote.socket;
  session->selected = remote;
  return js_bool(env, true);
}

/* setKeys(session, profile, localKey, localSalt, remoteKey, remoteSalt): done */
static napi_value js_set_keys(napi_env env, napi_callback_info info) {
  napi_value argv[6];
  uint8_t *keys[4];
  packet_io_t *io = this_io(env, info, 6, argv);
  if (io == NULL) return js_bool(env, true);
  session_t *session = session_of(io, js_to_int(env, argv[0]));
  int profile = js_to_int(env, argv[1]);
  for (int i = 0; i < 4; i++) {
    size_t length = 0, expected = i % 2 == 0 ? 16 : (size_t)srtp_salt_length(profile);
    if (!js_array(env, argv[2 + i], &keys[i], &length) || length != expected)
      return js_bool(env, false);
  }
  if (session == NULL) return js_bool(env, false);
  if (session->srtp != NULL &&
      srtp_same_keys(session->srtp, profile, keys[0], keys[1], keys[2], keys[3]))
    return js_bool(env, true);
  srtp_session_t *srtp = srtp_new(profile, keys[0], keys[1], keys[2], keys[3]);
  if (srtp == NULL) return js_bool(env, false);
  srtp_free(session->srtp);
  session->srtp = srtp;
  drop_early(io, session, monotonic_ms() - MAX_EARLY_AGE_MS);
  if (session->early != NULL) {
    io->early_ready = true;
    tell_more(io);
    uv_async_send(&io->wake);
  }
  return js_bool(env, true);
}

static int to_ufrag(napi_env env, napi_value value, char text[MAX_UFRAG + 2]) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, text, MAX_UFRAG + 2, &length);
  return (int)length;
}

/* registerUfrag(ufrag): done */
static napi_value js_register_ufrag(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  char text[MAX_UFRAG + 2];
  packet_io_t *io = this_io(env, info, 1, argv);
  if (io == NULL) return js_bool(env, true);
  int length = to_ufrag(env, argv[0], text);
  return js_bool(env, udp_group_add_ufrag(io->group, (const uint8_t *)text, length, io->worker));
}

/* unregisterUfrag(ufrag) */
static napi_value js_unregister_ufrag(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  char text[MAX_UFRAG + 2];
  packet_io_t *io = this_io(env, info, 1, argv);
  if (io == NULL) return NULL;
  int length = to_ufrag(env, argv[0], text);
  udp_group_remove_ufrag(io->group, (const uint8_t *)text, length, io->worker);
  return NULL;
}

/* ---- slabs and counters ---- */

/* Keeps `count` typed arrays and checks that each has at least `bytes[i]` bytes. */
static bool keep_columns(packet_io_t *io, napi_env env, const napi_value *argv, int count,
                         const size_t *bytes, uint8_t **data) {
  for (int i = 0; i < count; i++) {
    size_t length;
    if (!js_array(env, argv[i], &data[i], &length) || length < bytes[i]) return false;
  }
  for (int i = 0; i < count; i++)
    if (napi_create_reference(env, argv[i], 1, &io->columns[io->column_count]) == napi_ok)
      io->column_count++;
  return true;
}

/* registerRx(bytes, offset, length, session, kind, status, socket, family, address, port,
 * arrival): slab */
static napi_value js_register_rx(napi_env env, napi_callback_info info) {
  static const size_t bytes[RX_COLUMNS] = {BATCH * SLOT_BYTES, BATCH * 4, BATCH * 4, BATCH * 4,
                                           BATCH,              BATCH,     BATCH,     BATCH,
                                           BATCH * 16,         BATCH * 2, BATCH * 8};
  napi_value argv[RX_COLUMNS];
  uint8_t *data[RX_COLUMNS];
  packet_io_t *io = this_io(env, info, RX_COLUMNS, argv);
  if (io == NULL) return js_int(env, 0);
  if (io->rx_count == MAX_SLABS || !keep_columns(io, env, argv, RX_COLUMNS, bytes, data))
    return js_throw(env, "too many slabs, or no slab");
  io->rx[io->rx_count] = (rx_slab_t){data[0],
                                     (int32_t *)data[1],
                                     (int32_t *)data[2],
                                     (int32_t *)data[3],
                                     data[4],
                                     data[5],
                                     data[6],
                                     data[7],
                                     data[8],
                                     (uint16_t *)data[9],
                                     (double *)data[10]};
  return js_int(env, io->rx_count++);
}

/* registerTx(bytes, offset, length, session, kind, result): slab */
static napi_value js_register_tx(napi_env env, napi_callback_info info) {
  static const size_t bytes[TX_COLUMNS] = {
      TX_SLOTS * SLOT_BYTES, TX_SLOTS * 4, TX_SLOTS * 4, TX_SLOTS * 4, TX_SLOTS, TX_SLOTS};
  napi_value argv[TX_COLUMNS];
  uint8_t *data[TX_COLUMNS];
  packet_io_t *io = this_io(env, info, TX_COLUMNS, argv);
  if (io == NULL) return js_int(env, 0);
  if (io->tx_count == MAX_SLABS || !keep_columns(io, env, argv, TX_COLUMNS, bytes, data))
    return js_throw(env, "too many slabs, or no slab");
  io->tx[io->tx_count] = (tx_slab_t){data[0],
                                     (int32_t *)data[1],
                                     (int32_t *)data[2],
                                     (int32_t *)data[3],
                                     data[4],
                                     data[5]};
  return js_int(env, io->tx_count++);
}

/* counters(Float64Array): fills it in the order of the enum. What the receive thread drops belongs
 * to no worker; the first one reports it. */
static napi_value js_counters(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  uint8_t *data;
  size_t length;
  packet_io_t *io = this_io(env, info, 1, argv);
  if (io == NULL || !js_array(env, argv[0], &data, &length) || length < COUNTERS * sizeof(double))
    return NULL;
  double *out = (double *)data;
  for (int i = 0; i < COUNTERS; i++) out[i] = (double)io->counters[i];
  out[RING_FULL] += (double)atomic_load(&io->group->ring_full[io->worker]);
  if (io->worker != 0) return NULL;
  out[UNKNOWN_ADDRESS] += (double)atomic_load(&io->group->unknown_address);
  out[UNKNOWN_UFRAG] += (double)atomic_load(&io->group->unknown_ufrag);
  out[MALFORMED] += (double)atomic_load(&io->group->malformed);
  return NULL;
}

/* close() */
static napi_value js_close(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  packet_io_t *io = this_io(env, info, 0, argv);
  if (io != NULL) close_io(io);
  return NULL;
}

/* ---- opening ---- */

/* [[ip, port, errno name or ""], …] */
static napi_value describe_results(napi_env env, const bind_result_t *results, int count) {
  napi_value list;
  napi_create_array_with_length(env, (size_t)count, &list);
  for (int i = 0; i < count; i++) {
    char ip[INET6_ADDRSTRLEN] = "";
    napi_value entry;
    address_text(&results[i].address, ip);
    napi_create_array_with_length(env, 3, &entry);
    napi_set_element(env, entry, 0, js_text(env, ip));
    napi_set_element(env, entry, 1, js_int(env, results[i].address.port));
    napi_set_element(env, entry, 2,
                     js_text(env, results[i].error == 0 ? "" : uv_err_name(-results[i].error)));
    napi_set_element(env, list, (uint32_t)i, entry);
  }
  return list;
}

/* The sockets; with several workers the bell of the ring, for another thread reads them. */
static bool watch(packet_io_t *io, environment_t *environment, uv_loop_t *loop) {
  io->waiter = waiter_use(&environment->waiter, io->env, loop);
  bool done = io->waiter != NULL;
  if (done && io->group->workers > 1)
    return waiter_add(io->waiter, io->group->rings[io->worker].bell, io, 0, on_bell);
  for (int i = 0; done && i < io->group->sockets; i++)
    done = waiter_add(io->waiter, io->group->fds[i], io, i, on_ready);
  return done;
}

static napi_value functions_of(napi_env env, packet_io_t *io) {
  napi_value object;
  napi_create_object(env, &object);
  js_function(env, object, "receive", js_receive, io);
  js_function(env, object, "send", js_send, io);
  js_function(env, object, "sendTo", js_send_to, io);
  js_function(env, object, "openSession", js_open_session, io);
  js_function(env, object, "closeSession", js_close_session, io);
  js_function(env, object, "bindAddress", js_bind, io);
  js_function(env, object, "unbindAddress", js_unbind, io);
  js_function(env, object, "selectAddress", js_select, io);
  js_function(env, object, "setKeys", js_set_keys, io);
  js_function(env, object, "registerUfrag", js_register_ufrag, io);
  js_function(env, object, "unregisterUfrag", js_unregister_ufrag, io);
  js_function(env, object, "registerRx", js_register_rx, io);
  js_function(env, object, "registerTx", js_register_tx, io);
  js_function(env, object, "counters", js_counters, io);
  js_function(env, object, "close", js_close, io);
  return object;
}

/*
 * openPacketIo(group, addresses [[ip, port], …], receiveBuffer, worker, workers, now, onReadable,
 * more): [functions or undefined, results, local [[ip, port, ""], …]]
 */
static napi_value js_open(napi_env env, napi_callback_info info) {
  size_t argc = 8;
  napi_value argv[8], result;
  char name[512] = "";
  environment_t *environment = NULL;
  uv_loop_t *loop = NULL;
  uint32_t count = 0;
  bind_result_t results[MAX_SOCKETS];
  memset(results, 0, sizeof results);
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  napi_get_instance_data(env, (void **)&environment);
  napi_get_value_string_utf8(env, argv[0], name, sizeof name, NULL);
  napi_get_array_length(env, argv[1], &count);
  int worker = js_to_int(env, argv[3]), workers = js_to_int(env, argv[4]);
  if (environment == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok || count > MAX_SOCKETS ||
      workers < 1 || workers > MAX_WORKERS || worker < 0 || worker >= workers)
    return js_throw(env, "too many addresses or workers");
  for (uint32_t i = 0; i < count; i++) {
    napi_value entry, ip, port;
    char text[64] = "";
    napi_get_element(env, argv[1], i, &entry);
    napi_get_element(env, entry, 0, &ip);
    napi_get_element(env, entry, 1, &port);
    napi_get_value_string_utf8(env, ip, text, sizeof text, NULL);
    if (!address_parse(&results[i].address, text, (uint16_t)js_to_int(env, port), 0))
      return js_throw(env, "not an IP address");
  }
  packet_io_t *io = calloc(1, sizeof *io);
  if (io == NULL || !address_map_init(&io->addresses)) {
    free(io);
    return js_throw(env, "out of memory");
  }
  io->env = env;
  io->worker = worker;
  io->clock_offset = js_to_number(env, argv[5]) - monotonic_ms();
  uv_async_init(loop, &io->wake, on_wake);
  io->wake.data = io;
  io->handles = 1;
  io->group = udp_group_attach(name, results, (int)count, js_to_int(env, argv[2]), worker, workers);
  napi_create_array_with_length(env, 3, &result);
  napi_set_element(env, result, 1, describe_results(env, results, (int)count));
  if (io->group == NULL) {
    io->closed = io->orphan = true;
    uv_close((uv_handle_t *)&io->wake, on_handle_closed);
    return result;
  }
  io->next = environment->list;
  environment->list = io;
  bool watched = watch(io, environment, loop);
  napi_create_reference(env, argv[6], 1, &io->on_readable);
  napi_async_init(env, NULL, js_text(env, "jvb:packets"), &io->async);
  napi_add_async_cleanup_hook(env, on_environment_exit, io, &io->hook);
  uint8_t *more;
  size_t more_bytes;
  if (watched && js_array(env, argv[7], &more, &more_bytes) && more_bytes >= 1 &&
      napi_create_reference(env, argv[7], 1, &io->columns[io->column_count]) == napi_ok) {
    io->column_count++;
    io->more = more;
    tell_more(io);
  } else {
    close_io(io);
    return js_throw(env, "out of memory");
  }

  bind_result_t local[MAX_SOCKETS];
  for (int i = 0; i < io->group->sockets; i++)
    local[i] = (bind_result_t){.address = io->group->local[i]};
  napi_set_element(env, result, 0, functions_of(env, io));
  napi_set_element(env, result, 2, describe_results(env, local, io->group->sockets));
  return result;
}

void packet_io_register(napi_env env, napi_value exports) {
  environment_t *environment = calloc(1, sizeof *environment);
  if (environment != NULL) napi_set_instance_data(env, environment, on_instance_gone, NULL);
  js_function(env, exports, "openPacketIo", js_open, NULL);
}
