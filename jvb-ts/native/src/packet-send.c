#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <string.h>

#include "packet-state.h"

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
napi_value js_send(napi_env env, napi_callback_info info) {
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

/* sendTo(socket, ip, port, bytes) */
napi_value js_send_to(napi_env env, napi_callback_info info) {
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
