/*
 * What the addon knows of the wire: datagram kinds, slab geometry, row statuses. The numbers are
 * those of jvb-ts/src/media/slab.ts.
 */
#ifndef JVB_WIRE_H
#define JVB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BATCH = 64, TX_SLOTS = 256, SLOT_BYTES = 2048, HEADROOM = 64, MAX_DATAGRAM = 1500 };
enum { KIND_OTHER = 0, KIND_STUN = 1, KIND_DTLS = 2, KIND_RTP = 3, KIND_RTCP = 4 };
/* Flag in the kind column of outgoing RTP. */
enum { KIND_REPEATABLE = 0x80 };
enum {
  STATUS_OK = 0,
  STATUS_NO_KEYS = 2,
  STATUS_AUTH_FAILED = 3,
  STATUS_REPLAYED = 4,
  STATUS_MALFORMED = 5,
};

static inline uint16_t read16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t read32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void write32(uint8_t *p, uint32_t v) {
  p[0] = (uint8_t)(v >> 24);
  p[1] = (uint8_t)(v >> 16);
  p[2] = (uint8_t)(v >> 8);
  p[3] = (uint8_t)v;
}

/* RFC 7983 by the first byte, RFC 5761 between RTP and RTCP; too short to be either is `other`. */
static inline int classify(const uint8_t *p, int length) {
  if (length < 1) return KIND_OTHER;
  if (p[0] < 4) return length >= 20 && read32(p + 4) == 0x2112a442 ? KIND_STUN : KIND_OTHER;
  if (p[0] >= 20 && p[0] < 64) return KIND_DTLS;
  if (p[0] < 128 || p[0] > 191 || length < 8) return KIND_OTHER;
  if (p[1] >= 192 && p[1] <= 223) return KIND_RTCP;
  return length >= 12 ? KIND_RTP : KIND_OTHER;
}

/*
 * The local ufrag (USERNAME up to the colon, RFC 8445 7.2.2) of a Binding Request, or NULL. The
 * attributes may end anywhere: the walk trusts `length` alone.
 */
static inline const uint8_t *stun_local_ufrag(const uint8_t *p, int length, int *ufrag_length) {
  if (length < 20 || read16(p) != 0x0001) return NULL;
  int at = 20;
  while (at + 4 <= length) {
    int type = read16(p + at), size = read16(p + at + 2);
    if (at + 4 + size > length) return NULL;
    if (type == 0x0006) {
      const uint8_t *colon = memchr(p + at + 4, ':', (size_t)size);
      *ufrag_length = colon ? (int)(colon - (p + at + 4)) : size;
      return p + at + 4;
    }
    at += 4 + ((size + 3) & ~3);
  }
  return NULL;
}

#endif
