/** The XMPP connections that the configuration asks for (jvb-control 1.2). */
import type { LoadedConfig } from "#shared/config/config";
import { ConfigError, type ConfigFault, faultLine } from "#shared/config/config-error";
import { type ConfigValue, toPlain } from "#shared/config/config-value";
import { didYouMean, nearest } from "#shared/config/known-keys";
import type { Logger } from "#shared/logging/logger";
import {
  type MucClientConfig,
  mucClientProperties,
  parseMucClient,
} from "./signaling/muc-client-config.ts";

const KEY = "videobridge.apis.xmpp-client.configs";
const LEGACY = "org.jitsi.videobridge.xmpp.user.";

/**
 * Entries of the file, or the legacy ones when at least one of those is complete. An incomplete
 * entry is left out as upstream does; when none is left and `reachable` says that nothing else
 * could give this bridge a conference, throws `ConfigError`.
 */
export function mucClients(
  config: LoadedConfig,
  value: ConfigValue | undefined,
  reachable: boolean,
  log: Logger,
): MucClientConfig[] {
  const faults: ConfigFault[] = [];
  const old = legacyMucClients(config, faults);
  const clients = old.length > 0 ? old : entries(value, faults);
  if (clients.length === 0 && !reachable) {
    if (faults.length > 0) throw new ConfigError(faults);
    log.warn(faultLine(noConnection));
  }
  logAll(faults, log);
  return clients;
}

/** The bridge runs, for nobody. */
export const noConnection: ConfigFault = {
  message: "No focus can reach this bridge: it has no XMPP connection",
  remedy: `add an entry to ${KEY}, or set videobridge.apis.rest.enabled=true`,
};

/** For a start that something else stops: logs what the entries of the file lack. */
export function logIncompleteClients(config: LoadedConfig, log: Logger): void {
  const faults: ConfigFault[] = [];
  const value = config.get(KEY);
  if (value?.kind === "object") entries(value, faults);
  logAll(faults, log);
}

function logAll(faults: readonly ConfigFault[], log: Logger): void {
  for (const fault of faults)
    log.error(`Leaving out an incomplete XMPP connection: ${faultLine(fault)}`);
}

/** A warning for each legacy property of a connection that nothing reads. Values are not named. */
export function unknownClientProperties(config: LoadedConfig): ConfigFault[] {
  return [...config.legacyBelow(LEGACY)].flatMap(([name, { origin }]): ConfigFault[] => {
    const before = name.slice(0, name.indexOf(".") + 1);
    const property = name.slice(before.length).toUpperCase();
    if (mucClientProperties.includes(property)) return [];
    const near = nearest(property, mucClientProperties, Math.max(3, property.length / 3));
    const remedy =
      near === undefined
        ? "remove it or check its spelling"
        : didYouMean(`${LEGACY}${before}${near}`);
    return [{ key: LEGACY + name, origin, message: "unknown property", remedy }];
  });
}

function entries(value: ConfigValue | undefined, faults: ConfigFault[]): MucClientConfig[] {
  if (value === undefined) return [];
  if (value.kind !== "object") throw noObject(value, KEY);
  const clients: MucClientConfig[] = [];
  for (const [id, entry] of value.fields) {
    if (entry.kind !== "object") throw noObject(entry, `${KEY}.${id}`);
    const properties = [...entry.fields].map(([name, one]): [string, string] => [
      name,
      String(toPlain(one)),
    ]);
    const parsed = parseMucClient(id, properties);
    if (parsed.ok) {
      clients.push(parsed.value);
      continue;
    }
    for (const { property, message, misspelt } of parsed.error) {
      const given = [...entry.fields].find(([name]) => name.toLowerCase() === property)?.[1];
      const near = misspelt === undefined ? undefined : entry.fields.get(misspelt);
      faults.push({
        key: `${KEY}.${id}.${property}`,
        origin: (given ?? near ?? entry).origin,
        message,
        remedy: remedyFor(property, misspelt, given !== undefined),
      });
    }
  }
  return clients;
}

function remedyFor(property: string, misspelt: string | undefined, given: boolean): string {
  if (misspelt !== undefined) return `rename ${misspelt} to ${property}`;
  return given ? `correct ${property} in this entry` : `add ${property} = … to this entry`;
}

function noObject(at: ConfigValue, key: string): ConfigError {
  return new ConfigError({
    key,
    origin: at.origin,
    message: "must be an object",
    remedy: "write configs { NAME { hostname = …, domain = …, username = … } }",
  });
}

function legacyMucClients(config: LoadedConfig, faults: ConfigFault[]): MucClientConfig[] {
  const groups = new Map<string, [string, string][]>();
  for (const [name, value] of config.legacyBelow(LEGACY)) {
    const dot = name.indexOf(".");
    const id = dot < 0 ? "default" : name.slice(0, dot);
    const group = groups.get(id) ?? [];
    groups.set(id, group);
    group.push([name.slice(dot + 1), String(toPlain(value))]);
  }
  return [...groups].flatMap(([id, properties]) => {
    const parsed = parseMucClient(id, properties);
    if (parsed.ok) return [parsed.value];
    const below = id === "default" ? LEGACY : `${LEGACY}${id}.`;
    for (const { property, message, misspelt } of parsed.error) {
      const key = `${below}${property.toUpperCase()}`;
      faults.push({ key, message, remedy: remedyFor(property, misspelt, false) });
    }
    return [];
  });
}
