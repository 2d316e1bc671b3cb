import { err, ok, type Result } from "#shared/runtime/result";
import type { Random } from "#shared/runtime/runtime";
import type { Jingle } from "#shared/stanza/jingle";
import type { IceTransport, Source, SourceGroup } from "#shared/stanza/media";
import { fault, type StanzaFault } from "#shared/stanza/stanza-error";

/** `pending`: invited. `active`: accepted. `ended`: terminated by either side. */
export type SessionState = "pending" | "active" | "ended";

/** Sources of one content, as the client sent them. */
export interface SessionContent {
  readonly media: string;
  readonly sources: readonly Source[];
  readonly groups: readonly SourceGroup[];
}

/** What a client's Jingle IQ asks of the conference. */
export type SessionInput =
  | {
      readonly kind: "accept";
      readonly contents: readonly SessionContent[];
      readonly transport: IceTransport | undefined;
      readonly initialLastN: number | undefined;
    }
  | { readonly kind: "sourceAdd"; readonly contents: readonly SessionContent[] }
  | { readonly kind: "sourceRemove"; readonly contents: readonly SessionContent[] }
  | { readonly kind: "transportInfo"; readonly transport: IceTransport }
  | { readonly kind: "iceRestart"; readonly bridgeSession: string | undefined }
  | { readonly kind: "iceFailed"; readonly bridgeSession: string | undefined }
  | {
      readonly kind: "terminate";
      readonly bridgeSession: string | undefined;
      readonly restart: boolean;
    }
  /** Understood, and nothing to do. */
  | { readonly kind: "ignored" };

/** A random 64-bit number in base 32, as upstream makes session ids. */
export function newSid(random: Random): string {
  const view = new DataView(new Uint8Array(random.bytes(8)).buffer);
  return view.getBigUint64(0).toString(32);
}

/**
 * One Jingle session with one participant (spec jicofo 4.1). `handle` applies an incoming action to
 * the state and says what it asks for; what follows from that is the conference's business.
 */
export class JingleSession {
  readonly sid: string;
  /** Occupant JID; stanzas of anybody else do not reach this session. */
  readonly peer: string;
  /** Id of the bridge session that was offered. */
  readonly bridgeSession: string;
  #state: SessionState = "pending";
  /** `ice-generation` of the last transport sent to the client. */
  #iceGeneration = 0;

  constructor(sid: string, peer: string, bridgeSession: string) {
    this.sid = sid;
    this.peer = peer;
    this.bridgeSession = bridgeSession;
  }

  get state(): SessionState {
    return this.#state;
  }

  end(): void {
    this.#state = "ended";
  }

  /** Whether a transport of that generation is news to the client; if so it is remembered. */
  advanceIce(generation: number): boolean {
    if (generation <= this.#iceGeneration) return false;
    this.#iceGeneration = generation;
    return true;
  }

  /** Applies an action of the client. Accept and terminate change the state at once. */
  handle(jingle: Jingle): Result<SessionInput, StanzaFault> {
    if (this.#state === "ended") return err(fault("session ended", "gone"));
    const transport = jingle.contents.find((content) => content.transport !== undefined)?.transport;
    switch (jingle.action) {
      case "session-accept":
      case "transport-accept": {
        if (jingle.action === "session-accept") this.#state = "active";
        const video = jingle.contents.find(({ name }) => name === "video");
        return ok({
          kind: "accept",
          contents: sourcesOf(jingle),
          // A bridge leg without rtcp-mux does not exist, whether the client says so or not.
          transport: transport && { ...transport, rtcpMux: true },
          initialLastN: video?.initialLastN,
        });
      }
      case "transport-reject":
        return ok({ kind: "ignored" });
      case "transport-info":
        if (transport === undefined) return err(fault("missing transport"));
        return ok({ kind: "transportInfo", transport });
      case "source-add":
        return ok({ kind: "sourceAdd", contents: sourcesOf(jingle) });
      case "source-remove":
        return ok({ kind: "sourceRemove", contents: sourcesOf(jingle) });
      case "session-info": {
        const bridgeSession = jingle.bridgeSession?.id;
        if (jingle.bridgeSession?.iceRestart === true)
          return ok({ kind: "iceRestart", bridgeSession });
        if (jingle.iceState === "failed") return ok({ kind: "iceFailed", bridgeSession });
        return ok({ kind: "ignored" });
      }
      case "session-terminate":
        this.#state = "ended";
        return ok({
          kind: "terminate",
          bridgeSession: jingle.bridgeSession?.id,
          restart: jingle.bridgeSession?.restart === true,
        });
      default:
        return err(fault("Unsupported 'action'", "feature-not-implemented"));
    }
  }
}

function sourcesOf(jingle: Jingle): SessionContent[] {
  return jingle.contents.flatMap(({ description }) =>
    description === undefined
      ? []
      : [{ media: description.media, sources: description.sources, groups: description.groups }],
  );
}
