#include "srtp.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "cipher.h"
#include "wire.h"

enum { WINDOW = 128 };
/* Packets that a sender lets through late: RTX may restore them 1500 numbers back. And packets kept
 * for repetition (jvb-ts/src/media/sent-log.ts). */
enum { HISTORY = 2048, REPEATABLE = 512 };
/* SSRCs remembered per session. One arrives in the receive table only with an authentic packet. */
enum { MAX_RX_STREAMS = 1024, MAX_TX_STREAMS = 8192 };
enum { HMAC_TAG = 10 };

/* A replay window (RFC 3711 3.3.2): bit n of the window says that `highest - n` was seen. */
typedef struct {
  uint64_t highest;
  uint64_t bits[WINDOW / 64];
  bool started;
} window_t;

/*
 * Which of the last HISTORY indices went out. Of a stream whose packets may be repeated also the
 * first bytes of the tag of the last REPEATABLE ones: two packets under one index are the same
 * packet when their tags are equal.
 */
typedef struct {
  uint64_t sent[HISTORY / 64]; /* bit n: the newest index that is n modulo HISTORY */
  uint64_t *tags;
} history_t;

typedef struct {
  uint32_t ssrc;
  bool used;
  window_t rtp;       /* sending: `highest` is the highest index used */
  window_t rtcp;      /* sending: `highest` is the last index used */
  history_t *history; /* sending only */
} stream_t;

typedef struct {
  stream_t *slots;
  uint32_t mask;
  uint32_t used;
  uint32_t limit;
} stream_table_t;

/* Keys of RTP or RTCP in one direction. */
typedef struct {
  cipher_t cipher;
  uint8_t salt[16]; /* GCM: 12 bytes; CM: 14 bytes, two zero */
  /* SHA-1 after the inner and the outer key block. EVP_MAC and HMAC_CTX allocate for each
   * message; copying these two states does not (0.3 us less for a packet). */
  SHA_CTX inner, outer;
} stream_keys_t;

typedef struct {
  stream_keys_t rtp, rtcp;
  stream_table_t streams;
} direction_t;

struct srtp_session {
  int profile;
  bool sends_cryptex;
  direction_t tx, rx;
  uint32_t repeated, refused;
  uint8_t master[2 * (16 + 14)];
};

int srtp_salt_length(int profile) { return profile == PROFILE_AEAD_AES_128_GCM ? 12 : 14; }

/* ---- key derivation, RFC 3711 4.3 with key derivation rate 0; RFC 7714 11 for 12-byte salts ---- */

static bool derive(const uint8_t *key, const uint8_t *salt, int salt_length, uint8_t label,
                   uint8_t *out, int length) {
  uint8_t iv[CTR_IV] = {0};
  static const uint8_t zeros[32] = {0};
  cipher_t cipher;
  memcpy(iv, salt, (size_t)salt_length);
  iv[7] ^= label;
  bool done = cipher_init(&cipher, CIPHER_CTR, true, key) &&
              cipher_count(&cipher, iv, zeros, out, length);
  cipher_free(&cipher);
  return done;
}

static bool stream_keys_init(stream_keys_t *keys, int profile, bool encrypt, const uint8_t *key,
                             const uint8_t *salt, uint8_t label) {
  int salt_length = srtp_salt_length(profile);
  uint8_t session_key[16], auth[64] = {0}, block[64];
  bool gcm = profile == PROFILE_AEAD_AES_128_GCM;
  memset(keys->salt, 0, sizeof keys->salt);
  bool done = derive(key, salt, salt_length, label, session_key, 16) &&
              derive(key, salt, salt_length, (uint8_t)(label + 1), auth, 20) &&
              derive(key, salt, salt_length, (uint8_t)(label + 2), keys->salt, salt_length);
  for (int i = 0; i < 64; i++) block[i] = auth[i] ^ 0x36;
  SHA1_Init(&keys->inner);
  SHA1_Update(&keys->inner, block, 64);
  for (int i = 0; i < 64; i++) block[i] = auth[i] ^ 0x5c;
  SHA1_Init(&keys->outer);
  SHA1_Update(&keys->outer, block, 64);
  done = done && cipher_init(&keys->cipher, gcm ? CIPHER_GCM : CIPHER_CTR, encrypt || !gcm,
                             session_key);
  OPENSSL_cleanse(session_key, sizeof session_key);
  OPENSSL_cleanse(auth, sizeof auth);
  OPENSSL_cleanse(block, sizeof block);
  return done;
}

