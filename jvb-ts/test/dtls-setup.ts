/** Test kit: the roles of DTLS in descriptions of transports, as the focus writes them. */
import type { IceTransport } from "#shared/stanza/media";

/** The description with this role: clients are `active` to the bridge, which is `passive` to them. */
export function withSetup(transport: IceTransport, setup: "active" | "passive"): IceTransport {
  const fingerprints = transport.fingerprints.map((one) => ({ ...one, setup }));
  return { ...transport, fingerprints };
}
