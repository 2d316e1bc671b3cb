#include "cipher.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <string.h>

/* What the provider offers for one mode. */
typedef struct {
  OSSL_FUNC_cipher_newctx_fn *create;
  OSSL_FUNC_cipher_freectx_fn *destroy;
  OSSL_FUNC_cipher_encrypt_init_fn *start_encrypt;
  OSSL_FUNC_cipher_decrypt_init_fn *start_decrypt;
  OSSL_FUNC_cipher_update_fn *update;
  OSSL_FUNC_cipher_final_fn *finish;
  OSSL_FUNC_cipher_get_ctx_params_fn *get;
  OSSL_FUNC_cipher_set_ctx_params_fn *set;
} functions_t;

static pthread_once_t found = PTHREAD_ONCE_INIT;
static functions_t modes[2];
static void *provider_context;

/* Whether `name` is in a list separated by colons. */
static bool is_named(const char *names, const char *name) {
  size_t length = strlen(name);
  for (const char *at = names; at != NULL; at = strchr(at, ':')) {
    if (*at == ':') at++;
    if (strncmp(at, name, length) == 0 && (at[length] == ':' || at[length] == 0)) return true;
  }
  return false;
}

static void take(functions_t *functions, const OSSL_DISPATCH *offered) {
  for (; offered->function_id != 0; offered++) {
    switch (offered->function_id) {
      case OSSL_FUNC_CIPHER_NEWCTX:
        functions->create = OSSL_FUNC_cipher_newctx(offered);
        break;
      case OSSL_FUNC_CIPHER_FREECTX:
        functions->destroy = OSSL_FUNC_cipher_freectx(offered);
        break;
      case OSSL_FUNC_CIPHER_ENCRYPT_INIT:
        functions->start_encrypt = OSSL_FUNC_cipher_encrypt_init(offered);
        break;
      case OSSL_FUNC_CIPHER_DECRYPT_INIT:
        functions->start_decrypt = OSSL_FUNC_cipher_decrypt_init(offered);
        break;
      case OSSL_FUNC_CIPHER_UPDATE:
        functions->update = OSSL_FUNC_cipher_update(offered);
        break;
      case OSSL_FUNC_CIPHER_FINAL:
        functions->finish = OSSL_FUNC_cipher_final(offered);
        break;
      case OSSL_FUNC_CIPHER_GET_CTX_PARAMS:
        functions->get = OSSL_FUNC_cipher_get_ctx_params(offered);
        break;
      case OSSL_FUNC_CIPHER_SET_CTX_PARAMS:
        functions->set = OSSL_FUNC_cipher_set_ctx_params(offered);
        break;
      default:
        break;
    }
  }
}

static void find(void) {
  OSSL_PROVIDER *provider = OSSL_PROVIDER_load(NULL, "default");
  int unused;
  if (provider == NULL) return;
  provider_context = OSSL_PROVIDER_get0_provider_ctx(provider);
  const OSSL_ALGORITHM *each = OSSL_PROVIDER_query_operation(provider, OSSL_OP_CIPHER, &unused);
  for (; each != NULL && each->algorithm_names != NULL; each++) {
    if (is_named(each->algorithm_names, "AES-128-GCM"))
      take(&modes[CIPHER_GCM], each->implementation);
    if (is_named(each->algorithm_names, "AES-128-CTR"))
      take(&modes[CIPHER_CTR], each->implementation);
  }
}

static bool start(const cipher_t *cipher, const uint8_t *key, const uint8_t *iv, size_t iv_length) {
  const functions_t *functions = &modes[cipher->mode];
  size_t key_length = key == NULL ? 0 : 16;
  return (cipher->encrypt ? functions->start_encrypt : functions->start_decrypt)(
             cipher->context, key, key_length, iv, iv_length, NULL) == 1;
}

bool cipher_init(cipher_t *cipher, int mode, bool encrypt, const uint8_t key[16]) {
  const functions_t *functions = &modes[mode];
  pthread_once(&found, find);
  *cipher = (cipher_t){.mode = mode, .encrypt = encrypt};
  if (functions->create == NULL || functions->destroy == NULL || functions->start_encrypt == NULL ||
      functions->start_decrypt == NULL || functions->update == NULL || functions->finish == NULL ||
      functions->get == NULL || functions->set == NULL)
    return false;
  cipher->context = functions->create(provider_context);
  return cipher->context != NULL && start(cipher, key, NULL, 0);
}

void cipher_free(cipher_t *cipher) {
  if (cipher->context != NULL) modes[cipher->mode].destroy(cipher->context);
  cipher->context = NULL;
}

/* `to` is NULL for what is authenticated only. */
static bool update(const cipher_t *cipher, uint8_t *to, const uint8_t *from, int length) {
  size_t done, size = (size_t)length;
  return length == 0 || modes[cipher->mode].update(cipher->context, to, &done, size, from, size) == 1;
}

static bool run(const cipher_t *cipher, const uint8_t *aad, int aad_length, const uint8_t *aad2,
                uint8_t *data, int length) {
  size_t done;
  uint8_t rest[16];
  return update(cipher, NULL, aad, aad_length) && (aad2 == NULL || update(cipher, NULL, aad2, 4)) &&
         update(cipher, data, data, length) &&
         modes[CIPHER_GCM].finish(cipher->context, rest, &done, sizeof rest) == 1;
}

bool cipher_seal(const cipher_t *cipher, const uint8_t iv[GCM_IV], const uint8_t *aad,
                 int aad_length, const uint8_t *aad2, uint8_t *data, int length,
                 uint8_t tag[GCM_TAG]) {
  OSSL_PARAM params[] = {OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, GCM_TAG),
                         OSSL_PARAM_END};
  return start(cipher, NULL, iv, GCM_IV) && run(cipher, aad, aad_length, aad2, data, length) &&
         modes[CIPHER_GCM].get(cipher->context, params) == 1;
}

bool cipher_open(const cipher_t *cipher, const uint8_t iv[GCM_IV], const uint8_t *aad,
                 int aad_length, const uint8_t *aad2, uint8_t *data, int length,
                 uint8_t tag[GCM_TAG]) {
  OSSL_PARAM params[] = {OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, GCM_TAG),
                         OSSL_PARAM_END};
  return start(cipher, NULL, iv, GCM_IV) &&
         modes[CIPHER_GCM].set(cipher->context, params) == 1 &&
         run(cipher, aad, aad_length, aad2, data, length);
}

bool cipher_count(const cipher_t *cipher, const uint8_t iv[CTR_IV], const uint8_t *from,
                  uint8_t *to, int length) {
  return start(cipher, NULL, iv, CTR_IV) && update(cipher, to, from, length);
}
