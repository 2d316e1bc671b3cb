/*
 * What Node cannot do with its own process:
 *   trim()                   gives the system what the C library holds unused, between blocks in use too
 *   endWithin(status, ms)    ends the process with this status if it still lives then
 */
#include <malloc.h>
#include <node_api.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

static napi_value trim(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  malloc_trim(0);
  return NULL;
}

struct ending {
  int32_t status;
  uint32_t ms;
};

/* Set once: whoever asks first decides the status, as the first exit does. */
static struct ending ending;
static pthread_once_t begun = PTHREAD_ONCE_INIT;

static void *end_late(void *none) {
  struct timespec rest = {.tv_sec = ending.ms / 1000, .tv_nsec = (long)(ending.ms % 1000) * 1000000};
  while (nanosleep(&rest, &rest) != 0) continue;
  _exit(ending.status);
  return none;
}

static void begin(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, end_late, NULL) == 0) pthread_detach(thread);
}

static napi_value end_within(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  struct ending asked;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 2 ||
      napi_get_value_int32(env, arguments[0], &asked.status) != napi_ok ||
      napi_get_value_uint32(env, arguments[1], &asked.ms) != napi_ok) {
    napi_throw_type_error(env, NULL, "endWithin(status, ms)");
    return NULL;
  }
  if (ending.ms == 0) ending = asked;
  pthread_once(&begun, begin);
  return NULL;
}

static void set_function(napi_env env, napi_value exports, const char *name, napi_callback call) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, call, NULL, &function) == napi_ok)
    napi_set_named_property(env, exports, name, function);
}

NAPI_MODULE_INIT() {
  set_function(env, exports, "trim", trim);
  set_function(env, exports, "endWithin", end_within);
  return exports;
}
