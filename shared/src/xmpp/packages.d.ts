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
