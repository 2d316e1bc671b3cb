import type {
  ColibriEndpoint,
  ColibriMedia,
  ColibriMediaSource,
  ConferenceModify,
  ForceMute,
} from "#shared/stanza/colibri2";
import {
  colibriEndpoint,
  colibriTransport,
  conferenceModify,
} from "#shared/stanza/colibri2-blanks";
import type { IceTransport } from "#shared/stanza/media";
import { zeroTraceParent } from "#shared/stanza/trace-parent";

/** A bridge, as much as a session needs of it. */
export interface SessionBridge {
  readonly jid: string;
  readonly nick: string;
  readonly region: string | undefined;
}

/** What is asked of a bridge for one participant. */
export interface EndpointSpec {
  readonly id: string;
  readonly statsId: string | undefined;
  /** What is offered to the client, by kind of media. */
  readonly media: readonly ColibriMedia[];
  /** Whether a data channel is wanted. */
  readonly data: boolean;
  readonly sources: readonly ColibriMediaSource[];
  readonly forceMute: ForceMute;
  readonly visitor: boolean;
  readonly diarize: boolean;
  readonly ssrcRewriting: boolean;
  readonly rtpMidDemux: boolean;
  /** The bridge should offer its private addresses (Jigasi and Jibri in the same network). */
  readonly privateAddresses: boolean;
}

/** A change of an endpoint that exists; `undefined` leaves the part as it is. */
export interface EndpointUpdate {
  readonly transport?: IceTransport;
  readonly sources?: readonly ColibriMediaSource[];
  readonly initialLastN?: number;
  readonly forceMute?: ForceMute;
}

/** An endpoint on the bridge. */
export interface SessionEndpoint {
  readonly spec: EndpointSpec;
  /** Tells apart successive allocations of one participant. */
  readonly incarnation: number;
  ready: boolean;
}

/** Which request a reply belongs to. */
export type RequestTag =
  | { readonly kind: "allocate"; readonly endpoint: string; readonly incarnation: number }
  | { readonly kind: "update" }
  | { readonly kind: "iceRestart"; readonly endpoint: string; readonly incarnation: number }
  | { readonly kind: "expire" };

/** A request to send now. */
export interface SessionRequest {
  readonly tag: RequestTag;
  readonly modify: ConferenceModify;
}

/** Names of a conference on its bridges. */
export interface ConferenceIdentity {
  readonly meetingId: string;
  /** Bare JID of the room. */
  readonly name: string;
  readonly rtcstatsEnabled: boolean;
}

/**
 * One conference on one bridge. Changes gather during a turn; `drain` returns the requests that
 * bring the bridge up to date, in the order in which they must be sent.
 */
export class ColibriSession {
  readonly bridge: SessionBridge;
  /** Id of the `bridge-session` that clients name in restart requests. */
  readonly id: string;
  readonly endpoints = new Map<string, SessionEndpoint>();
  readonly createdAt: number;
  feedback: readonly ColibriMediaSource[] = [];
  readonly #conference: ConferenceIdentity;
  #conferenceCreated = false;
  #creates = new Map<string, SessionEndpoint>();
  #updates = new Map<string, EndpointUpdate>();
  #expires: string[] = [];
  #restarts: string[] = [];
  /** When endpoints of this conference were added, for the growth limit of selection. */
  readonly #added: number[] = [];

  constructor(bridge: SessionBridge, id: string, conference: ConferenceIdentity, now: number) {
    this.bridge = bridge;
    this.id = id;
    this.#conference = conference;
    this.createdAt = now;
  }

