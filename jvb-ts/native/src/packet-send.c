#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "packet-state.h"

/*
 * Rows of one receiver that are equally long, but for a shorter last one, go as a run: one message
 * that the kernel cuts (UDP_SEGMENT, Linux 4.18). The packets of a video frame are such rows, and the
 * way through the kernel is most of what they cost (decision 0015). Only the order of packets of
 * different receivers changes.
 */

/* Datagrams of one message. Linux before 5.16 counts their headers too when it holds them against its 64:
 * half of that is right for all lengths. */
enum { MAX_RUN = 32, MAX_RUN_BYTES = 60000 };

static bool is_congestion(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM;
}

/* What became of a vector's row. */
static void took(packet_io_t *io, tx_slab_t *slab, int vector) {
  slab->result[io->tx_rows[vector]] = 0;
  io->counters[SENT]++;
  io->counters[SENT_BYTES] += io->tx_vectors[vector].iov_len;
}

static void lost(packet_io_t *io, tx_slab_t *slab, int vector, int counter) {
  slab->result[io->tx_rows[vector]] = 2;
  io->counters[counter]++;
}

/* The rows of one message, each by itself. */
static void send_singly(packet_io_t *io, tx_slab_t *slab, int fd, int message) {
  for (int vector = io->tx_starts[message]; vector < io->tx_starts[message + 1]; vector++) {
    struct mmsghdr single = {.msg_hdr = io->tx_messages[message].msg_hdr};
    single.msg_hdr.msg_iov = &io->tx_vectors[vector];
    single.msg_hdr.msg_iovlen = 1;
    single.msg_hdr.msg_control = NULL;
    single.msg_hdr.msg_controllen = 0;
    int done;
    do
      done = sendmmsg(fd, &single, 1, MSG_DONTWAIT);
    while (done < 0 && errno == EINTR);
    if (done > 0)
      took(io, slab, vector);
    else
      lost(io, slab, vector, is_congestion(errno) ? SEND_CONGESTED : SEND_REFUSED);
  }
}

/* Sends `count` messages by one socket; fills the result column. */
static void send_messages(packet_io_t *io, tx_slab_t *slab, int fd, int count) {
  int at = 0;
  while (at < count) {
    int batch = count - at < BATCH ? count - at : BATCH;
    int done = sendmmsg(fd, io->tx_messages + at, (unsigned)batch, MSG_DONTWAIT);
    if (done > 0) {
      for (int vector = io->tx_starts[at]; vector < io->tx_starts[at + done]; vector++)
        took(io, slab, vector);
      at += done;
      continue;
    }
    if (errno == EINTR) continue;
    bool is_run = io->tx_starts[at + 1] - io->tx_starts[at] > 1;
    /* No memory for a long message may still be enough for short ones. */
    if (is_congestion(errno) && !(is_run && (errno == ENOBUFS || errno == ENOMEM))) {
      /* Real-time packets are not worth waiting for room. */
      for (int vector = io->tx_starts[at]; vector < io->tx_starts[count]; vector++)
        lost(io, slab, vector, SEND_CONGESTED);
      break;
    }
    /* About the first message alone (ECONNREFUSED may even be about an earlier one). */
    if (is_run) {
      /* A device without checksums refuses runs, a path those of longer datagrams than it takes. */
      if (errno == EIO || errno == EINVAL || errno == EMSGSIZE)
        io->tx_receivers[at]->one_by_one = true;
      send_singly(io, slab, fd, at);
    } else {
      lost(io, slab, io->tx_starts[at], SEND_REFUSED);
    }
    at++;
  }
}

