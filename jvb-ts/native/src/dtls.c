#include "dtls.h"

#include <math.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "js.h"
#include "wire.h"

/* ---- time ----
 * OpenSSL asks gettimeofday() when to retransmit. The linker redirects its calls here
 * (--wrap=gettimeofday), so that a session knows only the time its caller passes. */

int __real_gettimeofday(struct timeval *tv, void *tz);
int __wrap_gettimeofday(struct timeval *tv, void *tz);
static _Thread_local bool dtls_time_given;
static _Thread_local struct timeval dtls_time;

int __wrap_gettimeofday(struct timeval *tv, void *tz) {
  if (!dtls_time_given) return __real_gettimeofday(tv, tz);
  *tv = dtls_time;
  return 0;
}

static void enter(double now_ms) {
  /* Away from zero, which OpenSSL reads as "no timer". */
  double seconds = floor(now_ms / 1e3);
  dtls_time.tv_sec = (time_t)seconds + 1000;
  dtls_time.tv_usec = (suseconds_t)((now_ms - seconds * 1e3) * 1e3);
  dtls_time_given = true;
  ERR_clear_error();
}

static void leave(void) { dtls_time_given = false; }

/* RFC 6347 4.2.4.1 advises 1 s for unknown networks; behind a validated ICE pair the round trip is
 * short and loss is the likelier reason for silence. */
static unsigned int next_timer(SSL *ssl, unsigned int previous_us) {
  (void)ssl;
  if (previous_us == 0) return 250000;
  return previous_us >= 2000000 ? 4000000 : previous_us * 2;
}

/* ---- session ---- */

enum { HANDSHAKING = 0, CONNECTED = 1, CLOSED = 2, FAILED = 3 };
/* Largest application datagram either way (jvb-media 2.1: records of 1472 and 1408 bytes). */
enum { MAX_RECORD = 16384, MAX_OUTPUT = 64 };
/* A handshake message claims at most this much: a certificate is 0.3 to 5 kB and one of the first
 * messages, the others are smaller. No handshake has a message beyond the ninth. OpenSSL keeps early
 * ones, so an unauthenticated peer pins at most 45 kB. */
enum { MAX_CERTIFICATE = 6144, MAX_OTHER_MESSAGE = 3072, CERTIFICATE = 11 };
enum { LAST_CERTIFICATE = 4, LAST_MESSAGE = 8, FATAL = 2 };
/* Datagrams of epoch 1 that OpenSSL may keep before the handshake has reached that epoch. */
enum { MAX_EARLY = 4 };

typedef struct {
  uint8_t *bytes;
  size_t length;
} chunk_t;

typedef struct {
  SSL *ssl;
  bool client;
  int state;
  int early;
  char error[160];
  double deadline; /* NaN: none */
  const uint8_t *in;
  int in_length;
  chunk_t out[MAX_OUTPUT];
  int out_count;
  chunk_t data[MAX_OUTPUT];
  int data_count;
} dtls_session_t;

static void chunk_add(chunk_t *chunks, int *count, const uint8_t *bytes, size_t length) {
  if (*count >= MAX_OUTPUT) return; /* datagrams may be lost */
  uint8_t *copy = malloc(length > 0 ? length : 1);
  if (copy == NULL) return;
  memcpy(copy, bytes, length);
  chunks[(*count)++] = (chunk_t){copy, length};
}

static void chunks_clear(chunk_t *chunks, int *count) {
  for (int i = 0; i < *count; i++) free(chunks[i].bytes);
  *count = 0;
}

/* ---- the BIO: one datagram in, datagrams out; a plain memory BIO would join datagrams ---- */

static int bio_read(BIO *bio, char *out, int size) {
  dtls_session_t *session = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (session == NULL || session->in == NULL) {
    BIO_set_retry_read(bio);
    return -1;
  }
  int length = session->in_length < size ? session->in_length : size;
  memcpy(out, session->in, (size_t)length);
  session->in = NULL;
  return length;
}

static int bio_write(BIO *bio, const char *bytes, int length) {
  dtls_session_t *session = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (session != NULL && length > 0)
    chunk_add(session->out, &session->out_count, (const uint8_t *)bytes, (size_t)length);
  return length;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static BIO_METHOD *bio_method(void) {
  static _Thread_local BIO_METHOD *method;
  if (method == NULL) {
    method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "datagram");
    if (method == NULL) return NULL;
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
  }
  return method;
}

