/** From command line and environment to settings: what a start and `--check-config` share. */
import { checkKeys } from "#shared/config/check-keys";
import { type LoadedConfig, loadConfig } from "#shared/config/config";
import { ConfigError, type ConfigFault } from "#shared/config/config-error";
import { type LegacyProperties, unknownProperties } from "#shared/config/known-properties";
import { openHost } from "#shared/config/open-host";
import { openAuthentication } from "./authentication-keys.ts";
import { allTables, anonymousLogins, type FocusSettings, readSettings } from "./settings.ts";

const legacyProperties: LegacyProperties = {
  prefixes: ["org.jitsi.jicofo.", "org.jitsi.focus."],
  // COMPAT(jicofo): upstream reads these two and takes nothing from them (spec jicofo 11.4).
  others: ["org.jitsi.focus.IDLE_TIMEOUT", "org.jitsi.jicofo.SINGLE_PARTICIPANT_TIMEOUT"],
};

/** Reads the files. Throws `ConfigError` for what cannot be read at all. */
export function loadFocusConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): LoadedConfig {
  return loadConfig({ argv, env, tables: allTables, fileRequired: true });
}

/**
 * All settings, and what there is to warn of, `former` first. Throws `ConfigError` for every wrong value, for
 * protection that is not built, and with `--strict` for warnings.
 */
export function readFocusConfig(
  loaded: LoadedConfig,
  former: readonly ConfigFault[] = [],
): {
  readonly config: FocusSettings;
  readonly warnings: readonly ConfigFault[];
} {
  const unbuilt = checkKeys(loaded, allTables);
  const settings = readSettings(loaded);
  const warnings = [
    ...former,
    ...loaded.warnings,
    ...unknownProperties(loaded, allTables, legacyProperties),
    ...unbuilt,
    ...openAuthentication(loaded),
    ...(settings.rest === undefined
      ? []
      : openHost(loaded, "jicofo.rest.host", settings.rest.host, "rooms, statistics and pins")),
    ...anonymousLogins(settings),
  ];
  if (loaded.strict && warnings.length > 0) throw new ConfigError(warnings);
  return { config: settings, warnings };
}

/** Why a focus with these settings carries no calls although it starts. */
export function whyIdle(settings: FocusSettings): readonly ConfigFault[] {
  const logins = anonymousLogins(settings);
  if (settings.bridgeBrewery !== undefined) return logins;
  const message = "is not set: there are no bridges, so nobody sees or hears anybody";
  const remedy = 'set it to the room of the bridges, such as "jvbbrewery@internal.auth.DOMAIN"';
  return [...logins, { key: "jicofo.bridge.brewery-jid", message, remedy }];
}
