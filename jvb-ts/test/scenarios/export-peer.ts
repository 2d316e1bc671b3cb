/** Test kit: a recorder or transcriber as the bridge's exporter sees it. */
import type { Millis } from "#shared/runtime/runtime";
import type {
  ExportSocket,
  ExportSocketEvents,
  HttpHeader,
} from "../../src/export/export-socket.ts";

export class ExportPeer implements ExportSocket {
  readonly url: string;
  readonly headers: readonly HttpHeader[];
  /** What the bridge sent, parsed. */
  readonly got: Record<string, unknown>[] = [];
  /** Code and reason with which the bridge closed. */
  closed: readonly [number, string] | undefined;
  bufferedBytes = 0;
  readonly #events: ExportSocketEvents;
  readonly #now: () => Millis;

  constructor(
    url: string,
    headers: readonly HttpHeader[],
    events: ExportSocketEvents,
    now: () => Millis,
  ) {
    this.url = url;
    this.headers = headers;
    this.#events = events;
    this.#now = now;
  }

  send(text: string): void {
    this.got.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(code: number, reason: string): void {
    this.closed = [code, reason];
  }

  /** It takes the connection. */
  accept(): void {
    this.#events.opened(this.#now());
  }

  /** It says something: JSON of it, or a text as it is. */
  say(what: object | string | undefined): void {
    const text = typeof what === "object" ? JSON.stringify(what) : what;
    this.#events.received(text, this.#now());
  }

  /** It ends the connection, or refuses it. */
  end(code: number): void {
    this.#events.closed(code, undefined, this.#now());
  }

  /** Of what it got, those events. */
  events(name: string): Record<string, unknown>[] {
    return this.got.filter(({ event }) => event === name);
  }
}
