/*
 * Waits for the sockets of one thread in its event loop's stead.
 *
 * Between two datagrams the loop would go once around: twice epoll_pwait (Node has it measure its
 * idle time), timers, immediates and their bookkeeping, all for a datagram that comes alone. The
 * waiter polls the sockets (or the bell of a ring) together with the loop's own descriptor just
 * before the loop would, calls back for what is readable, and goes on doing so until the loop has
 * something to do itself: a timer, an immediate, a message of another thread, a descriptor to watch.
 */
#ifndef JVB_WAITER_H
#define JVB_WAITER_H

#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

typedef struct waiter waiter_t;

/* `readable` has a bit for each place, as given to `waiter_add`, whose socket may be read. */
typedef void (*waiter_ready_t)(void *owner, uint32_t readable);

/* The waiter of this environment, which lives as long as somebody uses it. NULL without memory. */
waiter_t *waiter_use(waiter_t **slot, napi_env env, uv_loop_t *loop);
/* Adds a socket of `owner`; places are below 32. */
bool waiter_add(waiter_t *waiter, int fd, void *owner, int place, waiter_ready_t ready);
/* Ends one use, and the watch over all sockets of `owner`. */
void waiter_leave(waiter_t *waiter, void *owner);

#endif
