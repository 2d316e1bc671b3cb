/* One media worker's side of the UDP sockets, for JavaScript; see packet-io.ts for the door. */
#ifndef JVB_PACKET_IO_H
#define JVB_PACKET_IO_H

#include <node_api.h>

/* Adds `openPacketIo` to `exports` and takes the environment's instance data. */
void packet_io_register(napi_env env, napi_value exports);

#endif