/* ---- streams ---- */

static uint32_t stream_at(const stream_table_t *table, uint32_t ssrc) {
  uint32_t at = (ssrc * 0x9e3779b9u) >> 16 & table->mask;
  while (table->slots[at].used && table->slots[at].ssrc != ssrc) at = (at + 1) & table->mask;
  return at;
}

static void streams_free(stream_table_t *table) {
  for (uint32_t i = 0; table->slots != NULL && i <= table->mask; i++) {
    if (table->slots[i].history != NULL) free(table->slots[i].history->tags);
    free(table->slots[i].history);
  }
  free(table->slots);
}

static bool streams_init(stream_table_t *table, uint32_t limit) {
  table->mask = 15;
  table->used = 0;
  table->limit = limit;
  table->slots = calloc(table->mask + 1, sizeof *table->slots);
  return table->slots != NULL;
}

static stream_t *stream_find(const stream_table_t *table, uint32_t ssrc) {
  stream_t *slot = &table->slots[stream_at(table, ssrc)];
  return slot->used ? slot : NULL;
}

static bool stream_fits(const stream_table_t *table) { return table->used < table->limit; }

/* NULL when the table is full. */
static stream_t *stream_add(stream_table_t *table, uint32_t ssrc) {
  if (!stream_fits(table)) return NULL;
  if ((table->used + 1) * 2 > table->mask) {
    stream_table_t bigger = *table;
    bigger.mask = table->mask * 2 + 1;
    bigger.slots = calloc(bigger.mask + 1, sizeof *bigger.slots);
    if (bigger.slots == NULL) return NULL;
    for (uint32_t i = 0; i <= table->mask; i++)
      if (table->slots[i].used)
        bigger.slots[stream_at(&bigger, table->slots[i].ssrc)] = table->slots[i];
    free(table->slots);
    *table = bigger;
  }
  stream_t *slot = &table->slots[stream_at(table, ssrc)];
  slot->ssrc = ssrc;
  slot->used = true;
  table->used++;
  return slot;
}

/* ---- indices ---- */

static bool window_seen(const window_t *window, uint64_t index) {
  if (!window->started || index > window->highest) return false;
  uint64_t back = window->highest - index;
  return back >= WINDOW || (window->bits[back >> 6] >> (back & 63) & 1) != 0;
}

static void window_mark(window_t *window, uint64_t index) {
  if (!window->started || index > window->highest) {
    uint64_t step = window->started ? index - window->highest : WINDOW;
    if (step >= WINDOW) {
      window->bits[0] = window->bits[1] = 0;
    } else if (step >= 64) {
      window->bits[1] = window->bits[0] << (step - 64);
      window->bits[0] = 0;
    } else {
      window->bits[1] = window->bits[1] << step | window->bits[0] >> (64 - step);
      window->bits[0] <<= step;
    }
    window->bits[0] |= 1;
    window->highest = index;
    window->started = true;
    return;
  }
  uint64_t back = window->highest - index;
  if (back < WINDOW) window->bits[back >> 6] |= (uint64_t)1 << (back & 63);
}

/* Whether `index` of the stream was used, as far as its history reaches: what is older, was. */
static bool was_sent(const stream_t *stream, uint64_t index) {
  if (!stream->rtp.started || index > stream->rtp.highest) return false;
  if (stream->rtp.highest - index >= HISTORY) return true;
  return (stream->history->sent[index % HISTORY / 64] >> (index & 63) & 1) != 0;
}

