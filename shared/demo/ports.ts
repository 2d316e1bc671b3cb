/** Free ports: the usual one where it is free, another one where something already has it. */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

export type PortKind = "tcp" | "udp";

/** Binds and frees `port` (0: the system chooses); undefined when it is taken. */
function probe(kind: PortKind, port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    if (kind === "udp") {
      const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
      socket.once("error", () => resolve(undefined));
      socket.bind(port, host, () => {
        const found = socket.address().port;
        socket.close(() => resolve(found));
      });
    } else {
      const server = createServer();
      server.once("error", () => resolve(undefined));
      server.listen(port, host, () => {
        const address = server.address();
        server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
      });
    }
  });
}

/** Hands out each port once, so that two programs that are not up yet do not get the same. */
export class Ports {
  readonly #given = new Set<string>();
  readonly #say: (text: string) => void;

  /** `say` is told whenever a usual port was taken. */
  constructor(say: (text: string) => void = () => undefined) {
    this.#say = say;
  }

  /** Exactly `port` (0: any); undefined when it cannot be had. */
  async takeOnly(kind: PortKind, port: number, host = "127.0.0.1"): Promise<number | undefined> {
    const found = await probe(kind, port, host);
    if (found !== undefined) this.#given.add(`${kind}${found}`);
    return found;
  }

  /** `usual` when it is free (0: any), else one the system chooses. */
  async take(what: string, kind: PortKind, usual: number, host = "127.0.0.1"): Promise<number> {
    if (
      usual !== 0 &&
      !this.#given.has(`${kind}${usual}`) &&
      (await probe(kind, usual, host)) !== undefined
    ) {
      this.#given.add(`${kind}${usual}`);
      return usual;
    }
    for (let attempt = 0; attempt < 50; attempt++) {
      const port = await probe(kind, 0, host);
      if (port === undefined || this.#given.has(`${kind}${port}`)) continue;
      this.#given.add(`${kind}${port}`);
      if (usual !== 0) this.#say(`port ${usual} (${what}) is taken; using ${port}`);
      return port;
    }
    throw new Error(`no free ${kind} port for ${what} on ${host}`);
  }
}
