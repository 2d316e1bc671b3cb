import type { LoadedConfig } from "#shared/config/config";
import { ConfigError, type ConfigFault } from "#shared/config/config-error";
import { bridgeKeys, octoKeys } from "./bridge-keys.ts";
import { conferenceKeys } from "./conference-keys.ts";
import {
  jibriKeys,
  jibriSipKeys,
  jigasiKeys,
  tracingKeys,
  transcriptionKeys,
  translationKeys,
  visitorKeys,
} from "./later-keys.ts";
import { faultAt } from "./settings.ts";

/**
 * Looks for configured features that this focus lacks. One that keeps people out must not be
 * ignored in silence: it throws `ConfigError`. The others come back as warnings.
 */
export function checkUnsupported(config: LoadedConfig): readonly ConfigFault[] {
  const refused = accessFaults(config);
  if (refused.length > 0) throw new ConfigError(refused);
  return lesserFaults(config);
}

function accessFaults(config: LoadedConfig): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const visitors = config.readTable(visitorKeys);
  if (visitors.enabled && visitors["enable-live-room"])
    faults.push(
      faultAt(
        config,
        "jicofo.visitors.enable-live-room",
        "rooms that wait until they are live are not built yet, and without that visitors would get in early",
        "set it to false, or keep upstream's focus",
      ),
    );
  return faults;
}

function lesserFaults(config: LoadedConfig): ConfigFault[] {
  const bridge = config.readTable(bridgeKeys);
  const rows: readonly (readonly [boolean, string, string])[] = [
    [
      config.readTable(octoKeys).enabled,
      "jicofo.octo.enabled",
      "each conference stays on one bridge",
    ],
    [
      bridge["topology-strategy"] !== "SingleMeshTopologyStrategy",
      "jicofo.bridge.topology-strategy",
      "bridges are not linked",
    ],
    [
      config.readTable(conferenceKeys)["reinvite-method"] !== "RestartJingle",
      "jicofo.conference.reinvite-method",
      "participants are moved by a new session",
    ],
    [
      config.readTable(visitorKeys).enabled,
      "jicofo.visitors.enabled",
      "nobody is sent to a visitor node",
    ],
    [
      config.readTable(jibriKeys)["brewery-jid"] !== undefined,
      "jicofo.jibri.brewery-jid",
      "nothing is recorded",
    ],
    [
      config.readTable(jibriSipKeys)["brewery-jid"] !== undefined,
      "jicofo.jibri-sip.brewery-jid",
      "no SIP video calls are made",
    ],
    [
      config.readTable(jigasiKeys)["brewery-jid"] !== undefined,
      "jicofo.jigasi.brewery-jid",
      "nobody can dial",
    ],
    [
      config.readTable(transcriptionKeys)["url-template"] !== undefined,
      "jicofo.transcription.url-template",
      "nothing is transcribed",
    ],
    [
      config.readTable(translationKeys)["url-template"] !== undefined,
      "jicofo.translation.url-template",
      "nothing is translated",
    ],
    [config.readTable(tracingKeys).enabled, "tracing.enabled", "no traces are sent"],
  ];
  return rows
    .filter(([configured]) => configured)
    .map(([, path, consequence]) => ({
      key: path,
      origin: config.get(path)?.origin,
      message: `is not built yet: ${consequence}`,
    }));
}
