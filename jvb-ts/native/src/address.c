#include "address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint32_t mix(uint64_t h) {
  h ^= h >> 32;
  h *= 0x9e3779b97f4a7c15u;
  return (uint32_t)(h >> 32);
}

/* Seeded, so that nobody can choose addresses that share a chain. */
static uint32_t address_hash(const address_t *key, uint64_t seed) {
  uint64_t a, b;
  uint32_t c;
  memcpy(&a, key->ip, 8);
  memcpy(&b, key->ip + 8, 8);
  memcpy(&c, &key->port, 4);
  uint64_t h = (a ^ seed) * 0xff51afd7ed558ccdu;
  h ^= h >> 29;
  h = (h ^ b) * 0xc4ceb9fe1a85ec53u;
  h ^= h >> 31;
  return mix((h ^ c) * 0xff51afd7ed558ccdu);
}

static bool same(const address_t *a, const address_t *b) { return memcmp(a, b, sizeof *a) == 0; }

bool address_map_init(address_map_t *map) {
  map->mask = 255;
  map->used = 0;
  map->slots = calloc(map->mask + 1, sizeof *map->slots);
  if (getrandom(&map->seed, sizeof map->seed, 0) != sizeof map->seed) map->seed = 0x5bd1e995;
  return map->slots != NULL;
}

void address_map_free(address_map_t *map) {
  free(map->slots);
  map->slots = NULL;
}

int32_t address_map_get(const address_map_t *map, const address_t *key) {
  for (uint32_t at = address_hash(key, map->seed) & map->mask;; at = (at + 1) & map->mask) {
    const address_slot_t *slot = &map->slots[at];
    if (slot->key.family == 0) return -1;
    if (same(&slot->key, key)) return slot->value;
  }
}

static void place(address_map_t *map, const address_t *key, int32_t value) {
  uint32_t at = address_hash(key, map->seed) & map->mask;
  while (map->slots[at].key.family != 0) {
    if (same(&map->slots[at].key, key)) {
      map->slots[at].value = value;
      return;
    }
    at = (at + 1) & map->mask;
  }
  map->slots[at].key = *key;
  map->slots[at].value = value;
  map->used++;
}

bool address_map_set(address_map_t *map, const address_t *key, int32_t value) {
  if ((map->used + 1) * 2 > map->mask) {
    address_map_t bigger = {.mask = map->mask * 2 + 1, .used = 0, .seed = map->seed};
    bigger.slots = calloc(bigger.mask + 1, sizeof *bigger.slots);
    if (bigger.slots == NULL) return false;
    for (uint32_t i = 0; i <= map->mask; i++)
      if (map->slots[i].key.family != 0) place(&bigger, &map->slots[i].key, map->slots[i].value);
    free(map->slots);
    *map = bigger;
  }
  place(map, key, value);
  return true;
}

void address_map_remove(address_map_t *map, const address_t *key, int32_t value) {
  uint32_t at = address_hash(key, map->seed) & map->mask;
  while (!same(&map->slots[at].key, key)) {
    if (map->slots[at].key.family == 0) return;
    at = (at + 1) & map->mask;
  }
  if (map->slots[at].value != value) return;
  map->used--;
  /* Move later members of the chain back over the hole. */
  uint32_t hole = at;
  for (;;) {
    map->slots[hole].key.family = 0;
    for (;;) {
      at = (at + 1) & map->mask;
      if (map->slots[at].key.family == 0) {
        memset(&map->slots[hole], 0, sizeof map->slots[hole]);
        return;
      }
      uint32_t home = address_hash(&map->slots[at].key, map->seed) & map->mask;
      if (((at - home) & map->mask) >= ((at - hole) & map->mask)) break;
    }
    map->slots[hole] = map->slots[at];
    hole = at;
  }
}

void address_map_remove_all(address_map_t *map, int32_t value) {
  for (uint32_t i = 0; i <= map->mask;) {
    address_t key = map->slots[i].key;
    /* What follows moves into the place that gets free: look at it again. */
    if (key.family != 0 && map->slots[i].value == value)
      address_map_remove(map, &key, value);
    else
      i++;
  }
}

bool address_parse(address_t *out, const char *ip, uint16_t port, uint8_t socket) {
  memset(out, 0, sizeof *out);
  out->port = port;
  out->socket = socket;
  if (inet_pton(AF_INET, ip, out->ip) == 1) {
    out->family = 4;
    return true;
  }
  if (inet_pton(AF_INET6, ip, out->ip) == 1) {
    out->family = 6;
    return true;
  }
  return false;
}