static void mark_sent(stream_t *stream, uint64_t index) {
  uint64_t *sent = stream->history->sent;
  window_t *window = &stream->rtp;
  if (!window->started || index > window->highest) {
    if (window->started && index - window->highest < HISTORY)
      for (uint64_t i = window->highest + 1; i < index; i++)
        sent[i % HISTORY / 64] &= ~((uint64_t)1 << (i & 63));
    else
      memset(sent, 0, sizeof stream->history->sent);
    window->highest = index;
    window->started = true;
  }
  sent[index % HISTORY / 64] |= (uint64_t)1 << (index & 63);
}

static stream_t *sending_stream(srtp_session_t *session, uint32_t ssrc) {
  stream_t *stream = stream_find(&session->tx.streams, ssrc);
  if (stream == NULL) stream = stream_add(&session->tx.streams, ssrc);
  if (stream != NULL && stream->history == NULL) stream->history = calloc(1, sizeof(history_t));
  return stream == NULL || stream->history == NULL ? NULL : stream;
}

/*
 * The 48-bit index of `seq` (RFC 3711 3.3.1), or -1 when it lies before index 0 or past the last
 * index that a key may protect.
 */
static int64_t estimate(const window_t *window, uint16_t seq) {
  if (!window->started) return seq;
  int64_t roc = (int64_t)(window->highest >> 16);
  int32_t last = (int32_t)(window->highest & 0xffff);
  if (last < 0x8000) {
    if ((int32_t)seq - last > 0x8000) roc--;
  } else if (last - 0x8000 > (int32_t)seq) {
    roc++;
  }
  return roc < 0 || roc > 0xffffffff ? -1 : (roc << 16 | seq);
}

/* ---- ciphers ---- */

/* Bytes before the payload of an RTP packet with CSRCs and extension, or -1. */
static int rtp_header_length(const uint8_t *p, int length) {
  if (length < 12 || p[0] >> 6 != 2) return -1;
  int header = 12 + 4 * (p[0] & 15);
  if ((p[0] & 0x10) != 0) {
    if (header + 4 > length) return -1;
    header += 4 + 4 * read16(p + header + 2);
  }
  return header <= length ? header : -1;
}

/* Cryptex (RFC 9335): everything behind the first words of header and extension is encrypted. */
enum { CRYPTEX_ONE_BYTE = 0xc0de, CRYPTEX_TWO_BYTE = 0xc2de, CRYPTEX_CLEAR = 16 };

/* The header must have been measured. */
static bool is_cryptex(const uint8_t *p) {
  if ((p[0] & 0x10) == 0) return false;
  int profile = read16(p + 12 + 4 * (p[0] & 15));
  return profile == CRYPTEX_ONE_BYTE || profile == CRYPTEX_TWO_BYTE;
}

/* Exchanges the `first` bytes behind the fixed header with the `second` that follow: for the cipher
 * the CSRCs stand behind the first word of the extension. */
static void exchange(uint8_t *p, int first, int second) {
  uint8_t moved[4 * 15];
  memcpy(moved, p + 12, (size_t)first);
  memmove(p + 12, p + 12 + first, (size_t)second);
  memcpy(p + 12 + second, moved, (size_t)first);
}

/*
 * The form of Cryptex, as the cipher takes it: CSRCs without an extension get an empty one. False: the
 * packet has nothing to hide, or an extension of no form of RFC 8285, and stays as it is.
 */
