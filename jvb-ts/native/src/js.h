/* Small bridges to Node-API. The TypeScript side passes well-typed values; the checks keep a slip
 * there from becoming a memory fault here. */
#ifndef JVB_JS_H
#define JVB_JS_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void js_function(napi_env env, napi_value object, const char *name,
                               napi_callback callback, void *data) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function) == napi_ok)
    napi_set_named_property(env, object, name, function);
}

static inline napi_value js_int(napi_env env, int32_t value) {
  napi_value result = NULL;
  napi_create_int32(env, value, &result);
  return result;
}

static inline napi_value js_number(napi_env env, double value) {
  napi_value result = NULL;
  napi_create_double(env, value, &result);
  return result;
}

static inline napi_value js_text(napi_env env, const char *text) {
  napi_value result = NULL;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

static inline napi_value js_bool(napi_env env, bool value) {
  napi_value result = NULL;
  napi_get_boolean(env, value, &result);
  return result;
}

static inline bool js_to_bool(napi_env env, napi_value value) {
  bool result = false;
  napi_get_value_bool(env, value, &result);
  return result;
}

static inline int32_t js_to_int(napi_env env, napi_value value) {
  int32_t result = -1;
  napi_get_value_int32(env, value, &result);
  return result;
}

static inline double js_to_number(napi_env env, napi_value value) {
  double result = 0;
  napi_get_value_double(env, value, &result);
  return result;
}

/* The memory of a typed array (any element type); false when it is none. */
static inline bool js_array(napi_env env, napi_value value, uint8_t **data, size_t *bytes) {
  bool is = false;
  if (napi_is_typedarray(env, value, &is) != napi_ok || !is) return false;
  napi_typedarray_type type;
  size_t length;
  if (napi_get_typedarray_info(env, value, &type, &length, (void **)data, NULL, NULL) != napi_ok)
    return false;
  static const uint8_t width[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  *bytes = length * ((size_t)type < sizeof width ? width[type] : 1);
  return true;
}

static inline napi_value js_bytes(napi_env env, const uint8_t *bytes, size_t length) {
  napi_value buffer = NULL, array = NULL;
  void *data = NULL;
  if (napi_create_arraybuffer(env, length, &data, &buffer) != napi_ok) return NULL;
  for (size_t i = 0; i < length; i++) ((uint8_t *)data)[i] = bytes[i];
  napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array);
  return array;
}

static inline napi_value js_throw(napi_env env, const char *message) {
  napi_throw_error(env, "ERR_JVB_NATIVE", message);
  return NULL;
}

#endif