void address_from_sockaddr(address_t *out, const struct sockaddr_storage *from, uint8_t socket) {
  memset(out, 0, sizeof *out);
  out->socket = socket;
  if (from->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)from;
    memcpy(out->ip, &in->sin_addr, 4);
    out->port = ntohs(in->sin_port);
    out->family = 4;
  } else {
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)from;
    memcpy(out->ip, &in->sin6_addr, 16);
    out->port = ntohs(in->sin6_port);
    out->family = 6;
  }
}

socklen_t address_to_sockaddr(const address_t *from, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (from->family == 4) {
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons(from->port);
    memcpy(&in->sin_addr, from->ip, 4);
    return sizeof *in;
  }
  struct sockaddr_in6 *in = (struct sockaddr_in6 *)out;
  in->sin6_family = AF_INET6;
  in->sin6_port = htons(from->port);
  memcpy(&in->sin6_addr, from->ip, 16);
  return sizeof *in;
}

void address_text(const address_t *address, char *text) {
  inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->ip, text, INET6_ADDRSTRLEN);
}

static uint32_t text_hash(const uint8_t *text, int length) {
  uint64_t h = 0xcbf29ce484222325u;
  for (int i = 0; i < length; i++) h = (h ^ text[i]) * 0x100000001b3u;
  return mix(h);
}

bool ufrag_map_init(ufrag_map_t *map) {
  map->mask = 255;
  map->used = 0;
  map->slots = calloc(map->mask + 1, sizeof *map->slots);
  return map->slots != NULL;
}

void ufrag_map_free(ufrag_map_t *map) {
  if (map->slots == NULL) return;
  for (uint32_t i = 0; i <= map->mask; i++) free(map->slots[i].text);
  free(map->slots);
  map->slots = NULL;
}

static uint32_t ufrag_find(const ufrag_map_t *map, uint32_t hash, const uint8_t *text, int length) {
  uint32_t at = hash & map->mask;
  for (; map->slots[at].text != NULL; at = (at + 1) & map->mask) {
    const ufrag_slot_t *slot = &map->slots[at];
    if (slot->hash == hash && slot->length == length && memcmp(slot->text, text, (size_t)length) == 0)
      break;
  }
  return at;
}

int32_t ufrag_map_get(const ufrag_map_t *map, const uint8_t *text, int length) {
  if (length <= 0 || length > MAX_UFRAG) return -1;
  const ufrag_slot_t *slot = &map->slots[ufrag_find(map, text_hash(text, length), text, length)];
  return slot->text == NULL ? -1 : slot->value;
}

bool ufrag_map_set(ufrag_map_t *map, const uint8_t *text, int length, int32_t value) {
  if (length <= 0 || length > MAX_UFRAG) return false;
  if ((map->used + 1) * 2 > map->mask) {
    ufrag_map_t bigger = {.mask = map->mask * 2 + 1, .used = map->used};
    bigger.slots = calloc(bigger.mask + 1, sizeof *bigger.slots);
    if (bigger.slots == NULL) return false;
    for (uint32_t i = 0; i <= map->mask; i++) {
      const ufrag_slot_t *slot = &map->slots[i];
      if (slot->text != NULL)
        bigger.slots[ufrag_find(&bigger, slot->hash, slot->text, slot->length)] = *slot;
    }
    free(map->slots);
    *map = bigger;
  }
  uint32_t hash = text_hash(text, length);
  ufrag_slot_t *slot = &map->slots[ufrag_find(map, hash, text, length)];
  if (slot->text == NULL) {
    slot->text = malloc((size_t)length);
    if (slot->text == NULL) return false;
    memcpy(slot->text, text, (size_t)length);
    slot->hash = hash;
    slot->length = (uint16_t)length;
    map->used++;
  }
  slot->value = value;
  return true;
}

void ufrag_map_remove(ufrag_map_t *map, const uint8_t *text, int length, int32_t value) {
  if (length <= 0 || length > MAX_UFRAG) return;
  uint32_t at = ufrag_find(map, text_hash(text, length), text, length);
  if (map->slots[at].text == NULL || map->slots[at].value != value) return;
  free(map->slots[at].text);
  map->used--;
  uint32_t hole = at;
  for (;;) {
    map->slots[hole].text = NULL;
    for (;;) {
      at = (at + 1) & map->mask;
      if (map->slots[at].text == NULL) return;
      uint32_t home = map->slots[at].hash & map->mask;
      if (((at - home) & map->mask) >= ((at - hole) & map->mask)) break;
    }
    map->slots[hole] = map->slots[at];
    hole = at;
  }
}

void ufrag_map_remove_all(ufrag_map_t *map, int32_t value) {
  for (uint32_t i = 0; i <= map->mask;) {
    const ufrag_slot_t *slot = &map->slots[i];
    if (slot->text == NULL || slot->value != value) {
      i++;
      continue;
    }
    uint8_t text[MAX_UFRAG];
    memcpy(text, slot->text, slot->length);
    ufrag_map_remove(map, text, slot->length, value);
  }
}