static bool begin_cryptex(uint8_t *p, int *length) {
  int csrcs = 4 * (p[0] & 15);
  uint8_t *profile = p + 12 + csrcs;
  if ((p[0] & 0x10) == 0) {
    if (csrcs == 0) return false;
    memmove(profile + 4, profile, (size_t)(*length - 12 - csrcs));
    *length += 4;
    p[0] |= 0x10;
    write32(profile, 0xbede0000u);
  }
  int form = read16(profile);
  if (form != 0xbede && form != 0x1000) return false;
  profile[0] = form == 0xbede ? CRYPTEX_ONE_BYTE >> 8 : CRYPTEX_TWO_BYTE >> 8;
  profile[1] = 0xde;
  exchange(p, csrcs, 4);
  return true;
}

/* Back in order and with the profile of RFC 8285, as what follows reads it. */
static void end_cryptex(uint8_t *p) {
  int csrcs = 4 * (p[0] & 15);
  exchange(p, 4, csrcs);
  uint8_t *profile = p + 12 + csrcs;
  bool one_byte = read16(profile) == CRYPTEX_ONE_BYTE;
  profile[0] = one_byte ? 0xbe : 0x10;
  profile[1] = one_byte ? 0xde : 0x00;
}

/* RFC 7714 8.1 and 9.1: two zeros, the SSRC, the index in six bytes, each with the salt's. */
static void gcm_iv(const stream_keys_t *keys, uint32_t ssrc, uint64_t low48, uint8_t iv[GCM_IV]) {
  uint8_t value[GCM_IV] = {0};
  uint64_t first, salt_first;
  uint32_t last, salt_last;
  write32(value + 2, ssrc);
  value[6] = (uint8_t)(low48 >> 40);
  value[7] = (uint8_t)(low48 >> 32);
  write32(value + 8, (uint32_t)low48);
  memcpy(&first, value, 8);
  memcpy(&last, value + 8, 4);
  memcpy(&salt_first, keys->salt, 8);
  memcpy(&salt_last, keys->salt + 8, 4);
  first ^= salt_first;
  last ^= salt_last;
  memcpy(iv, &first, 8);
  memcpy(iv + 8, &last, 4);
}

/* AES-CM (RFC 3711 4.1.1): its own inverse. */
static bool counter_mode(const stream_keys_t *keys, uint32_t ssrc, uint64_t index, uint8_t *data,
                         int length) {
  uint8_t iv[CTR_IV], value[10];
  memcpy(iv, keys->salt, 16);
  write32(value, ssrc);
  value[4] = (uint8_t)(index >> 40);
  value[5] = (uint8_t)(index >> 32);
  write32(value + 6, (uint32_t)index);
  for (int i = 0; i < 10; i++) iv[4 + i] ^= value[i];
  return cipher_count(&keys->cipher, iv, data, data, length);
}

/* HMAC-SHA1 over `data` and the rollover counter when `roc` is given. */
static void authenticate(const stream_keys_t *keys, const uint8_t *data, int length,
                         const uint8_t *roc, uint8_t tag[SHA_DIGEST_LENGTH]) {
  SHA_CTX sha = keys->inner;
  SHA1_Update(&sha, data, (size_t)length);
  if (roc != NULL) SHA1_Update(&sha, roc, 4);
  SHA1_Final(tag, &sha);
  sha = keys->outer;
  SHA1_Update(&sha, tag, SHA_DIGEST_LENGTH);
  SHA1_Final(tag, &sha);
}

/* ---- sessions ---- */

static bool direction_init(direction_t *direction, int profile, bool encrypt, const uint8_t *key,
                           const uint8_t *salt, uint32_t limit) {
  return stream_keys_init(&direction->rtp, profile, encrypt, key, salt, 0) &&
         stream_keys_init(&direction->rtcp, profile, encrypt, key, salt, 3) &&
         streams_init(&direction->streams, limit);
}

static void direction_free(direction_t *direction) {
  cipher_free(&direction->rtp.cipher);
  cipher_free(&direction->rtcp.cipher);
  streams_free(&direction->streams);
}