  create(spec: EndpointSpec, incarnation: number, now: number): void {
    const endpoint = { spec, incarnation, ready: false };
    this.endpoints.set(spec.id, endpoint);
    this.#creates.set(spec.id, endpoint);
    this.#added.push(now);
    if (this.#added.length > 1_000) this.#added.splice(0, 500);
  }

  update(id: string, change: EndpointUpdate): void {
    if (!this.endpoints.has(id)) return;
    this.#updates.set(id, { ...this.#updates.get(id), ...change });
  }

  restartIce(id: string): void {
    if (this.endpoints.has(id)) this.#restarts.push(id);
  }

  /** Forgets the endpoint; the bridge is told unless it was never asked for it, or lost it itself. */
  remove(id: string, tellBridge: boolean): void {
    if (!this.endpoints.delete(id)) return;
    this.#updates.delete(id);
    this.#restarts = this.#restarts.filter((other) => other !== id);
    if (!this.#creates.delete(id) && tellBridge) this.#expires.push(id);
  }

  /** Endpoints added since `since`. */
  recentlyAdded(since: number): number {
    return this.#added.filter((at) => at >= since).length;
  }

  /** The requests of this turn. */
  drain(): SessionRequest[] {
    const requests: SessionRequest[] = [];
    // COMPAT(jvb): a bridge takes media, sources or a transport of one endpoint per request only.
    if (this.#expires.length > 0) {
      const gone = this.#expires.map((id) => colibriEndpoint(id, { expire: true }));
      requests.push(this.#request({ kind: "update" }, gone));
    }
    for (const [id, change] of this.#updates) {
      if (!this.#creates.has(id)) {
        requests.push(this.#request({ kind: "update" }, [this.#updated(id, change)]));
      }
    }
    for (const { spec, incarnation } of this.#creates.values()) {
      const tag = { kind: "allocate", endpoint: spec.id, incarnation } as const;
      requests.push(this.#request(tag, [creation(spec)]));
      // A change of an endpoint asked for in this very turn.
      const change = this.#updates.get(spec.id);
      if (change !== undefined) {
        requests.push(this.#request({ kind: "update" }, [this.#updated(spec.id, change)]));
      }
    }
    for (const id of this.#restarts) {
      const incarnation = this.endpoints.get(id)?.incarnation ?? 0;
      const transport = colibriTransport({ iceRestart: true });
      requests.push(
        this.#request({ kind: "iceRestart", endpoint: id, incarnation }, [
          colibriEndpoint(id, { statsId: this.endpoints.get(id)?.spec.statsId, transport }),
        ]),
      );
    }
    this.#creates = new Map();
    this.#updates = new Map();
    this.#expires = [];
    this.#restarts = [];
    return requests;
  }

  /** The request that ends the conference on the bridge, or none if it was never created there. */
  expire(): SessionRequest | undefined {
    if (!this.#conferenceCreated) return undefined;
    return { tag: { kind: "expire" }, modify: { ...this.#modify([]), expire: true } };
  }

  #updated(id: string, change: EndpointUpdate): ColibriEndpoint {
    return colibriEndpoint(id, {
      statsId: this.endpoints.get(id)?.spec.statsId,
      transport: change.transport && colibriTransport({ ice: change.transport }),
      sources: change.sources,
      initialLastN: change.initialLastN,
      forceMute: change.forceMute,
    });
  }

  #request(tag: RequestTag, endpoints: readonly ColibriEndpoint[]): SessionRequest {
    const modify = this.#modify(endpoints);
    if (this.#conferenceCreated) return { tag, modify };
    this.#conferenceCreated = true;
    const { name, rtcstatsEnabled } = this.#conference;
    return { tag, modify: { ...modify, name, rtcstatsEnabled, create: true } };
  }

  #modify(endpoints: readonly ColibriEndpoint[]): ConferenceModify {
    return conferenceModify(this.#conference.meetingId, {
      traceParent: zeroTraceParent,
      endpoints,
    });
  }
}

/** The `<endpoint create='true'>` of a participant (spec jicofo 5.1). */
function creation(spec: EndpointSpec): ColibriEndpoint {
  const capabilities = ["source-names"];
  if (spec.privateAddresses) capabilities.push("private-address-connectivity");
  if (spec.ssrcRewriting) capabilities.push("ssrc-rewriting");
  if (spec.rtpMidDemux) capabilities.push("rtp-mid-demux");
  const muted = spec.forceMute.audio || spec.forceMute.video;
  return colibriEndpoint(spec.id, {
    create: true,
    statsId: spec.statsId,
    mucRole: spec.visitor ? "visitor" : undefined,
    diarize: spec.diarize ? true : undefined,
    media: spec.media,
    transport: colibriTransport({
      iceControlling: true,
      sctp: spec.data ? { port: undefined, role: undefined } : undefined,
    }),
    sources: spec.sources,
    forceMute: muted ? spec.forceMute : undefined,
    capabilities,
  });
}