/* Protects one row; the session it goes to when it is ready, else NULL. */
static session_t *prepare(packet_io_t *io, tx_slab_t *slab, int row) {
  session_t *session = session_of(io, slab->session[row]);
  int offset = slab->offset[row], length = slab->length[row];
  int kind = slab->kind[row] & ~KIND_REPEATABLE;
  bool repeatable = (slab->kind[row] & KIND_REPEATABLE) != 0;
  if (session == NULL || session->destination_size == 0 || length <= 0 || offset < 0 ||
      length > SLOT_BYTES || offset > TX_SLOTS * SLOT_BYTES - length - SRTP_MAX_TRAILER)
    return NULL;
  if (kind == KIND_RTP || kind == KIND_RTCP) {
    if (session->srtp == NULL) return NULL;
    uint8_t *packet = slab->bytes + offset;
    int status = kind == KIND_RTP ? srtp_protect(session->srtp, packet, &length, repeatable)
                                  : srtcp_protect(session->srtp, packet, &length);
    srtp_take_repeats(session->srtp, &io->counters[REPEATED_INDEX], &io->counters[REFUSED_REPEAT]);
    if (status != STATUS_OK) return NULL;
    slab->length[row] = length;
  }
  return session;
}

/* Protects all rows and strings those together that go to one session. Returns how many sessions. */
static int prepare_all(packet_io_t *io, tx_slab_t *slab, int count, uint32_t *sockets) {
  int sessions = 0;
  uint64_t turn = ++io->send_turn;
  for (int row = 0; row < count; row++) {
    session_t *session = prepare(io, slab, row);
    slab->result[row] = 1;
    if (session == NULL) {
      io->counters[SEND_UNREADY]++;
      continue;
    }
    if (session->send_turn == turn) {
      io->tx_next[session->last_row] = (uint16_t)row;
    } else {
      session->send_turn = turn;
      session->first_row = (uint16_t)row;
      io->tx_sessions[sessions++] = session;
      *sockets |= 1u << session->destination_socket;
    }
    session->last_row = (uint16_t)row;
  }
  return sessions;
}

static void set_run(packet_io_t *io, int message, uint16_t length) {
  struct msghdr *header = &io->tx_messages[message].msg_hdr;
  header->msg_control = io->tx_control[message];
  header->msg_controllen = RUN_CONTROL;
  struct cmsghdr *control = CMSG_FIRSTHDR(header);
  control->cmsg_level = SOL_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof length);
  memcpy(CMSG_DATA(control), &length, sizeof length);
}

/* Makes messages of a session's rows. Returns how many there are then. */
static int add_messages(packet_io_t *io, const tx_slab_t *slab, session_t *session, int messages) {
  bool takes_runs = io->group->runs && !session->one_by_one;
  int vector = io->tx_starts[messages], row = session->first_row;
  for (bool more = true; more;) {
    int first = vector, length = slab->length[row], bytes = 0;
    bool fits;
    do {
      io->tx_rows[vector] = (uint16_t)row;
      io->tx_vectors[vector++] =
          (struct iovec){slab->bytes + slab->offset[row], (size_t)slab->length[row]};
      bytes += slab->length[row];
      more = row != session->last_row;
      fits = more && takes_runs && slab->length[row] == length;
      if (more) row = io->tx_next[row];
    } while (fits && slab->length[row] <= length && vector - first < MAX_RUN &&
             bytes + length <= MAX_RUN_BYTES);
    io->tx_messages[messages].msg_hdr =
        (struct msghdr){.msg_name = &session->destination,
                        .msg_namelen = session->destination_size,
                        .msg_iov = &io->tx_vectors[first],
                        .msg_iovlen = (size_t)(vector - first)};
    if (vector - first > 1) set_run(io, messages, (uint16_t)length);
    io->tx_receivers[messages] = session;
    io->tx_starts[++messages] = (uint16_t)vector;
  }
  return messages;
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
  int sessions = prepare_all(io, slab, count, &sockets);
  uint64_t before = io->counters[SENT];
  for (int socket = 0; socket < io->group->sockets; socket++) {
    if ((sockets >> socket & 1) == 0) continue;
    int messages = 0;
    /* Another one first each time: who comes last loses most when the socket has no room. */
    int first = (int)(io->send_turn % (uint64_t)sessions);
    for (int i = 0; i < sessions; i++) {
      session_t *session = io->tx_sessions[(first + i) % sessions];
      if (session->destination_socket == socket)
        messages = add_messages(io, slab, session, messages);
    }
    send_messages(io, slab, io->group->fds[socket], messages);
  }
  return js_int(env, (int32_t)(io->counters[SENT] - before));
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
  } else {
    io->counters[is_congestion(errno) ? SEND_CONGESTED : SEND_REFUSED]++;
  }
  return NULL;
}