/* ---- stepping ---- */

static void fail(dtls_session_t *session, const char *fallback) {
  if (session->state == FAILED) return;
  unsigned long code = ERR_peek_last_error();
  const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
  snprintf(session->error, sizeof session->error, "%s", reason != NULL ? reason : fallback);
  session->state = FAILED;
}

/* After a call that returned `result`: true when the peer's next datagram may continue. */
static bool waits(dtls_session_t *session, int result) {
  switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return true;
    case SSL_ERROR_ZERO_RETURN:
      session->state = CLOSED;
      return false;
    default:
      fail(session, "handshake failed");
      return false;
  }
}

static void update_deadline(dtls_session_t *session, double now) {
  struct timeval left;
  session->deadline = NAN;
  if (session->state <= CONNECTED && DTLSv1_get_timeout(session->ssl, &left) == 1)
    session->deadline = now + (double)left.tv_sec * 1e3 + (double)left.tv_usec / 1e3;
}

static void handshake(dtls_session_t *session) {
  int result = SSL_do_handshake(session->ssl);
  if (result == 1)
    session->state = CONNECTED;
  else
    waits(session, result);
}

static void read_data(dtls_session_t *session) {
  static _Thread_local uint8_t record[MAX_RECORD];
  while (session->state == CONNECTED) {
    int length = SSL_read(session->ssl, record, sizeof record);
    if (length <= 0) {
      waits(session, length);
      return;
    }
    chunk_add(session->data, &session->data_count, record, (size_t)length);
  }
}

/* Whether the fragments in a handshake record are some that a handshake can have. */
static bool fragments_acceptable(const uint8_t *p, int length) {
  for (int at = 0; at < length;) {
    if (at + 12 > length) return false;
    uint32_t message = read32(p + at) & 0xffffff;
    int number = read16(p + at + 4);
    uint32_t offset = read32(p + at + 5) & 0xffffff, size = read32(p + at + 8) & 0xffffff;
    bool certificate = p[at] == CERTIFICATE && number <= LAST_CERTIFICATE;
    if (number > LAST_MESSAGE || message > (certificate ? MAX_CERTIFICATE : MAX_OTHER_MESSAGE) ||
        offset + size > message || (size == 0 && message > 0) || size > (uint32_t)(length - at - 12))
      return false;
    at += 12 + (int)size;
  }
  return true;
}

/*
 * Looks at the records of an unfinished handshake before OpenSSL does, which would keep too much or
 * give up: whoever can forge the peer's address could end its handshake (RFC 6347 4.1.2.7 wants
 * invalid records ignored). False: drop the datagram. Broken record headers are left to OpenSSL,
 * which skips them.
 */
static bool acceptable(dtls_session_t *session, const uint8_t *p, int length) {
  bool early = false;
  for (int at = 0; at + 13 <= length;) {
    int type = p[at], epoch = read16(p + at + 3), size = read16(p + at + 11);
    if (epoch != 0)
      early = true;
    else if (type < 20 || type > 22)
      return false;
    else if (type == 21 && at + 14 <= length && p[at + 13] != FATAL)
      return false; /* OpenSSL gives up after some warnings */
    else if (type == 22 && at + 13 + size <= length && !fragments_acceptable(p + at + 13, size))
      return false;
    at += 13 + size;
  }
  return !early || session->early++ < MAX_EARLY;
}

static napi_value take_chunks(napi_env env, chunk_t *chunks, int *count) {
  napi_value array;
  napi_create_array_with_length(env, (size_t)*count, &array);
  for (int i = 0; i < *count; i++)
    napi_set_element(env, array, (uint32_t)i, js_bytes(env, chunks[i].bytes, chunks[i].length));
  chunks_clear(chunks, count);
  return array;
}

/* [state, deadline (NaN: none), datagrams, data] */
static napi_value outcome(napi_env env, dtls_session_t *session) {
  napi_value result;
  napi_create_array_with_length(env, 4, &result);
  napi_set_element(env, result, 0, js_int(env, session->state));
  napi_set_element(env, result, 1, js_number(env, session->deadline));
  napi_set_element(env, result, 2, take_chunks(env, session->out, &session->out_count));
  napi_set_element(env, result, 3, take_chunks(env, session->data, &session->data_count));
  return result;
}

/* ---- JavaScript functions ---- */

typedef struct {
  X509 *certificate;
  EVP_PKEY *key;
} identity_t;

