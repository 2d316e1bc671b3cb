#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <string.h>

#include "packet-state.h"

/* ---- media that came before its keys ---- */

/* Takes out the oldest; the caller frees it. */
static early_t *shift_early(packet_io_t *io, session_t *session) {
  early_t *early = session->early;
  session->early = early->next;
  session->early_bytes -= early->length + EARLY_OVERHEAD;
  io->early_bytes -= early->length + EARLY_OVERHEAD;
  return early;
}

void drop_early(packet_io_t *io, session_t *session, double before) {
  while (session->early != NULL && session->early->arrival < before) {
    free(shift_early(io, session));
    io->counters[NO_KEYS]++;
  }
}

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

/* ---- datagrams of sockets and rings ---- */

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
napi_value js_receive(napi_env env, napi_callback_info info) {
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
