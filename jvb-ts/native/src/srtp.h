/*
 * SRTP and SRTCP of one session (RFC 3711, RFC 7714): one keyed cipher context per direction and
 * stream kind, the IV set per packet; rollover counters and replay windows per SSRC.
 *
 * Receive: nothing changes before a packet authenticated; header extensions encrypted by Cryptex
 * (RFC 9335) come out in the form of RFC 8285. Send: header extensions and CSRCs are encrypted by
 * Cryptex where the session is told to; the rollover counter of an SSRC follows RFC 3711 3.3.1, so repeating an older sequence number encrypts it under its first index.
 * The same index with *other* bytes would reuse an IV (fatal with GCM) and does not go out, whatever
 * the caller does: a number used before passes only if its packet was marked repeatable and is the
 * same to the tag. An SSRC is never forgotten on the send side, for a forgotten one would start
 * again at index 0 under the same keys.
 */
#ifndef JVB_SRTP_H
#define JVB_SRTP_H

#include <stdbool.h>
#include <stdint.h>

enum { PROFILE_AES128_CM_SHA1_80 = 0x0001, PROFILE_AEAD_AES_128_GCM = 0x0007 };

/* Most that protection adds: SRTCP's tag and index. */
enum { SRTP_MAX_TRAILER = 20 };

typedef struct srtp_session srtp_session_t;

/* Master keys of 16 bytes, salts of 14 (CM) or 12 (GCM). NULL: unknown profile or no memory. */
srtp_session_t *srtp_new(int profile, const uint8_t *local_key, const uint8_t *local_salt,
                         const uint8_t *remote_key, const uint8_t *remote_salt);
void srtp_free(srtp_session_t *session);
/* True when `session` was made of exactly these keys. */
bool srtp_same_keys(const srtp_session_t *session, int profile, const uint8_t *local_key,
                    const uint8_t *local_salt, const uint8_t *remote_key,
                    const uint8_t *remote_salt);
int srtp_salt_length(int profile);
/* From now on what is sent has its header extensions and CSRCs encrypted (RFC 9335). */
void srtp_use_cryptex(srtp_session_t *session);

/*
 * In place. `*length` becomes the new length when STATUS_OK is returned. Protection needs
 * SRTP_MAX_TRAILER bytes behind the packet and otherwise returns STATUS_MALFORMED (bad header,
 * table full) or STATUS_REPLAYED (2048 or more behind the newest, index space used up, or an index
 * used before by a packet that differs, was not `repeatable` or is 512 or more behind). What is in
 * place then must not be sent.
 */
int srtp_protect(srtp_session_t *session, uint8_t *packet, int *length, bool repeatable);
int srtcp_protect(srtp_session_t *session, uint8_t *packet, int *length);
int srtp_unprotect(srtp_session_t *session, uint8_t *packet, int *length);
int srtcp_unprotect(srtp_session_t *session, uint8_t *packet, int *length);

/* Adds packets protected, and refused, under an index used before, since the last call. */
void srtp_take_repeats(srtp_session_t *session, uint64_t *repeated, uint64_t *refused);

#endif
