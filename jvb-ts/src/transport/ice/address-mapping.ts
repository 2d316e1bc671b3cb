/**
 * NAT mappings local → public, known once per process: static ones from the configuration and those
 * a STUN server told us. Each adds one `srflx` candidate to every endpoint (spec jvb-control 3.3).
 */

/** Ports are both given (the mapping holds for that local port only) or both absent. */
export interface AddressMapping {
  readonly localIp: string;
  readonly publicIp: string;
  readonly localPort: number | undefined;
  readonly publicPort: number | undefined;
}
