/*
 * The limit program: what forwarding costs when nothing is done but forwarding (spec
 * benchmarks-and-faults F1). One socket, one thread, one wait: recvmmsg of 64, unprotect, new SSRC,
 * sequence number and timestamp, protect for each receiver, sendmmsg of 64. No ICE, DTLS, RTCP,
 * replay window, retransmission, statistics or decision of any kind. SRTP is OpenSSL's EVP as its
 * manual says, one context per peer and direction.
 *
 *   limit [--plain]
 *
 * --plain leaves SRTP away, to split the cost of the ciphers from that of the socket.
 *
 * Set-up comes on stdin, a line each; bytes are hexadecimal, peers are numbered from 0 in the order
 * of their lines; words are separated by single spaces:
 *
 *   profile gcm|cm                    AEAD_AES_128_GCM (the default; RFC 7714) or
 *                                     AES_CM_128_HMAC_SHA1_80 (RFC 3711); before the first peer
 *   peer IPV4 PORT TXKEY TXSALT RXKEY RXSALT
 *                                     where a peer receives; master key (16 bytes) and salt (12 with
 *                                     gcm, 14 with cm) of what it is sent, then of what it sends.
 *                                     With --plain nothing follows the port.
 *   stream PEER SSRC [RECEIVER:SSRC ...]
 *                                     what PEER sends under SSRC goes to these peers, each under the
 *                                     SSRC given there. Without receivers it is only unprotected.
 *   go                                end of the set-up
 *
 * It then prints `port N`, where N is its UDP port on 127.0.0.1. A line that it cannot take ends it
 * with status 1 and a line on stderr. On SIGUSR1 it prints its counters as one line of JSON, on
 * SIGTERM too, and ends; it also ends when its parent does. The counters:
 *
 *   received           datagrams
 *   receivedBytes
 *   unprotectFailures  of the RTP of a known SSRC: what does not authenticate
 *   unknown            RTP of an SSRC that no line named, and packets older than a stream's first
 *   malformed          no RTP (RTCP, STUN, ...), or lengths that cannot be
 *   sent, sentBytes    datagrams that the kernel took
 *   sendFailures       datagrams that it did not
 *   wakeups            returns from the wait with at least one datagram
 *   cpuMicroseconds    user and system time of this process so far
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, SLOT = 2048, MAX_DATAGRAM = 1500, MAX_PEERS = 4096, MAX_STREAMS = 16384 };
enum { GCM_TAG = 16, HMAC_TAG = 10, FIXED_HEADER = 12 };
/* As the bridge asks for. */
enum { RECEIVE_BUFFER = 10 << 20, SEND_BUFFER = 4 << 20 };

/* One direction of one peer: a context keyed once, the IV set per packet. */
typedef struct {
  EVP_CIPHER_CTX *cipher;
  uint8_t salt[16];
  SHA_CTX inner, outer; /* SHA-1 after the key blocks of HMAC */
} direction_t;

typedef struct {
  struct sockaddr_in address;
  direction_t tx, rx;
} peer_t;

typedef struct {
  int peer;
  uint32_t ssrc;
  uint16_t first; /* number of the first packet; below 2^15, so that its rollover counter is 0 */
  uint32_t timestamp; /* added to each */
} receiver_t;

typedef struct {
  uint32_t ssrc;
  int peer;
  bool started;
  uint64_t first, highest; /* 48-bit indices (RFC 3711 3.3.1) */
  int count;
  receiver_t *receivers;
} stream_t;

static bool gcm = true, plain = false;
static peer_t peers[MAX_PEERS];
static int peer_count;
static stream_t *table[2 * MAX_STREAMS]; /* by SSRC, open addressing */
static int stream_count;

static struct {
  uint64_t received, received_bytes, unprotect_failures, unknown, malformed;
  uint64_t sent, sent_bytes, send_failures, wakeups;
} counters;

static int udp;
static uint8_t in[BATCH][SLOT], out[BATCH][SLOT];
static struct mmsghdr in_messages[BATCH], out_messages[BATCH];
static struct iovec in_vectors[BATCH], out_vectors[BATCH];
static int out_count;

static uint16_t read16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static uint32_t read32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static void write16(uint8_t *p, uint16_t v) {
  p[0] = (uint8_t)(v >> 8);
  p[1] = (uint8_t)v;
}
static void write32(uint8_t *p, uint32_t v) {
  write16(p, (uint16_t)(v >> 16));
  write16(p + 2, (uint16_t)v);
}