static void pack_master(uint8_t out[60], int profile, const uint8_t *lk, const uint8_t *ls,
                        const uint8_t *rk, const uint8_t *rs) {
  size_t salt = (size_t)srtp_salt_length(profile);
  memset(out, 0, 60);
  memcpy(out, lk, 16);
  memcpy(out + 16, ls, salt);
  memcpy(out + 30, rk, 16);
  memcpy(out + 46, rs, salt);
}

srtp_session_t *srtp_new(int profile, const uint8_t *local_key, const uint8_t *local_salt,
                         const uint8_t *remote_key, const uint8_t *remote_salt) {
  if (profile != PROFILE_AEAD_AES_128_GCM && profile != PROFILE_AES128_CM_SHA1_80) return NULL;
  srtp_session_t *session = calloc(1, sizeof *session);
  if (session == NULL) return NULL;
  session->profile = profile;
  pack_master(session->master, profile, local_key, local_salt, remote_key, remote_salt);
  if (direction_init(&session->tx, profile, true, local_key, local_salt, MAX_TX_STREAMS) &&
      direction_init(&session->rx, profile, false, remote_key, remote_salt, MAX_RX_STREAMS))
    return session;
  srtp_free(session);
  return NULL;
}

void srtp_free(srtp_session_t *session) {
  if (session == NULL) return;
  direction_free(&session->tx);
  direction_free(&session->rx);
  OPENSSL_cleanse(session, sizeof *session);
  free(session);
}

bool srtp_same_keys(const srtp_session_t *session, int profile, const uint8_t *local_key,
                    const uint8_t *local_salt, const uint8_t *remote_key,
                    const uint8_t *remote_salt) {
  uint8_t other[60];
  if (session->profile != profile) return false;
  pack_master(other, profile, local_key, local_salt, remote_key, remote_salt);
  return CRYPTO_memcmp(other, session->master, sizeof other) == 0;
}

void srtp_use_cryptex(srtp_session_t *session) { session->sends_cryptex = true; }

void srtp_take_repeats(srtp_session_t *session, uint64_t *repeated, uint64_t *refused) {
  *repeated += session->repeated;
  *refused += session->refused;
  session->repeated = session->refused = 0;
}

/* ---- sending ---- */

/*
 * What remains to be done with a sealed packet: true when it may go out. A repeated one may if it is
 * what went out under its index the first time, to the tag.
 */
static bool admit(srtp_session_t *session, stream_t *stream, uint64_t index, bool is_repeat,
                  bool repeatable, const uint8_t *tag) {
  uint64_t *tags = stream->history->tags, value;
  memcpy(&value, tag, sizeof value);
  if (is_repeat) {
    if (tags[index % REPEATABLE] != value) {
      session->refused++;
      return false;
    }
    session->repeated++;
    return true;
  }
  mark_sent(stream, index);
  if (repeatable && tags == NULL)
    tags = stream->history->tags = calloc(REPEATABLE, sizeof *tags);
  if (tags != NULL) tags[index % REPEATABLE] = value;
  return true;
}

