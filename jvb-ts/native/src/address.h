/*
 * Transport addresses and the tables keyed by them: open addressing with linear probing and
 * backward-shift deletion, so that a lookup never meets a tombstone. Tables grow when something is
 * bound, never when a packet arrives.
 */
#ifndef JVB_ADDRESS_H
#define JVB_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* A remote address as seen by one local socket. No padding: compared and hashed as bytes. */
typedef struct {
  uint8_t ip[16]; /* IPv4 in the first four, the rest zero */
  uint16_t port;
  uint8_t family; /* 4 or 6; 0 is nothing */
  uint8_t socket;
} address_t;

_Static_assert(sizeof(address_t) == 20, "address_t is hashed as bytes");

typedef struct {
  address_t key;
  int32_t value;
} address_slot_t;

typedef struct {
  address_slot_t *slots;
  uint32_t mask;
  uint32_t used;
  uint64_t seed;
} address_map_t;

bool address_map_init(address_map_t *map);
void address_map_free(address_map_t *map);
/* The value bound to `key`, or -1. */
int32_t address_map_get(const address_map_t *map, const address_t *key);
/* False when out of memory. */
bool address_map_set(address_map_t *map, const address_t *key, int32_t value);
/* Removes `key` if it has `value`. */
void address_map_remove(address_map_t *map, const address_t *key, int32_t value);
void address_map_remove_all(address_map_t *map, int32_t value);

/* Literal IP and port; false when `ip` is no literal. */
bool address_parse(address_t *out, const char *ip, uint16_t port, uint8_t socket);
void address_from_sockaddr(address_t *out, const struct sockaddr_storage *from, uint8_t socket);
socklen_t address_to_sockaddr(const address_t *from, struct sockaddr_storage *out);
/* Writes the literal of `address` into `text` (INET6_ADDRSTRLEN bytes). */
void address_text(const address_t *address, char *text);

typedef struct {
  uint8_t *text;
  uint32_t hash;
  uint16_t length;
  int32_t value;
} ufrag_slot_t;

/* Local ufrags; the same shape, keyed by bytes. */
typedef struct {
  ufrag_slot_t *slots;
  uint32_t mask;
  uint32_t used;
} ufrag_map_t;

enum { MAX_UFRAG = 256 };

bool ufrag_map_init(ufrag_map_t *map);
void ufrag_map_free(ufrag_map_t *map);
int32_t ufrag_map_get(const ufrag_map_t *map, const uint8_t *text, int length);
bool ufrag_map_set(ufrag_map_t *map, const uint8_t *text, int length, int32_t value);
void ufrag_map_remove(ufrag_map_t *map, const uint8_t *text, int length, int32_t value);
void ufrag_map_remove_all(ufrag_map_t *map, int32_t value);

#endif
