/*
 * AES-128 of OpenSSL's default provider, keyed once and started anew for each packet, called through
 * the provider's own functions (provider-cipher(7)). The EVP layer above them asks the provider for
 * the length of the IV each time, by name: of a packet of 120 bytes that and its like were half of
 * the instructions.
 */
#ifndef JVB_CIPHER_H
#define JVB_CIPHER_H

#include <stdbool.h>
#include <stdint.h>

enum { CIPHER_GCM, CIPHER_CTR };
enum { GCM_TAG = 16, GCM_IV = 12, CTR_IV = 16 };

typedef struct {
  int mode;
  bool encrypt;
  void *context;
} cipher_t;

/* Counter mode is its own inverse: always `encrypt`. False without memory. */
bool cipher_init(cipher_t *cipher, int mode, bool encrypt, const uint8_t key[16]);
void cipher_free(cipher_t *cipher);

/* GCM in place. `aad2` has four bytes, or is NULL. */
bool cipher_seal(const cipher_t *cipher, const uint8_t iv[GCM_IV], const uint8_t *aad,
                 int aad_length, const uint8_t *aad2, uint8_t *data, int length,
                 uint8_t tag[GCM_TAG]);
/* False when the tag is another; then `data` is undefined. */
bool cipher_open(const cipher_t *cipher, const uint8_t iv[GCM_IV], const uint8_t *aad,
                 int aad_length, const uint8_t *aad2, uint8_t *data, int length,
                 uint8_t tag[GCM_TAG]);
/* Counter mode from `from` to `to`, which may be the same. */
bool cipher_count(const cipher_t *cipher, const uint8_t iv[CTR_IV], const uint8_t *from,
                  uint8_t *to, int length);

#endif
