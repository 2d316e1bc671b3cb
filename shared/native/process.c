/*
 * What Node cannot do with its own process:
 *   trim()                   gives the system what the C library holds unused, between blocks in use too
 *   endWithin(status, ms)    ends the process with this status if it still lives then
 */
#include <malloc.h>
#include <node_api.h>
#include <pthread.h>
#include <stdatomic.h>
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

static void *end_late(void *data) {
  struct ending *ending = data;
  struct timespec rest = {.tv_sec = ending->ms / 1000,
                          .tv_nsec = (long)(ending->ms % 1000) * 1000000};
  while (nanosleep(&rest, &rest) != 0) continue;
  _exit(ending->status);
  return NULL;
}

static napi_value end_within(napi_env env, napi_callback_info info) {
  static atomic_flag asked = ATOMIC_FLAG_INIT;
  static struct ending ending;
  napi_value arguments[2];
  size_t count = 2;
  int32_t status;
  uint32_t ms;
  pthread_t thread;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 2 ||
      napi_get_value_int32(env, arguments[0], &status) != napi_ok ||
      napi_get_value_uint32(env, arguments[1], &ms) != napi_ok) {
    napi_throw_type_error(env, NULL, "endWithin(status, ms)");
    return NULL;
  }
  /* Whoever asks first decides, as the first exit does. */
  if (atomic_flag_test_and_set(&asked)) return NULL;
  ending = (struct ending){.status = status, .ms = ms};
  if (pthread_create(&thread, NULL, end_late, &ending) == 0) pthread_detach(thread);
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