/* ---- keys ---- */

/* RFC 3711 4.3 with key derivation rate 0; a salt of 12 bytes has two zeros behind (RFC 7714 11). */
static bool derive(const uint8_t *key, const uint8_t *salt, int salt_length, uint8_t label,
                   uint8_t *to, int length) {
  static const uint8_t zeros[32];
  uint8_t iv[16] = {0};
  int written = 0;
  memcpy(iv, salt, (size_t)salt_length);
  iv[7] ^= label;
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  bool done = context != NULL &&
              EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), NULL, key, iv) == 1 &&
              EVP_EncryptUpdate(context, to, &written, zeros, length) == 1 && written == length;
  EVP_CIPHER_CTX_free(context);
  return done;
}

static bool direction_init(direction_t *direction, const uint8_t *key, const uint8_t *salt,
                           bool encrypt) {
  int salt_length = gcm ? 12 : 14;
  uint8_t session[16], auth[64] = {0}, block[64];
  if (!derive(key, salt, salt_length, 0, session, 16) ||
      !derive(key, salt, salt_length, 1, auth, SHA_DIGEST_LENGTH) ||
      !derive(key, salt, salt_length, 2, direction->salt, salt_length))
    return false;
  for (int i = 0; i < 64; i++) block[i] = auth[i] ^ 0x36;
  SHA1_Init(&direction->inner);
  SHA1_Update(&direction->inner, block, sizeof block);
  for (int i = 0; i < 64; i++) block[i] = auth[i] ^ 0x5c;
  SHA1_Init(&direction->outer);
  SHA1_Update(&direction->outer, block, sizeof block);
  direction->cipher = EVP_CIPHER_CTX_new();
  return direction->cipher != NULL &&
         EVP_CipherInit_ex(direction->cipher, gcm ? EVP_aes_128_gcm() : EVP_aes_128_ctr(), NULL,
                           session, NULL, encrypt) == 1;
}

/* ---- packets ---- */

/* RFC 7714 8.1: 12 bytes; RFC 3711 4.1.1: 14 and a counter of two. */
static void make_iv(const direction_t *direction, uint32_t ssrc, uint64_t index, uint8_t iv[16]) {
  uint8_t *p = iv + (gcm ? 2 : 4);
  uint8_t value[10];
  memcpy(iv, direction->salt, 16);
  write32(value, ssrc);
  write16(value + 4, (uint16_t)(index >> 32));
  write32(value + 6, (uint32_t)index);
  for (int i = 0; i < 10; i++) p[i] ^= value[i];
}

static void hmac(const direction_t *direction, const uint8_t *data, int length, uint64_t index,
                 uint8_t digest[SHA_DIGEST_LENGTH]) {
  uint8_t roc[4];
  write32(roc, (uint32_t)(index >> 16));
  SHA_CTX sha = direction->inner;
  SHA1_Update(&sha, data, (size_t)length);
  SHA1_Update(&sha, roc, sizeof roc);
  SHA1_Final(digest, &sha);
  sha = direction->outer;
  SHA1_Update(&sha, digest, SHA_DIGEST_LENGTH);
  SHA1_Final(digest, &sha);
}

static bool counter_mode(const direction_t *direction, const uint8_t iv[16], uint8_t *to,
                         const uint8_t *from, int length) {
  int n;
  return EVP_CipherInit_ex(direction->cipher, NULL, NULL, NULL, iv, 1) == 1 &&
         (length == 0 || EVP_CipherUpdate(direction->cipher, to, &n, from, length) == 1);
}

/* In place. `*length` loses the tag. */
static bool unprotect(const direction_t *direction, uint8_t *packet, int header, int *length,
                      uint64_t index) {
  uint8_t iv[16], digest[SHA_DIGEST_LENGTH], rest[16];
  int size = *length - header - (gcm ? GCM_TAG : HMAC_TAG), n;
  uint8_t *payload = packet + header, *tag = payload + size;
  *length = header + size;
  make_iv(direction, read32(packet + 8), index, iv);
  if (!gcm) {
    hmac(direction, packet, *length, index, digest);
    return CRYPTO_memcmp(digest, tag, HMAC_TAG) == 0 &&
           counter_mode(direction, iv, payload, payload, size);
  }
  EVP_CIPHER_CTX *context = direction->cipher;
  return EVP_DecryptInit_ex(context, NULL, NULL, NULL, iv) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag) == 1 &&
         EVP_DecryptUpdate(context, NULL, &n, packet, header) == 1 &&
         (size == 0 || EVP_DecryptUpdate(context, payload, &n, payload, size) == 1) &&
         EVP_DecryptFinal_ex(context, rest, &n) == 1;
}

