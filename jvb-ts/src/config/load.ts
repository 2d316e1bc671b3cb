/** From command line and environment to settings: what a start and `--check-config` share. */
import { checkKeys } from "#shared/config/check-keys";
import { type LoadedConfig, loadConfig } from "#shared/config/config";
import { ConfigError, type ConfigFault } from "#shared/config/config-error";
import { unknownProperties } from "#shared/config/known-properties";
import { openHost } from "#shared/config/open-host";
import { readTlsSettings } from "#shared/http/tls-settings";
import type { Logger } from "#shared/logging/logger";
import { announcesVersion, type BridgeConfig, readBridgeConfig } from "../bridge-config.ts";
import {
  logIncompleteClients,
  noConnection,
  unknownClientProperties,
} from "../muc-client-entries.ts";
import { version } from "../version.ts";
import { webSocketKeys } from "./http-keys.ts";
import { allKeys, legacyProperties } from "./tables.ts";

/** Reads the files. Throws `ConfigError` for what cannot be read at all. */
export function loadBridgeConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): LoadedConfig {
  return loadConfig({ argv, env, tables: allKeys });
}

/**
 * Everything a start reads, and what there is to warn of, `former` first. Throws `ConfigError` for
 * every wrong value, for protection that is not built, and with `--strict` for warnings.
 */
export function readWholeConfig(
  loaded: LoadedConfig,
  former: readonly ConfigFault[],
  log: Logger,
): { readonly config: BridgeConfig; readonly warnings: readonly ConfigFault[] } {
  const unbuilt = readKeys(loaded, log);
  const read = readBridgeConfig(loaded, log);
  // A bad key store must stop the start before anything else runs.
  for (const { tls } of [read.publicHttp, read.privateHttp]) if (tls) readTlsSettings(tls);
  const unknown = [
    ...unknownProperties(loaded, allKeys, legacyProperties),
    ...unknownClientProperties(loaded),
  ];
  const { port, host } = read.privateHttp;
  const hostKey = "videobridge.http-servers.private.host";
  const open = port < 0 ? [] : openHost(loaded, hostKey, host, "statistics, drain and shutdown");
  const channel = silentChannel(loaded, read);
  const warnings = [...former, ...loaded.warnings, ...unknown, ...unbuilt, ...open, ...channel];
  if (loaded.strict && warnings.length > 0) throw new ConfigError(warnings);
  const own = read.version ?? version;
  const announcedVersion = announcesVersion(loaded) ? own : undefined;
  const exporter = { ...read.settings.exporter, version: own };
  return {
    config: { ...read, version: own, settings: { ...read.settings, announcedVersion, exporter } },
    warnings,
  };
}

/** As `checkKeys`; a wrong key does not keep back what the XMPP connections lack, which is logged. */
function readKeys(loaded: LoadedConfig, log: Logger): readonly ConfigFault[] {
  try {
    return checkKeys(loaded, allKeys);
  } catch (cause) {
    logIncompleteClients(loaded, log);
    throw cause;
  }
}

/**
 * A bridge channel that is switched on and yet offered to nobody; upstream says nothing either, and
 * the browser's console is the last place where an operator looks.
 */
function silentChannel(
  loaded: LoadedConfig,
  { publicHttp, settings, webSockets }: BridgeConfig,
): readonly ConfigFault[] {
  if (!webSockets.enabled || settings.webSocketPrefixes.length > 0) return [];
  const { domain, domains } = loaded.readTable(webSocketKeys);
  const missing = [
    ...(domain === undefined && domains.length === 0 ? ["videobridge.websockets.domains"] : []),
    ...(publicHttp.port < 0 ? ["videobridge.http-servers.public.port"] : []),
  ];
  const key = "videobridge.websockets.enabled";
  return [
    {
      key,
      origin: loaded.get(key)?.origin,
      message: "no WebSocket is offered to anybody",
      remedy: `set ${missing.join(" and ")}, or switch it off`,
    },
  ];
}

/** Why a bridge with this configuration carries no calls although it starts. */
export function whyIdle({ settings, mucClients, apis }: BridgeConfig): readonly ConfigFault[] {
  const reasons: ConfigFault[] = [];
  if (settings.sockets.addresses.length === 0)
    reasons.push({ message: "no address for media is left", remedy: "see the warnings" });
  if (mucClients.length === 0) {
    // Word for word the warning of a start, to be told once.
    if (!apis.colibri) reasons.push(noConnection);
    else
      reasons.push({
        key: "videobridge.apis.xmpp-client.configs",
        message:
          "has no complete entry, so no focus can reach this bridge until a connection is added over HTTP",
        remedy: "add or complete one",
      });
  }
  return reasons;
}
