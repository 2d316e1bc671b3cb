import type { ConfigFault } from "./config-error.ts";
import type { LoadedConfig } from "./loaded-config.ts";

/**
 * A warning where an HTTP interface without passwords listens on more than this machine (spec
 * packaging-and-operations D-089). `host`: the value of `key`, absent for all addresses.
 */
export function openHost(
  config: LoadedConfig,
  key: string,
  host: string | undefined,
  serves: string,
): ConfigFault[] {
  if (host !== undefined && /^(127\.\d+\.\d+\.\d+|::1|\[::1\]|localhost)$/.test(host)) return [];
  const message = `${host ?? "every address"} lets other machines reach ${serves} without a password`;
  const remedy = "set it to 127.0.0.1, or keep others out by a firewall";
  return [{ key, origin: config.get(key)?.origin, message, remedy }];
}