/* The header stands in `packet`, the `size` bytes of `payload` elsewhere. The length, or -1. */
static int protect(const direction_t *direction, uint8_t *packet, int header,
                   const uint8_t *payload, int size, uint64_t index) {
  uint8_t iv[16], digest[SHA_DIGEST_LENGTH];
  uint8_t *sealed = packet + header, *tag = sealed + size;
  int n;
  make_iv(direction, read32(packet + 8), index, iv);
  if (!gcm) {
    if (!counter_mode(direction, iv, sealed, payload, size)) return -1;
    hmac(direction, packet, header + size, index, digest);
    memcpy(tag, digest, HMAC_TAG);
    return header + size + HMAC_TAG;
  }
  EVP_CIPHER_CTX *context = direction->cipher;
  bool done = EVP_EncryptInit_ex(context, NULL, NULL, NULL, iv) == 1 &&
              EVP_EncryptUpdate(context, NULL, &n, packet, header) == 1 &&
              (size == 0 || EVP_EncryptUpdate(context, sealed, &n, payload, size) == 1) &&
              EVP_EncryptFinal_ex(context, tag, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag) == 1;
  return done ? header + size + GCM_TAG : -1;
}

/* Bytes before the payload, or -1: no RTP (RFC 3550 5.1, RFC 5761 4). */
static int header_length(const uint8_t *p, int length) {
  if (length < FIXED_HEADER || p[0] >> 6 != 2 || (p[1] >= 192 && p[1] <= 223)) return -1;
  int header = FIXED_HEADER + 4 * (p[0] & 15);
  if ((p[0] & 0x10) != 0) {
    if (header + 4 > length) return -1;
    header += 4 + 4 * read16(p + header + 2);
  }
  return header <= length ? header : -1;
}

/* RFC 3711 3.3.1; -1 before index 0. */
static int64_t estimate(const stream_t *stream, uint16_t seq) {
  if (!stream->started) return seq;
  int64_t roc = (int64_t)(stream->highest >> 16);
  int32_t last = (int32_t)(stream->highest & 0xffff);
  if (last < 0x8000 && (int32_t)seq - last > 0x8000) roc--;
  if (last >= 0x8000 && last - 0x8000 > (int32_t)seq) roc++;
  return roc < 0 ? -1 : (roc << 16 | seq);
}

static stream_t **slot_of(uint32_t ssrc) {
  uint32_t mask = 2 * MAX_STREAMS - 1, at = (ssrc * 0x9e3779b9u) >> 16 & mask;
  while (table[at] != NULL && table[at]->ssrc != ssrc) at = (at + 1) & mask;
  return &table[at];
}

static void flush(void) {
  int at = 0;
  while (at < out_count) {
    int done = sendmmsg(udp, out_messages + at, (unsigned)(out_count - at), 0);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      counters.send_failures++;
      at++;
      continue;
    }
    for (int i = at; i < at + done; i++) counters.sent_bytes += out_vectors[i].iov_len;
    counters.sent += (uint64_t)done;
    at += done;
  }
  out_count = 0;
}

static void send_to(const receiver_t *receiver, const uint8_t *packet, int header, int length,
                    uint64_t distance) {
  const peer_t *peer = &peers[receiver->peer];
  uint8_t *to = out[out_count];
  uint64_t index = receiver->first + distance;
  memcpy(to, packet, (size_t)header);
  write16(to + 2, (uint16_t)index);
  write32(to + 4, read32(packet + 4) + receiver->timestamp);
  write32(to + 8, receiver->ssrc);
  int size = length - header, total = length;
  if (plain)
    memcpy(to + header, packet + header, (size_t)size);
  else
    total = protect(&peer->tx, to, header, packet + header, size, index);
  if (total < 0) {
    counters.send_failures++;
    return;
  }
  out_vectors[out_count].iov_len = (size_t)total;
  out_messages[out_count].msg_hdr.msg_name = (void *)&peer->address;
  if (++out_count == BATCH) flush();
}