static const napi_type_tag identity_tag = {0x6a7662ce57696601u, 0x8f3d1b2a9c4e7701u};
static const napi_type_tag session_tag = {0x6a76625e55696602u, 0x8f3d1b2a9c4e7702u};

static void *unwrap(napi_env env, napi_value value, const napi_type_tag *tag) {
  bool matches = false;
  void *data = NULL;
  if (napi_check_object_type_tag(env, value, tag, &matches) != napi_ok || !matches) return NULL;
  napi_get_value_external(env, value, &data);
  return data;
}

static void identity_free(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  identity_t *identity = data;
  X509_free(identity->certificate);
  EVP_PKEY_free(identity->key);
  free(identity);
}

static void fingerprint_text(const uint8_t *digest, unsigned length, char *text) {
  for (unsigned i = 0; i < length; i++)
    snprintf(text + 3 * i, 4, i + 1 < length ? "%02X:" : "%02X", digest[i]);
}

static bool sign_self(X509 *certificate, EVP_PKEY *key, const char *name) {
  uint8_t serial[8];
  if (RAND_bytes(serial, sizeof serial) != 1) return false;
  serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
  BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
  X509_NAME *subject = X509_get_subject_name(certificate);
  bool done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) &&
              X509_set_version(certificate, X509_VERSION_3) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(certificate), -86400) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(certificate), 7 * 86400) != NULL &&
              X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *)name, -1, -1,
                                         0) == 1 &&
              X509_set_issuer_name(certificate, subject) == 1 &&
              X509_set_pubkey(certificate, key) == 1 &&
              X509_sign(certificate, key, EVP_sha256()) > 0;
  BN_free(number);
  return done;
}

/* dtlsCertificate(commonName): [external, SHA-256 fingerprint] */
static napi_value js_certificate(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1], result, external;
  char name[65] = "";
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  napi_get_value_string_utf8(env, argv[0], name, sizeof name, NULL);
  identity_t *identity = calloc(1, sizeof *identity);
  if (identity == NULL) return js_throw(env, "out of memory");
  identity->key = EVP_EC_gen("P-256");
  identity->certificate = X509_new();
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (identity->key == NULL || identity->certificate == NULL ||
      !sign_self(identity->certificate, identity->key, name) ||
      X509_digest(identity->certificate, EVP_sha256(), digest, &length) != 1) {
    identity_free(env, identity, NULL);
    return js_throw(env, "cannot make a certificate");
  }
  char text[3 * EVP_MAX_MD_SIZE];
  fingerprint_text(digest, length, text);
  napi_create_external(env, identity, identity_free, NULL, &external);
  napi_type_tag_object(env, external, &identity_tag);
  napi_create_array_with_length(env, 2, &result);
  napi_set_element(env, result, 0, external);
  napi_set_element(env, result, 1, js_text(env, text));
  return result;
}

/* Any chain: the fingerprint from signalling decides, above. OpenSSL still verifies that the peer
 * owns the certificate's key. */
static int accept_chain(X509_STORE_CTX *store, void *argument) {
  (void)store;
  (void)argument;
  return 1;
}

static void session_release(dtls_session_t *session) {
  SSL_free(session->ssl);
  session->ssl = NULL;
  session->deadline = NAN;
  chunks_clear(session->out, &session->out_count);
  chunks_clear(session->data, &session->data_count);
}

static void session_free(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  session_release(data);
  free(data);
}

static SSL_CTX *context_new(const identity_t *identity, const char *ciphers, const char *profiles) {
  SSL_CTX *context = SSL_CTX_new(DTLS_method());
  if (context == NULL) return NULL;
  /* RSA certificates of 1024 bits and SHA-1 signatures are as good as any: only the fingerprint
   * counts. Below 1 OpenSSL would allow anonymous suites. */
  SSL_CTX_set_security_level(context, 1);
  SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  SSL_CTX_set_cert_verify_callback(context, accept_chain, NULL);
  SSL_CTX_set_max_cert_list(context, MAX_CERTIFICATE);
  SSL_CTX_set_read_ahead(context, 1);
  /* The last returns 0 for success, unlike everything else here. */
  if (SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
      SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
      SSL_CTX_set_cipher_list(context, ciphers) == 1 &&
      SSL_CTX_use_certificate(context, identity->certificate) == 1 &&
      SSL_CTX_use_PrivateKey(context, identity->key) == 1 &&
      SSL_CTX_set_tlsext_use_srtp(context, profiles) == 0)
    return context;
  SSL_CTX_free(context);
  return NULL;
}

