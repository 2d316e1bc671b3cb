/* DTLS 1.2 sessions over OpenSSL for JavaScript; see dtls-engine.ts for the door. */
#ifndef JVB_DTLS_H
#define JVB_DTLS_H

#include <node_api.h>

/* Adds `dtls*` functions to `exports`. */
void dtls_register(napi_env env, napi_value exports);

#endif