static void forward(uint8_t *packet, int length) {
  int header = header_length(packet, length - (plain ? 0 : gcm ? GCM_TAG : HMAC_TAG));
  if (header < 0) {
    counters.malformed++;
    return;
  }
  stream_t *stream = *slot_of(read32(packet + 8));
  int64_t index = stream == NULL ? -1 : estimate(stream, read16(packet + 2));
  if (index < 0) {
    counters.unknown++;
    return;
  }
  if (!plain && !unprotect(&peers[stream->peer].rx, packet, header, &length, (uint64_t)index)) {
    counters.unprotect_failures++;
    return;
  }
  if (!stream->started) stream->first = stream->highest = (uint64_t)index;
  stream->started = true;
  if ((uint64_t)index > stream->highest) stream->highest = (uint64_t)index;
  if ((uint64_t)index < stream->first) {
    counters.unknown++;
    return;
  }
  for (int i = 0; i < stream->count; i++)
    send_to(&stream->receivers[i], packet, header, length, (uint64_t)index - stream->first);
}

/* ---- set-up ---- */

static int line_number;

static void refuse(const char *why) {
  fprintf(stderr, "limit: line %d: %s\n", line_number, why);
  exit(1);
}

static char *word(char **rest, const char *what) {
  char *one = strsep(rest, " ");
  if (one == NULL || *one == 0) refuse(what);
  return one;
}

static uint32_t number(const char *text, uint32_t most, const char *what) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != 0 || errno != 0 || value > most) refuse(what);
  return (uint32_t)value;
}

static void bytes(const char *text, uint8_t *to, size_t length) {
  if (strlen(text) != 2 * length || strspn(text, "0123456789abcdefABCDEF") != 2 * length)
    refuse("key or salt of the wrong length");
  for (size_t i = 0; i < length; i++) {
    char digits[3] = {text[2 * i], text[2 * i + 1], 0};
    to[i] = (uint8_t)strtoul(digits, NULL, 16);
  }
}

static void read_direction(char **rest, direction_t *direction, bool encrypt) {
  uint8_t key[16], salt[14];
  bytes(word(rest, "no key"), key, sizeof key);
  bytes(word(rest, "no salt"), salt, gcm ? 12 : 14);
  if (!direction_init(direction, key, salt, encrypt)) refuse("OpenSSL takes no such key");
}

static void read_peer(char *rest) {
  if (peer_count == MAX_PEERS) refuse("too many peers");
  peer_t *peer = &peers[peer_count];
  peer->address.sin_family = AF_INET;
  if (inet_pton(AF_INET, word(&rest, "no address"), &peer->address.sin_addr) != 1)
    refuse("no IPv4 address");
  peer->address.sin_port = htons((uint16_t)number(word(&rest, "no port"), 65535, "no port"));
  if (!plain) {
    read_direction(&rest, &peer->tx, true);
    read_direction(&rest, &peer->rx, false);
  }
  peer_count++;
}

static int peer_number(const char *text) {
  if (peer_count == 0) refuse("no peers yet");
  return (int)number(text, (uint32_t)peer_count - 1, "no such peer");
}

static void read_stream(char *rest) {
  if (stream_count++ == MAX_STREAMS) refuse("too many streams");
  stream_t *stream = calloc(1, sizeof *stream);
  if (stream == NULL) refuse("no memory");
  stream->peer = peer_number(word(&rest, "no peer"));
  stream->ssrc = number(word(&rest, "no SSRC"), UINT32_MAX, "no SSRC");
  while (rest != NULL) {
    char *pair = word(&rest, "no receiver");
    receiver_t *more =
        realloc(stream->receivers, (size_t)(stream->count + 1) * sizeof *stream->receivers);
    if (more == NULL) refuse("no memory");
    stream->receivers = more;
    receiver_t *receiver = &more[stream->count++];
    receiver->peer = peer_number(strsep(&pair, ":"));
    if (pair == NULL) refuse("receiver without SSRC");
    receiver->ssrc = number(pair, UINT32_MAX, "no SSRC");
    /* Anything: only that it differs from what comes in. */
    receiver->first = (uint16_t)((receiver->ssrc * 31 + (uint32_t)receiver->peer * 977) & 0x7fff);
    receiver->timestamp = receiver->ssrc * 2654435761u;
  }
  stream_t **slot = slot_of(stream->ssrc);
  if (*slot != NULL) refuse("SSRC given twice");
  *slot = stream;
}

