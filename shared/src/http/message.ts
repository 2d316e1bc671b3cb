import type { IncomingHttpHeaders } from "node:http";
import type { Result } from "#shared/runtime/result";

/** A request with its body already read, within the limit. */
export interface HttpRequest {
  readonly method: string;
  /** Decoded path without query. */
  readonly path: string;
  /** Values of `{name}` in the route's pattern, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Address of the peer; goes to logs through `pii()` only. */
  readonly remoteAddress: string;
  readonly body: Uint8Array;
  /** The body as JSON, or why it is none. */
  json(): Result<unknown, string>;
}

/** A reply. Without `body` the reply is empty. */
export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Sent without the headers that the dialect adds to ordinary replies. */
  readonly bare?: boolean;
}

/** Answers one request; a throw is logged and answered with 500. */
export type HttpHandler = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

/** JSON reply. */
export function jsonReply(value: unknown, status = 200): HttpReply {
  return { status, headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
}

/** Plain text reply. */
export function textReply(
  text: string,
  status = 200,
  contentType = "text/plain; charset=UTF-8",
): HttpReply {
  return { status, headers: { "Content-Type": contentType }, body: text };
}

/** Reply without body. */
export function emptyReply(status = 200): HttpReply {
  return { status };
}
