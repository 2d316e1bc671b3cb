/** Test kit: what a media worker with real sockets and real DTLS is given, upstream's defaults. */
import { type BridgeSettings, defaultLifeSettings } from "../src/conference/settings.ts";
import { defaultCaptureSettings } from "../src/export/captures.ts";
import { defaultExportSettings } from "../src/export/export-settings.ts";
import { defaultEngineOptions } from "../src/media/engine-options.ts";
import { SrtpProfile } from "../src/media/packet-io.ts";
import { defaultCipherSuites } from "../src/net/native-dtls.ts";
import { defaultDtlsRules } from "../src/transport/dtls/dtls-transport.ts";
import { defaultIceSettings } from "../src/transport/ice/ice-settings.ts";

/** Any free port of the loopback address, AES-GCM, no WebSockets. */
export const loopbackSettings: BridgeSettings = {
  sockets: { addresses: [{ ip: "127.0.0.1", port: 0 }], mappings: [], receiveBufferBytes: 1 << 22 },
  ice: defaultIceSettings,
  engine: defaultEngineOptions,
  dtls: {
    cipherSuites: defaultCipherSuites,
    srtpProfiles: [SrtpProfile.AEAD_AES_128_GCM],
    rules: defaultDtlsRules,
  },
  life: defaultLifeSettings,
  exporter: defaultExportSettings,
  capture: defaultCaptureSettings,
  sctpEnabled: true,
  webSocketPrefixes: [],
  announcedVersion: undefined,
  redactRemoteAddresses: true,
};
