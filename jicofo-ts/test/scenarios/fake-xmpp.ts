/** A connection and rooms that live in memory: who is addressed answers by a function. */
import type { Millis, Runtime } from "#shared/runtime/runtime";
import type { StanzaError } from "#shared/stanza/stanza-error";
import { parseStanzaError } from "#shared/stanza/stanza-error";
import type {
  ConnectionState,
  IqHandler,
  IqMatch,
  IqReply,
  StateChange,
  XmppConnection,
} from "#shared/xmpp/connection";
import { type BareJid, type Jid, parseJid } from "#shared/xmpp/jid";
import type { FormFields, JoinResult, MucEvent, MucRoomDoor, Occupant } from "#shared/xmpp/muc";
import { attr, type Element, elementsOf, namespaceOf, xml } from "#shared/xmpp/xml";

/** A valid address out of a literal of a test. */
export function jid(text: string): Jid {
  const parsed = parseJid(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

/** Takes an IQ; answers with a stanza, with a promise of one, or (`undefined`) not at all. */
export type Peer = (iq: Element) => Element | undefined | Promise<Element | undefined>;

/** Milliseconds every stanza takes each way. */
const latency: Millis = 1;

export class FakeConnection implements XmppConnection {
  readonly name = "client";
  state: ConnectionState = "online";
  readonly sessions = 1;
  readonly jid: Jid;
  /** Who answers under which full JID. */
  readonly peers = new Map<string, Peer>();
  /** Every IQ request the focus sent, in order. */
  readonly sent: Element[] = [];
  /** Requests that nobody has answered yet and whose time is not over. */
  waiting = 0;
  /** Answers that came after their time. */
  late = 0;
  readonly #runtime: Runtime;
  readonly #handlers: { readonly match: IqMatch; readonly handler: IqHandler }[] = [];
  readonly #listeners = new Set<(change: StateChange) => void>();
  readonly #stanzas = new Set<(stanza: Element) => void>();
  readonly #lateListeners = new Set<() => void>();
  #ids = 0;

  constructor(runtime: Runtime, self: Jid) {
    this.#runtime = runtime;
    this.jid = self;
  }

  start(): void {}
  async stop(): Promise<void> {}
  send(): boolean {
    return true;
  }

  async request(iq: Element, timeoutMs = 15_000): Promise<IqReply> {
    iq.attrs["id"] = `f${++this.#ids}`;
    this.sent.push(iq);
    const reply = Promise.withResolvers<IqReply>();
    this.waiting++;
    let open = true;
    const done = (): void => {
      open = false;
      this.waiting--;
    };
    void reply.promise.then(done, done);
    const timeout = this.#runtime.timers.after(timeoutMs, () => reply.resolve({ kind: "timeout" }));
    this.#runtime.timers.after(latency, () => {
      const peer = this.peers.get(attr(iq, "to") ?? "");
      if (peer === undefined) return;
      Promise.resolve(peer(iq)).then((answer) => {
        if (answer === undefined) return;
        this.#runtime.timers.after(latency, () => {
          if (!open) {
            this.late++;
            for (const listener of this.#lateListeners) listener();
          }
          timeout.cancel();
          const isError = attr(answer, "type") === "error";
          reply.resolve(
            isError
              ? { kind: "error", error: parseStanzaError(answer), iq: answer }
              : { kind: "result", iq: answer },
          );
        });
      }, reply.reject);
    });
    return reply.promise;
  }

  onState(listener: (change: StateChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  onLateReply(listener: () => void): () => void {
    this.#lateListeners.add(listener);
    return () => void this.#lateListeners.delete(listener);
  }
  onStanza(listener: (stanza: Element) => void): () => void {
    this.#stanzas.add(listener);
    return () => void this.#stanzas.delete(listener);
  }
  /** How many want to hear of states and stanzas. */
  get listeners(): number {
    return this.#listeners.size + this.#stanzas.size;
  }
  onStanzaFrom(): () => void {
    return () => {};
  }
  handleIq(match: IqMatch, handler: IqHandler): () => void {
    this.#handlers.unshift({ match, handler });
    return () => {};
  }

  /** The stream breaks or comes back. */
  change(state: ConnectionState, resumed = false): void {
    this.state = state;
    for (const listener of this.#listeners) listener({ state, resumed });
  }

  /** Delivers a presence or message to the focus. */
  hear(stanza: Element): void {
    for (const listener of this.#stanzas) listener(stanza);
  }

  /** Delivers an IQ to the focus and gives back its answer. */
  async deliver(
    from: string,
    payload: Element,
    id = `c${++this.#ids}`,
  ): Promise<Element | undefined> {
    const iq = xml("iq", { xmlns: "jabber:client", type: "set", id, from, to: this.jid }, payload);
    const found = this.#handlers.find(
      ({ match }) => match.name === payload.name && match.ns === namespaceOf(payload),
    );
    const request = { type: "set", id, from: jid(from), to: this.jid, payload, iq } as const;
    return found?.handler(request);
  }
}

/** A room as the focus occupies it; the test puts others into it. */
export class FakeRoom implements MucRoomDoor {
  readonly room: BareJid;
  readonly nick: string;
  joined = false;
  left = false;
  readonly occupants = new Map<string, Occupant>();
  self: Occupant | undefined;
  form: FormFields = new Map();
  /** What the focus shows, by element name. */
  readonly extensions = new Map<string, Element>();
  /** Forms the focus submitted. */
  readonly written: Readonly<Record<string, string>>[] = [];
  /** Names of the extensions the focus set or took away, in order. */
  readonly shown: string[] = [];
  /** Bare JIDs made owner, in order. */
  readonly granted: string[] = [];
  /** What the next join ends with, instead of success. */
  refuse: StanzaError | undefined;
  readonly #onEvent: (event: MucEvent) => void;

  constructor(room: BareJid, nick: string, onEvent: (event: MucEvent) => void) {
    this.room = room;
    this.nick = nick;
    this.#onEvent = onEvent;
  }

  async join(): Promise<JoinResult> {
    if (this.refuse !== undefined) return { kind: "refused", error: this.refuse };
    this.joined = true;
    this.self = occupant(this.room, this.nick, "focus@auth.example.com/focus", xml("presence"));
    return { kind: "joined", self: this.self, created: true };
  }

  async leave(): Promise<void> {
    this.joined = false;
    this.left = true;
  }

  setPresenceExtension(name: string, _ns: string, extension: Element | undefined): void {
    this.shown.push(name);
    if (extension === undefined) this.extensions.delete(name);
    else this.extensions.set(name, extension);
  }

  async readConfig(): Promise<FormFields> {
    return this.form;
  }

  async writeConfig(form: Readonly<Record<string, string>>): Promise<undefined> {
    this.written.push(form);
    return undefined;
  }

  async setAffiliation(bare: BareJid): Promise<undefined> {
    this.granted.push(bare);
    for (const one of [...this.occupants.values()]) {
      if (one.realJid?.startsWith(`${bare}/`)) this.put({ ...one, affiliation: "owner" });
    }
    return undefined;
  }

  async kick(): Promise<undefined> {
    return undefined;
  }

  /** Somebody comes or sends another presence. */
  put(one: Occupant): void {
    const previous = this.occupants.get(one.nick);
    this.occupants.set(one.nick, one);
    if (previous === undefined) this.#onEvent({ kind: "occupantJoined", occupant: one });
    else this.#onEvent({ kind: "presenceChanged", occupant: one, previous });
  }

  /** Somebody goes. */
  take(nick: string, status?: string): void {
    const one = this.occupants.get(nick);
    if (one === undefined) return;
    this.occupants.delete(nick);
    const departure = { codes: [], removed: false, status, reason: undefined };
    this.#onEvent({ kind: "occupantLeft", occupant: one, departure });
  }

  /** Something else happens in the room. */
  raise(event: MucEvent): void {
    this.#onEvent(event);
  }

  /** Value of a conference property the focus shows. */
  property(key: string): string | undefined {
    const properties = this.extensions.get("conference-properties");
    if (properties === undefined) return undefined;
    const found = elementsOf(properties).find((property) => attr(property, "key") === key);
    return found && attr(found, "value");
  }
}

/** Somebody in a room. */
export function occupant(room: string, nick: string, real: string, presence: Element): Occupant {
  return {
    occupantJid: jid(`${room}/${nick}`),
    nick,
    realJid: jid(real),
    role: "participant",
    affiliation: "none",
    presence,
  };
}