static void read_setup(void) {
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  while ((length = getline(&line, &room, stdin)) > 0) {
    line_number++;
    if (line[length - 1] == '\n') line[length - 1] = 0;
    char *rest = line;
    const char *what = word(&rest, "empty line");
    if (strcmp(what, "go") == 0) {
      free(line);
      return;
    }
    if (strcmp(what, "profile") == 0) {
      const char *name = word(&rest, "no profile");
      if (peer_count > 0) refuse("profile after a peer");
      gcm = strcmp(name, "gcm") == 0;
      if (!gcm && strcmp(name, "cm") != 0) refuse("profile gcm or cm");
    } else if (strcmp(what, "peer") == 0) {
      read_peer(rest);
    } else if (strcmp(what, "stream") == 0) {
      read_stream(rest);
    } else {
      refuse("profile, peer, stream or go");
    }
  }
  refuse("end of input before go");
}

/* ---- life ---- */

static volatile sig_atomic_t wants_stop, wants_counters;

static void on_signal(int signal) {
  if (signal == SIGUSR1)
    wants_counters = 1;
  else
    wants_stop = 1;
}

static void print_counters(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf("{\"received\":%llu,\"receivedBytes\":%llu,\"unprotectFailures\":%llu,\"unknown\":%llu,"
         "\"malformed\":%llu,\"sent\":%llu,\"sentBytes\":%llu,\"sendFailures\":%llu,"
         "\"wakeups\":%llu,\"cpuMicroseconds\":%lld}\n",
         (unsigned long long)counters.received, (unsigned long long)counters.received_bytes,
         (unsigned long long)counters.unprotect_failures, (unsigned long long)counters.unknown,
         (unsigned long long)counters.malformed, (unsigned long long)counters.sent,
         (unsigned long long)counters.sent_bytes, (unsigned long long)counters.send_failures,
         (unsigned long long)counters.wakeups,
         (long long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
             used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  fflush(stdout);
}

static void open_socket(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int receive = RECEIVE_BUFFER, send = SEND_BUFFER;
  /* A signal between the look at its flag and the wait is seen after so long at the latest. */
  struct timeval longest = {.tv_sec = 1};
  udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (udp < 0 || bind(udp, (struct sockaddr *)&address, sizeof address) != 0 ||
      getsockname(udp, (struct sockaddr *)&address, &size) != 0 ||
      setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest) != 0) {
    perror("limit: socket");
    exit(1);
  }
  if (setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof receive) != 0)
    setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
  if (setsockopt(udp, SOL_SOCKET, SO_SNDBUFFORCE, &send, sizeof send) != 0)
    setsockopt(udp, SOL_SOCKET, SO_SNDBUF, &send, sizeof send);
  for (int i = 0; i < BATCH; i++) {
    in_vectors[i] = (struct iovec){in[i], MAX_DATAGRAM};
    in_messages[i].msg_hdr = (struct msghdr){.msg_iov = &in_vectors[i], .msg_iovlen = 1};
    out_vectors[i] = (struct iovec){out[i], 0};
    out_messages[i].msg_hdr = (struct msghdr){
        .msg_namelen = sizeof(struct sockaddr_in), .msg_iov = &out_vectors[i], .msg_iovlen = 1};
  }
  printf("port %d\n", ntohs(address.sin_port));
  fflush(stdout);
}

int main(int argc, char **argv) {
  plain = argc == 2 && strcmp(argv[1], "--plain") == 0;
  if (argc > 2 || (argc == 2 && !plain)) {
    fprintf(stderr, "limit [--plain]\n");
    return 1;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  read_setup();
  open_socket();
  while (!wants_stop) {
    if (wants_counters) {
      wants_counters = 0;
      print_counters();
    }
    int count = recvmmsg(udp, in_messages, BATCH, MSG_WAITFORONE, NULL);
    if (count <= 0) continue;
    counters.wakeups++;
    counters.received += (uint64_t)count;
    for (int i = 0; i < count; i++) {
      int length = (int)in_messages[i].msg_len;
      counters.received_bytes += (uint64_t)length;
      if ((in_messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0)
        counters.malformed++;
      else
        forward(in[i], length);
    }
    flush();
  }
  print_counters();
  return 0;
}
