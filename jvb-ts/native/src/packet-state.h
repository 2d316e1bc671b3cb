/* What the files of packet I/O share: its state, and the functions that JavaScript calls. */
#ifndef JVB_PACKET_STATE_H
#define JVB_PACKET_STATE_H

#include <node_api.h>
#include <sys/socket.h>
#include <uv.h>

#include "address.h"
#include "js.h"
#include "srtp.h"
#include "udp-group.h"
#include "waiter.h"
#include "wire.h"

enum { RUN_CONTROL = CMSG_SPACE(sizeof(uint16_t)) };
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
  bool one_by_one; /* its path takes no runs */
  uint64_t send_turn;
  uint16_t first_row, last_row; /* to send in that turn */
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
  uint64_t send_turn;
  session_t *tx_sessions[TX_SLOTS]; /* with rows in this turn, in the order of their first ones */
  uint16_t tx_next[TX_SLOTS];       /* row of the same session */
  /* Message i has the vectors tx_starts[i] to tx_starts[i + 1], which are the rows tx_rows. */
  struct mmsghdr tx_messages[TX_SLOTS];
  session_t *tx_receivers[TX_SLOTS];
  uint16_t tx_starts[TX_SLOTS + 1];
  struct iovec tx_vectors[TX_SLOTS];
  uint16_t tx_rows[TX_SLOTS];
  _Alignas(struct cmsghdr) uint8_t tx_control[TX_SLOTS][RUN_CONTROL];

  uint64_t counters[COUNTERS];
} packet_io_t;

static inline packet_io_t *this_io(napi_env env, napi_callback_info info, size_t argc, napi_value *argv) {
  void *data = NULL;
  napi_get_cb_info(env, info, &argc, argv, NULL, &data);
  packet_io_t *io = data;
  return io->closed ? NULL : io;
}

static inline session_t *session_of(packet_io_t *io, int32_t number) {
  return number >= 0 && number < io->session_top ? io->sessions[number] : NULL;
}

/* So that the call that would find nothing need not be made. Another thread fills the rings. */
static inline void tell_more(packet_io_t *io) {
  *io->more = io->readable != 0 || io->early_ready || io->group->workers > 1;
}

/* packet-receive.c */
/* Drops what came before that time and waits for keys. */
void drop_early(packet_io_t *io, session_t *session, double before);
napi_value js_receive(napi_env env, napi_callback_info info);

/* packet-send.c */
napi_value js_send(napi_env env, napi_callback_info info);
napi_value js_send_to(napi_env env, napi_callback_info info);

/* packet-sessions.c */
void free_session(packet_io_t *io, session_t *session);
/* Reads (socket, ip, port) from three arguments. */
bool to_address(packet_io_t *io, napi_env env, const napi_value *argv, address_t *out);
napi_value js_open_session(napi_env env, napi_callback_info info);
napi_value js_close_session(napi_env env, napi_callback_info info);
napi_value js_bind(napi_env env, napi_callback_info info);
napi_value js_unbind(napi_env env, napi_callback_info info);
napi_value js_select(napi_env env, napi_callback_info info);
napi_value js_set_keys(napi_env env, napi_callback_info info);
napi_value js_register_ufrag(napi_env env, napi_callback_info info);
napi_value js_unregister_ufrag(napi_env env, napi_callback_info info);

#endif
