#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "packet-io.h"

#include <stdlib.h>
#include <string.h>

#include "packet-state.h"

/* ---- life ---- */

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

/* ---- wake-ups ---- */

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
