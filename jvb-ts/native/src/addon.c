/* Entry of the addon: UDP batches, DTLS, and SRTP alone for test tables and load generators. */
#include <node_api.h>

#include "dtls.h"
#include "js.h"
#include "packet-io.h"
#include "srtp.h"
#include "wire.h"

static const napi_type_tag srtp_tag = {0x6a76627372747001u, 0x8f3d1b2a9c4e7704u};

static void on_srtp_gone(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  srtp_free(data);
}

/* srtpSession(profile, localKey, localSalt, remoteKey, remoteSalt, cryptex): external */
static napi_value js_srtp_session(napi_env env, napi_callback_info info) {
  size_t argc = 6;
  napi_value argv[6], external;
  uint8_t *keys[4];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  int profile = js_to_int(env, argv[0]);
  for (int i = 0; i < 4; i++) {
    size_t length = 0, expected = i % 2 == 0 ? 16 : (size_t)srtp_salt_length(profile);
    if (!js_array(env, argv[1 + i], &keys[i], &length) || length != expected)
      return js_throw(env, "wrong key length");
  }
  srtp_session_t *session = srtp_new(profile, keys[0], keys[1], keys[2], keys[3]);
  if (session == NULL) return js_throw(env, "unknown SRTP profile");
  if (js_to_bool(env, argv[5])) srtp_use_cryptex(session);
  napi_create_external(env, session, on_srtp_gone, NULL, &external);
  napi_type_tag_object(env, external, &srtp_tag);
  return external;
}

typedef int (*transform_t)(srtp_session_t *, uint8_t *, int *);

static int protect_once(srtp_session_t *session, uint8_t *packet, int *length) {
  return srtp_protect(session, packet, length, false);
}

static int protect_repeatable(srtp_session_t *session, uint8_t *packet, int *length) {
  return srtp_protect(session, packet, length, true);
}

/* Which of them it is comes as the function's data. */
static const transform_t transforms[] = {protect_once, srtcp_protect, srtp_unprotect,
                                         srtcp_unprotect, protect_repeatable};

/* f(session, bytes, offset, length): the new length, or minus the status */
static napi_value js_transform(napi_env env, napi_callback_info info) {
  size_t argc = 4, size;
  napi_value argv[4];
  void *which = NULL, *session = NULL;
  uint8_t *bytes;
  bool matches = false;
  napi_get_cb_info(env, info, &argc, argv, NULL, &which);
  int offset = js_to_int(env, argv[2]), length = js_to_int(env, argv[3]);
  if (napi_check_object_type_tag(env, argv[0], &srtp_tag, &matches) != napi_ok || !matches ||
      napi_get_value_external(env, argv[0], &session) != napi_ok ||
      !js_array(env, argv[1], &bytes, &size) || offset < 0 || length < 0 ||
      (size_t)offset + (size_t)length + SRTP_MAX_TRAILER > size)
    return js_throw(env, "not an SRTP session, or no room for the trailer");
  int status = (*(const transform_t *)which)(session, bytes + offset, &length);
  return js_int(env, status == STATUS_OK ? length : -status);
}

NAPI_MODULE_INIT() {
  packet_io_register(env, exports);
  dtls_register(env, exports);
  js_function(env, exports, "srtpSession", js_srtp_session, NULL);
  js_function(env, exports, "srtpProtect", js_transform, (void *)&transforms[0]);
  js_function(env, exports, "srtcpProtect", js_transform, (void *)&transforms[1]);
  js_function(env, exports, "srtpUnprotect", js_transform, (void *)&transforms[2]);
  js_function(env, exports, "srtcpUnprotect", js_transform, (void *)&transforms[3]);
  js_function(env, exports, "srtpProtectRepeatable", js_transform, (void *)&transforms[4]);
  return exports;
}