/* dtlsContext(identity, ciphers, profiles): external; kept per certificate by the caller. */
static const napi_type_tag context_tag = {0x6a7662c0de696603u, 0x8f3d1b2a9c4e7703u};

static void context_free(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  SSL_CTX_free(data);
}

static napi_value js_context(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value argv[3], external;
  char ciphers[1024] = "", profiles[256] = "";
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  identity_t *identity = unwrap(env, argv[0], &identity_tag);
  if (identity == NULL) return js_throw(env, "not a certificate");
  napi_get_value_string_utf8(env, argv[1], ciphers, sizeof ciphers, NULL);
  napi_get_value_string_utf8(env, argv[2], profiles, sizeof profiles, NULL);
  SSL_CTX *context = context_new(identity, ciphers, profiles);
  ERR_clear_error();
  if (context == NULL) return js_throw(env, "unknown cipher suite or SRTP profile");
  napi_create_external(env, context, context_free, NULL, &external);
  napi_type_tag_object(env, external, &context_tag);
  return external;
}

/* dtlsSession(context, client, mtu): external */
static napi_value js_session(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value argv[3], external;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  SSL_CTX *context = unwrap(env, argv[0], &context_tag);
  if (context == NULL) return js_throw(env, "not a DTLS context");
  bool client = false;
  napi_get_value_bool(env, argv[1], &client);
  dtls_session_t *session = calloc(1, sizeof *session);
  if (session == NULL) return js_throw(env, "out of memory");
  session->client = client;
  session->deadline = NAN;
  session->ssl = SSL_new(context);
  BIO *bio = BIO_new(bio_method());
  if (session->ssl == NULL || bio == NULL) {
    BIO_free(bio);
    session_free(env, session, NULL);
    return js_throw(env, "out of memory");
  }
  BIO_set_data(bio, session);
  BIO_set_init(bio, 1);
  SSL_set_bio(session->ssl, bio, bio);
  DTLS_set_timer_cb(session->ssl, next_timer);
  SSL_set_mtu(session->ssl, js_to_int(env, argv[2]));
  if (client)
    SSL_set_connect_state(session->ssl);
  else
    SSL_set_accept_state(session->ssl);
  napi_create_external(env, session, session_free, NULL, &external);
  napi_type_tag_object(env, external, &session_tag);
  return external;
}

static dtls_session_t *arguments(napi_env env, napi_callback_info info, size_t argc,
                                 napi_value *argv) {
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  dtls_session_t *session = unwrap(env, argv[0], &session_tag);
  return session != NULL && session->ssl != NULL ? session : NULL;
}

/* dtlsStart(session, now) */
static napi_value js_start(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  dtls_session_t *session = arguments(env, info, 2, argv);
  if (session == NULL) return js_throw(env, "not a DTLS session");
  double now = js_to_number(env, argv[1]);
  if (session->client && session->state == HANDSHAKING) {
    enter(now);
    handshake(session);
    update_deadline(session, now);
    leave();
  }
  return outcome(env, session);
}

/* dtlsReceive(session, datagram, now) */
static napi_value js_receive(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  uint8_t *bytes;
  size_t length;
  dtls_session_t *session = arguments(env, info, 3, argv);
  if (session == NULL || !js_array(env, argv[1], &bytes, &length))
    return js_throw(env, "not a DTLS session");
  double now = js_to_number(env, argv[2]);
  if (session->state <= CONNECTED && length > 0 && length <= MAX_RECORD &&
      (session->state == CONNECTED || acceptable(session, bytes, (int)length))) {
    enter(now);
    session->in = bytes;
    session->in_length = (int)length;
    if (session->state == HANDSHAKING) handshake(session);
    read_data(session);
    session->in = NULL;
    update_deadline(session, now);
    leave();
  }
  return outcome(env, session);
}

/* dtlsSend(session, data) */
static napi_value js_send(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  uint8_t *bytes;
  size_t length;
  dtls_session_t *session = arguments(env, info, 2, argv);
  if (session == NULL || !js_array(env, argv[1], &bytes, &length))
    return js_throw(env, "not a DTLS session");
  if (session->state == CONNECTED && length > 0 && length <= MAX_DATAGRAM) {
    ERR_clear_error();
    int result = SSL_write(session->ssl, bytes, (int)length);
    if (result <= 0) waits(session, result);
  }
  return outcome(env, session);
}

