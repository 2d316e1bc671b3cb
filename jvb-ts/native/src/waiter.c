#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "waiter.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The loop gets its turn at least after so many waits, whatever it says. */
enum { MAX_WAITS = 64 };

typedef struct {
  void *owner;
  int place;
  waiter_ready_t ready;
} watched_t;

struct waiter {
  waiter_t **slot;
  uv_loop_t *loop;
  uv_prepare_t prepare;
  uv_idle_t idle; /* active: the loop must not block, for it does not see our sockets */
  napi_async_cleanup_hook_handle hook;
  int uses, handles;
  int count, room;
  struct pollfd *polled; /* the loop's descriptor, then the sockets */
  watched_t *watched;    /* of the sockets */
  uint32_t changes;
};

static void on_idle(uv_idle_t *handle) { (void)handle; }

/* Tells each owner once. An owner may add, leave, or use no waiter any more meanwhile: then what is
 * left comes with the next wait. */
static void dispatch(waiter_t *waiter) {
  uint32_t changes = waiter->changes;
  for (int i = 0; i < waiter->count; i++) {
    if (waiter->polled[1 + i].revents == 0) continue;
    watched_t watched = waiter->watched[i];
    uint32_t readable = 0;
    for (int k = i; k < waiter->count; k++) {
      if (waiter->polled[1 + k].revents == 0 || waiter->watched[k].owner != watched.owner) continue;
      readable |= 1u << waiter->watched[k].place;
      waiter->polled[1 + k].revents = 0;
    }
    watched.ready(watched.owner, readable);
    if (waiter->changes != changes) return;
  }
}

/* How long nothing happens by itself, as uv_backend_timeout; what has been opened meanwhile is
 * watched from the loop's next turn on. */
static int longest_wait(uv_loop_t *loop) {
  bool has_new = loop->watcher_queue.next != &loop->watcher_queue;
  return has_new ? 0 : uv_backend_timeout(loop);
}

static void on_prepare(uv_prepare_t *handle) {
  waiter_t *waiter = handle->data;
  uv_loop_t *loop = waiter->loop;
  uv_idle_stop(&waiter->idle);
  for (int waits = 0; waits < MAX_WAITS; waits++) {
    int timeout = longest_wait(loop);
    waiter->polled[0].revents = 0;
    int ready = poll(waiter->polled, (nfds_t)waiter->count + 1, timeout);
    uv_update_time(loop);
    /* Short of memory for a moment: what is missed now is still there the next time. */
    if (ready < 0 && errno != EINTR) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    bool is_loops_turn = ready <= 0 || timeout == 0 || waiter->polled[0].revents != 0;
    if (ready > 0) dispatch(waiter);
    if (waiter->uses == 0) return;
    if (is_loops_turn) break;
  }
  uv_idle_start(&waiter->idle, on_idle);
}

static void on_closed(uv_handle_t *handle) {
  waiter_t *waiter = handle->data;
  if (--waiter->handles > 0) return;
  if (waiter->hook != NULL) napi_remove_async_cleanup_hook(waiter->hook);
  free(waiter->polled);
  free(waiter->watched);
  free(waiter);
}

/* The users have hooks of their own, and the last of them closes the handles. */
static void on_environment_exit(napi_async_cleanup_hook_handle handle, void *data) {
  (void)handle;
  (void)data;
}

waiter_t *waiter_use(waiter_t **slot, napi_env env, uv_loop_t *loop) {
  waiter_t *waiter = *slot;
  if (waiter == NULL) {
    waiter = calloc(1, sizeof *waiter);
    struct pollfd *polled = calloc(1, sizeof *polled);
    if (waiter == NULL || polled == NULL) {
      free(waiter);
      free(polled);
      return NULL;
    }
    polled->fd = uv_backend_fd(loop);
    polled->events = POLLIN;
    waiter->polled = polled;
    waiter->slot = slot;
    waiter->loop = loop;
    waiter->handles = 2;
    uv_prepare_init(loop, &waiter->prepare);
    uv_idle_init(loop, &waiter->idle);
    waiter->prepare.data = waiter->idle.data = waiter;
    uv_prepare_start(&waiter->prepare, on_prepare);
    napi_add_async_cleanup_hook(env, on_environment_exit, waiter, &waiter->hook);
    *slot = waiter;
  }
  waiter->uses++;
  return waiter;
}

bool waiter_add(waiter_t *waiter, int fd, void *owner, int place, waiter_ready_t ready) {
  if (waiter->count == waiter->room) {
    int room = waiter->room == 0 ? 8 : waiter->room * 2;
    struct pollfd *polled = realloc(waiter->polled, ((size_t)room + 1) * sizeof *polled);
    if (polled != NULL) waiter->polled = polled;
    watched_t *watched = realloc(waiter->watched, (size_t)room * sizeof *watched);
    if (watched != NULL) waiter->watched = watched;
    if (polled == NULL || watched == NULL) return false;
    waiter->room = room;
  }
  waiter->watched[waiter->count] = (watched_t){owner, place, ready};
  waiter->polled[++waiter->count] = (struct pollfd){.fd = fd, .events = POLLIN};
  waiter->changes++;
  return true;
}

void waiter_leave(waiter_t *waiter, void *owner) {
  int kept = 0;
  for (int i = 0; i < waiter->count; i++) {
    if (waiter->watched[i].owner == owner) continue;
    waiter->watched[kept] = waiter->watched[i];
    waiter->polled[1 + kept++] = waiter->polled[1 + i];
  }
  waiter->count = kept;
  waiter->changes++;
  if (--waiter->uses > 0) return;
  *waiter->slot = NULL;
  uv_close((uv_handle_t *)&waiter->prepare, on_closed);
  uv_close((uv_handle_t *)&waiter->idle, on_closed);
}
