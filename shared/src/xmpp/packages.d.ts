// What we use of the untyped @xmpp packages; only files of this room import them.

declare module "@xmpp/xml" {
  /** ltx's Element, the CommonJS build: the class every @xmpp package tests with `instanceof`. */
  export class Element {
    name: string;
    parent: Element | null;
    children: (Element | string)[];
    attrs: Record<string, string | undefined>;
    constructor(name: string, attrs?: Record<string, string | undefined>);
    getNS(): string | undefined;
    is(name: string, ns?: string): boolean;
    append(...nodes: (Element | string)[]): void;
    getText(): string;
    toString(): string;
  }
}

/** The part of a connection object that both packages have in common. */
interface XmppEntity {
  readonly jid: { toString(): string } | null;
  /** ms that each step of the negotiation may take. */
  timeout: number;
  Socket: new () => object;
  Parser: new () => object;
  readonly reconnect: { stop(): void };
  on(event: "online", listener: (jid: { toString(): string }) => void): void;
  on(event: "error", listener: (error: unknown) => void): void;
  connect(service: string): Promise<unknown>;
  open(options: { domain: string }): Promise<unknown>;
}

interface XmppTransportPrototype {
  socketParameters(service: string): object | undefined;
}

declare module "@xmpp/client" {
  interface ClientEntity extends XmppEntity {
    /** Login mechanisms in order of preference. */
    readonly saslFactory: { readonly _mechs: { readonly name: string; mech: new () => object }[] };
    /** Candidate transports; the first whose `socketParameters` knows the service is used. */
    readonly transports: { readonly prototype: XmppTransportPrototype }[];
  }
  export function client(options: {
    service: string;
    domain: string;
    resource?: string;
    username?: string;
    password?: string;
  }): ClientEntity;
}

declare module "@xmpp/component" {
  export function component(options: {
    service: string;
    domain: string;
    password: string;
  }): XmppEntity;
}
