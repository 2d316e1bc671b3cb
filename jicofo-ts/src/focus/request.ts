/** A conference request, however it came in (spec jicofo 2.1 to 2.3). */

/** Who sent an HTTP request, as far as that can be told. */
export interface HttpOrigin {
  /** Names one sender: an IPv4 address or a /64 of IPv6. Absent: somebody behind a proxy. */
  readonly address: string | undefined;
  /** Whether it came over a proxy, whose word the address is. */
  readonly proxied: boolean;
}

/** A parsed request; the entry has refused what does not parse. */
export interface ConferenceRequest {
  /** Bare JID of the room. */
  readonly room: string;
  /** Real full JID of the sender; HTTP requests have none. */
  readonly from: string | undefined;
  /** Of HTTP requests. */
  readonly origin?: HttpOrigin;
  readonly sessionId: string | undefined;
  readonly machineUid: string | undefined;
  readonly token: string | undefined;
  readonly properties: ReadonlyMap<string, string>;
}

/** The answer to a processed request. */
export interface ConferenceResponse {
  readonly room: string;
  /** Bare JID of the focus. */
  readonly focusJid: string;
  readonly ready: boolean;
  readonly sessionId: string | undefined;
  readonly identity: string | undefined;
  readonly vnode: string | undefined;
  /** In the order they are printed. */
  readonly properties: ReadonlyMap<string, string>;
}

/** A refusal as a stanza error; the HTTP entry turns it into a status. */
export interface RequestFault {
  readonly type: "cancel" | "modify" | "auth" | "wait";
  /** Defined condition of RFC 6120 §8.3.3. */
  readonly condition: string;
  readonly text: string | undefined;
  /** Application condition, when there is one (for example `session-invalid`). */
  readonly application: { readonly name: string; readonly ns: string } | undefined;
}