/* dtlsTimeout(session, now) */
static napi_value js_timeout(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  dtls_session_t *session = arguments(env, info, 2, argv);
  if (session == NULL) return js_throw(env, "not a DTLS session");
  double now = js_to_number(env, argv[1]);
  if (session->state <= CONNECTED && now >= session->deadline) {
    session->early = 0;
    enter(now);
    if (DTLSv1_handle_timeout(session->ssl) < 0) fail(session, "too many retransmissions");
    update_deadline(session, now);
    leave();
  }
  return outcome(env, session);
}

/* dtlsClose(session) */
static napi_value js_close(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  dtls_session_t *session = arguments(env, info, 1, argv);
  if (session == NULL) return js_throw(env, "not a DTLS session");
  ERR_clear_error();
  if (session->state == CONNECTED) SSL_shutdown(session->ssl);
  if (session->state <= CONNECTED) session->state = CLOSED;
  session->deadline = NAN;
  napi_value result = outcome(env, session);
  session_release(session);
  return result;
}

/* dtlsError(session): text */
static napi_value js_error(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  dtls_session_t *session = arguments(env, info, 1, argv);
  return js_text(env, session == NULL ? "" : session->error);
}

/* dtlsFingerprint(session, OpenSSL digest name): text, or undefined */
static napi_value js_fingerprint(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  char name[32] = "", text[3 * EVP_MAX_MD_SIZE];
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  dtls_session_t *session = arguments(env, info, 2, argv);
  if (session == NULL || session->state != CONNECTED) return NULL;
  napi_get_value_string_utf8(env, argv[1], name, sizeof name, NULL);
  const EVP_MD *md = EVP_get_digestbyname(name);
  X509 *peer = SSL_get0_peer_certificate(session->ssl);
  if (md == NULL || peer == NULL || X509_digest(peer, md, digest, &length) != 1) return NULL;
  fingerprint_text(digest, length, text);
  return js_text(env, text);
}

/* dtlsKeys(session): [profile, client is us, keying material], or undefined (RFC 5764 4.2) */
static napi_value js_keys(napi_env env, napi_callback_info info) {
  static const char label[] = "EXTRACTOR-dtls_srtp";
  napi_value argv[1], result;
  uint8_t material[60];
  dtls_session_t *session = arguments(env, info, 1, argv);
  if (session == NULL || session->state != CONNECTED) return NULL;
  const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(session->ssl);
  if (profile == NULL) return NULL;
  size_t length = profile->id == SRTP_AEAD_AES_128_GCM ? 2 * (16 + 12) : 2 * (16 + 14);
  if (SSL_export_keying_material(session->ssl, material, length, label, sizeof label - 1, NULL, 0,
                                 0) != 1)
    return NULL;
  napi_create_array_with_length(env, 2, &result);
  napi_set_element(env, result, 0, js_int(env, (int32_t)profile->id));
  napi_set_element(env, result, 1, js_bytes(env, material, length));
  OPENSSL_cleanse(material, sizeof material);
  return result;
}

/* dtlsCipher(session): OpenSSL's name of the agreed suite, or undefined */
static napi_value js_cipher(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  dtls_session_t *session = arguments(env, info, 1, argv);
  if (session == NULL || session->state != CONNECTED) return NULL;
  return js_text(env, SSL_get_cipher_name(session->ssl));
}

void dtls_register(napi_env env, napi_value exports) {
  /* The machine's openssl.cnf must not change what the bridge accepts. */
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
  js_function(env, exports, "dtlsCertificate", js_certificate, NULL);
  js_function(env, exports, "dtlsContext", js_context, NULL);
  js_function(env, exports, "dtlsSession", js_session, NULL);
  js_function(env, exports, "dtlsStart", js_start, NULL);
  js_function(env, exports, "dtlsReceive", js_receive, NULL);
  js_function(env, exports, "dtlsSend", js_send, NULL);
  js_function(env, exports, "dtlsTimeout", js_timeout, NULL);
  js_function(env, exports, "dtlsClose", js_close, NULL);
  js_function(env, exports, "dtlsError", js_error, NULL);
  js_function(env, exports, "dtlsFingerprint", js_fingerprint, NULL);
  js_function(env, exports, "dtlsKeys", js_keys, NULL);
  js_function(env, exports, "dtlsCipher", js_cipher, NULL);
}
