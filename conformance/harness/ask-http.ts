/** One HTTP request as it stands in a script: any method, any header, upgrades included. */
import { type IncomingMessage, request } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpQuestion {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly withinMs: number;
}

/** Asks and reads the whole answer; rejects when there is none in time. */
export function askHttp(question: HttpQuestion): Promise<HttpAnswer> {
  const { url, method, headers, body, withinMs } = question;
  return new Promise((resolve, reject) => {
    const length = body === "" ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
    const outgoing = request(url, { method, headers: { ...headers, ...length }, agent: false });
    const give = (incoming: IncomingMessage, text: string) =>
      resolve({
        status: incoming.statusCode ?? 0,
        headers: Object.fromEntries(
          Object.entries(incoming.headers).map(([name, value]) => [name, String(value ?? "")]),
        ),
        body: text,
      });
    outgoing.setTimeout(withinMs, () =>
      outgoing.destroy(new Error(`no HTTP answer within ${withinMs} ms`)),
    );
    outgoing.on("error", reject);
    outgoing.on("upgrade", (incoming, socket) => {
      socket.destroy();
      give(incoming, "");
    });
    outgoing.on("response", (incoming) => {
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => parts.push(part));
      incoming.on("error", reject);
      incoming.on("end", () => give(incoming, Buffer.concat(parts).toString("utf8")));
    });
    outgoing.end(body === "" ? undefined : body);
  });
}
