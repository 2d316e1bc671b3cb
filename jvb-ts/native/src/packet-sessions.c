#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "packet-state.h"

void free_session(packet_io_t *io, session_t *session) {
  drop_early(io, session, INFINITY);
  srtp_free(session->srtp);
  free(session);
}

bool to_address(packet_io_t *io, napi_env env, const napi_value *argv, address_t *out) {
  char ip[64] = "";
  int32_t socket = js_to_int(env, argv[0]), port = js_to_int(env, argv[2]);
  napi_get_value_string_utf8(env, argv[1], ip, sizeof ip, NULL);
  return socket >= 0 && socket < io->group->sockets && port > 0 && port <= 65535 &&
         address_parse(out, ip, (uint16_t)port, (uint8_t)socket);
}

/* openSession(): number, or -1 without memory */
napi_value js_open_session(napi_env env, napi_callback_info info) {
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
napi_value js_close_session(napi_env env, napi_callback_info info) {
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
napi_value js_bind(napi_env env, napi_callback_info info) {
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
napi_value js_unbind(napi_env env, napi_callback_info info) {
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
napi_value js_select(napi_env env, napi_callback_info info) {
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
  session->one_by_one = false;
  return js_bool(env, true);
}

/* setKeys(session, profile, localKey, localSalt, remoteKey, remoteSalt, cryptex): done */
napi_value js_set_keys(napi_env env, napi_callback_info info) {
  napi_value argv[7];
  uint8_t *keys[4];
  packet_io_t *io = this_io(env, info, 7, argv);
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
  if (js_to_bool(env, argv[6])) srtp_use_cryptex(srtp);
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
napi_value js_register_ufrag(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  char text[MAX_UFRAG + 2];
  packet_io_t *io = this_io(env, info, 1, argv);
  if (io == NULL) return js_bool(env, true);
  int length = to_ufrag(env, argv[0], text);
  return js_bool(env, udp_group_add_ufrag(io->group, (const uint8_t *)text, length, io->worker));
}

/* unregisterUfrag(ufrag) */
napi_value js_unregister_ufrag(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  char text[MAX_UFRAG + 2];
  packet_io_t *io = this_io(env, info, 1, argv);
  if (io == NULL) return NULL;
  int length = to_ufrag(env, argv[0], text);
  udp_group_remove_ufrag(io->group, (const uint8_t *)text, length, io->worker);
  return NULL;
}
