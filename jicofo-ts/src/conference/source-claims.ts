/** Sources that an endpoint may not call its own although nobody has signalled them. */
import { bridgeOwner, type SourceSet } from "../source/source-set.ts";
import type { ConferenceState } from "./state.ts";

/** What the msids begin with that the focus gives the bridge's own sources (spec jicofo 4.5). */
const bridgeMsid = "mixedmslabel ";

/**
 * Why the endpoint may not have these, as a text for the peer: a name that begins with another
 * member's id (bridge and clients look sources up by name), an SSRC or msid of the bridge.
 * Upstream checks none of them; SSRCs and msids of others are `ConferenceSources`' business.
 */
export function foreignClaim(
  state: ConferenceState,
  id: string,
  { sources }: SourceSet,
): string | undefined {
  for (const { ssrc, name, msid } of sources) {
    const dash = name?.lastIndexOf("-") ?? -1;
    const owner = dash < 0 ? undefined : name?.slice(0, dash);
    if (
      owner !== undefined &&
      owner !== id &&
      (owner === bridgeOwner || state.members.has(owner))
    ) {
      return `Source name belongs to another endpoint: ${name}.`;
    }
    if (msid?.startsWith(bridgeMsid)) return `MSID is already used: ${msid}.`;
    for (const { feedback } of state.colibri?.sessions.values() ?? []) {
      if (feedback.some((media) => media.sources.some((one) => one.ssrc === ssrc))) {
        return `SSRC is already used: ${ssrc}.`;
      }
    }
  }
  return undefined;
}