int srtp_protect(srtp_session_t *session, uint8_t *packet, int *length, bool repeatable) {
  int header = rtp_header_length(packet, *length);
  if (header < 0) return STATUS_MALFORMED;
  uint32_t ssrc = read32(packet + 8);
  stream_t *stream = sending_stream(session, ssrc);
  if (stream == NULL) return STATUS_MALFORMED;
  int64_t index = estimate(&stream->rtp, read16(packet + 2));
  if (index < 0) return STATUS_REPLAYED;
  bool is_repeat = was_sent(stream, (uint64_t)index);
  if (is_repeat && (stream->history->tags == NULL ||
                    stream->rtp.highest - (uint64_t)index >= REPEATABLE)) {
    session->refused++;
    return STATUS_REPLAYED;
  }

  const stream_keys_t *keys = &session->tx.rtp;
  bool cryptex = session->sends_cryptex && begin_cryptex(packet, length);
  int csrcs = 4 * (packet[0] & 15);
  if (cryptex) header = CRYPTEX_CLEAR;
  uint8_t *payload = packet + header, *end = packet + *length;
  int size = *length - header;
  if (session->profile == PROFILE_AEAD_AES_128_GCM) {
    uint8_t iv[GCM_IV];
    gcm_iv(keys, ssrc, (uint64_t)index, iv);
    if (!cipher_seal(&keys->cipher, iv, packet, header, NULL, payload, size, end)) return STATUS_MALFORMED;
    if (cryptex) exchange(packet, 4, csrcs);
    *length += GCM_TAG;
  } else {
    uint8_t tag[SHA_DIGEST_LENGTH], roc[4];
    if (!counter_mode(keys, ssrc, (uint64_t)index, payload, size)) return STATUS_MALFORMED;
    if (cryptex) exchange(packet, 4, csrcs);
    write32(roc, (uint32_t)(index >> 16));
    authenticate(keys, packet, *length, roc, tag);
    memcpy(end, tag, HMAC_TAG);
    *length += HMAC_TAG;
  }
  return admit(session, stream, (uint64_t)index, is_repeat, repeatable, end) ? STATUS_OK
                                                                             : STATUS_REPLAYED;
}

int srtcp_protect(srtp_session_t *session, uint8_t *packet, int *length) {
  if (*length < 8 || packet[0] >> 6 != 2) return STATUS_MALFORMED;
  uint32_t ssrc = read32(packet + 4);
  stream_t *stream = sending_stream(session, ssrc);
  if (stream == NULL) return STATUS_MALFORMED;
  /* The index starts at 0 as upstream's does, and ends with its 31 bits. */
  uint64_t index = stream->rtcp.started ? stream->rtcp.highest + 1 : 0;
  if (index > 0x7fffffff) return STATUS_REPLAYED;

  const stream_keys_t *keys = &session->tx.rtcp;
  uint8_t *payload = packet + 8, *end = packet + *length;
  uint8_t word[4];
  write32(word, 0x80000000u | (uint32_t)index);
  if (session->profile == PROFILE_AEAD_AES_128_GCM) {
    uint8_t iv[GCM_IV];
    gcm_iv(keys, ssrc, index, iv);
    if (!cipher_seal(&keys->cipher, iv, packet, 8, word, payload, *length - 8, end)) return STATUS_MALFORMED;
    memcpy(end + GCM_TAG, word, 4);
    *length += GCM_TAG + 4;
  } else {
    uint8_t tag[SHA_DIGEST_LENGTH];
    if (!counter_mode(keys, ssrc, index, payload, *length - 8)) return STATUS_MALFORMED;
    memcpy(end, word, 4);
    authenticate(keys, packet, *length + 4, NULL, tag);
    memcpy(end + 4, tag, HMAC_TAG);
    *length += 4 + HMAC_TAG;
  }
  stream->rtcp.highest = index;
  stream->rtcp.started = true;
  return STATUS_OK;
}

/* ---- receiving ---- */

static const window_t nothing;

/* Remembers an authentic packet's SSRC. False: the table is full, the packet must not pass. */
static bool remember(srtp_session_t *session, stream_t **stream, uint32_t ssrc) {
  if (*stream == NULL) *stream = stream_add(&session->rx.streams, ssrc);
  return *stream != NULL;
}

