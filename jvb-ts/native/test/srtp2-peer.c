/*
 * libsrtp2 as a second opinion. Reads lines from standard input:
 *
 *   profile key salt operation packet        (all hex but profile, decimal, and operation)
 *
 * where operation is protect, unprotect, protect-rtcp or unprotect-rtcp, and answers each with the
 * resulting packet in hex, or `refused`. One pair of sessions per (profile, key, salt) line prefix
 * in a row; they keep their state.
 */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <string.h>

static int from_hex(const char *text, uint8_t *out) {
  int length = 0;
  unsigned byte;
  while (sscanf(text + 2 * length, "%2x", &byte) == 1) out[length++] = (uint8_t)byte;
  return length;
}

static srtp_t session(int profile, uint8_t *key, srtp_ssrc_type_t direction) {
  srtp_t made = NULL;
  srtp_policy_t policy;
  memset(&policy, 0, sizeof policy);
  if (profile == 7) {
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
  } else {
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
  }
  policy.ssrc.type = direction;
  policy.key = key;
  policy.window_size = 128;
  policy.allow_repeat_tx = 1;
  return srtp_create(&made, &policy) == srtp_err_status_ok ? made : NULL;
}

int main(void) {
  static char line[8192], before[256], prefix[256], key_text[128], salt_text[128], operation[32],
      packet_text[6000];
  static uint8_t packet[4096];
  srtp_t out = NULL, in = NULL;
  if (srtp_init() != srtp_err_status_ok) return 1;
  while (fgets(line, sizeof line, stdin) != NULL) {
    int profile;
    uint8_t key[64];
    if (sscanf(line, "%d %127s %127s %31s %5999s", &profile, key_text, salt_text, operation,
               packet_text) != 5)
      continue;
    snprintf(prefix, sizeof prefix, "%d %.110s %.110s", profile, key_text, salt_text);
    if (strcmp(prefix, before) != 0) {
      strcpy(before, prefix);
      int length = from_hex(key_text, key);
      from_hex(salt_text, key + length);
      out = session(profile, key, ssrc_any_outbound);
      in = session(profile, key, ssrc_any_inbound);
      if (out == NULL || in == NULL) return 1;
    }
    int length = from_hex(packet_text, packet);
    srtp_err_status_t status = srtp_err_status_fail;
    if (strcmp(operation, "protect") == 0) status = srtp_protect(out, packet, &length);
    if (strcmp(operation, "unprotect") == 0) status = srtp_unprotect(in, packet, &length);
    if (strcmp(operation, "protect-rtcp") == 0) status = srtp_protect_rtcp(out, packet, &length);
    if (strcmp(operation, "unprotect-rtcp") == 0) status = srtp_unprotect_rtcp(in, packet, &length);
    if (status != srtp_err_status_ok) {
      puts("refused");
    } else {
      for (int i = 0; i < length; i++) printf("%02x", packet[i]);
      putchar('\n');
    }
    fflush(stdout);
  }
  return 0;
}