int srtp_unprotect(srtp_session_t *session, uint8_t *packet, int *length) {
  int tag_length = session->profile == PROFILE_AEAD_AES_128_GCM ? GCM_TAG : HMAC_TAG;
  int plain = *length - tag_length;
  int header = plain < 12 ? -1 : rtp_header_length(packet, plain);
  if (header < 0) return STATUS_MALFORMED;
  uint32_t ssrc = read32(packet + 8);
  stream_t *stream = stream_find(&session->rx.streams, ssrc);
  if (stream == NULL && !stream_fits(&session->rx.streams)) return STATUS_MALFORMED;
  const window_t *window = stream == NULL ? &nothing : &stream->rtp;
  int64_t index = estimate(window, read16(packet + 2));
  if (index < 0 || window_seen(window, (uint64_t)index)) return STATUS_REPLAYED;

  const stream_keys_t *keys = &session->rx.rtp;
  uint8_t *tag = packet + plain;
  /* Taken from whoever sends it, negotiated or not, as upstream does. */
  bool cryptex = is_cryptex(packet);
  int csrcs = 4 * (packet[0] & 15);
  if (cryptex) header = CRYPTEX_CLEAR;
  uint8_t *payload = packet + header;
  if (session->profile == PROFILE_AEAD_AES_128_GCM) {
    uint8_t iv[GCM_IV];
    gcm_iv(keys, ssrc, (uint64_t)index, iv);
    if (cryptex) exchange(packet, csrcs, 4);
    if (!cipher_open(&keys->cipher, iv, packet, header, NULL, payload, plain - header, tag))
      return STATUS_AUTH_FAILED;
  } else {
    uint8_t expected[SHA_DIGEST_LENGTH], roc[4];
    write32(roc, (uint32_t)(index >> 16));
    authenticate(keys, packet, plain, roc, expected);
    if (CRYPTO_memcmp(expected, tag, HMAC_TAG) != 0) return STATUS_AUTH_FAILED;
    if (cryptex) exchange(packet, csrcs, 4);
    if (!counter_mode(keys, ssrc, (uint64_t)index, payload, plain - header))
      return STATUS_AUTH_FAILED;
  }
  if (cryptex) end_cryptex(packet);
  if (!remember(session, &stream, ssrc)) return STATUS_MALFORMED;
  window_mark(&stream->rtp, (uint64_t)index);
  *length = plain;
  return STATUS_OK;
}

int srtcp_unprotect(srtp_session_t *session, uint8_t *packet, int *length) {
  bool gcm = session->profile == PROFILE_AEAD_AES_128_GCM;
  int tag_length = gcm ? GCM_TAG : HMAC_TAG;
  int plain = *length - tag_length - 4;
  if (plain < 8 || packet[0] >> 6 != 2) return STATUS_MALFORMED;
  uint32_t ssrc = read32(packet + 4);
  uint8_t *word = gcm ? packet + plain + GCM_TAG : packet + plain;
  uint8_t *tag = gcm ? packet + plain : packet + plain + 4;
  bool encrypted = (word[0] & 0x80) != 0;
  uint64_t index = read32(word) & 0x7fffffff;
  stream_t *stream = stream_find(&session->rx.streams, ssrc);
  if (stream == NULL && !stream_fits(&session->rx.streams)) return STATUS_MALFORMED;
  const window_t *window = stream == NULL ? &nothing : &stream->rtcp;
  if (window_seen(window, index)) return STATUS_REPLAYED;

  const stream_keys_t *keys = &session->rx.rtcp;
  if (gcm) {
    uint8_t iv[GCM_IV];
    gcm_iv(keys, ssrc, index, iv);
    /* Unencrypted SRTCP is authenticated whole (RFC 7714 9.3). */
    int aad = encrypted ? 8 : plain;
    if (!cipher_open(&keys->cipher, iv, packet, aad, word, packet + aad, plain - aad, tag))
      return STATUS_AUTH_FAILED;
  } else {
    uint8_t expected[SHA_DIGEST_LENGTH];
    authenticate(keys, packet, plain + 4, NULL, expected);
    if (CRYPTO_memcmp(expected, tag, HMAC_TAG) != 0) return STATUS_AUTH_FAILED;
    if (encrypted && !counter_mode(keys, ssrc, index, packet + 8, plain - 8))
      return STATUS_AUTH_FAILED;
  }
  if (!remember(session, &stream, ssrc)) return STATUS_MALFORMED;
  window_mark(&stream->rtcp, index);
  *length = plain;
  return STATUS_OK;
}
