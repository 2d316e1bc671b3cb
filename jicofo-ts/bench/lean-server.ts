/**
 * An XMPP server for the benchmark alone: real stream framing over TCP, logins, rooms, and IQs between
 * occupants; nothing is stored, checked or logged that a focus cannot see. In place of Prosody it
 * takes the server's time and CPU out of what is measured (spec benchmarks-and-faults F3).
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import { NS } from "#shared/xmpp/namespaces";
import {
  attr,
  childOf,
  type Element,
  elementsOf,
  namespaceOf,
  serialise,
  textOf,
  XmlStreamParser,
} from "#shared/xmpp/xml";

export interface LeanDomains {
  readonly domain: string;
  readonly authDomain: string;
  readonly mucDomain: string;
}

interface Occupant {
  readonly session: Session;
  readonly nick: string;
  /** Children of the last presence, as text. */
  shown: string;
  affiliation: "owner" | "none";
}

type Room = Map<string, Occupant>;

const bareOf = (jid: string): string => jid.split("/", 1)[0] ?? "";
const resourceOf = (jid: string): string => jid.slice(bareOf(jid).length + 1);
const domainOf = (jid: string): string => bareOf(jid).replace(/^.*@/, "");

/** Text of a stanza of ours. */
function stanza(
  name: string,
  attributes: Readonly<Record<string, string | undefined>>,
  inner: string,
): string {
  let text = `<${name}`;
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined) text += ` ${key}='${value}'`;
  return `${text}>${inner}</${name}>`;
}

function innerOf(el: Element, without?: string): string {
  return elementsOf(el)
    .filter((child) => namespaceOf(child) !== without)
    .map((child) => serialise(child, NS.client))
    .join("");
}

export class LeanServer {
  c2sPort = 0;
  readonly domains: LeanDomains;
  readonly sessions = new Map<string, Session>();
  readonly #rooms = new Map<string, Room>();
  readonly #server: Server;

  private constructor(domains: LeanDomains) {
    this.domains = domains;
    this.#server = createServer({ noDelay: true }, (socket) => new Session(this, socket));
  }

  static async start(domains: LeanDomains): Promise<LeanServer> {
    const server = new LeanServer(domains);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    const address = server.#server.address();
    if (typeof address === "object" && address) server.c2sPort = address.port;
    return server;
  }

  stop(): void {
    this.#server.close();
    for (const session of this.sessions.values()) session.close();
  }

  route(from: Session, el: Element): void {
    const to = attr(el, "to");
    const bare = to === undefined ? "" : bareOf(to);
    const isRoom =
      bare.includes("@") &&
      [this.domains.mucDomain, `internal.${this.domains.authDomain}`].includes(domainOf(bare));
    if (to !== undefined && isRoom) this.#toRoom(from, el, bare, resourceOf(to));
    else if (to !== undefined && this.sessions.has(to))
      this.sessions
        .get(to)
        ?.send(
          stanza(
            el.name,
            { type: attr(el, "type"), id: attr(el, "id"), from: from.jid, to },
            innerOf(el),
          ),
        );
    else if (el.name === "iq") this.#answer(from, el);
  }

  left(session: Session): void {
    this.sessions.delete(session.jid);
    for (const [name, room] of this.#rooms) {
      const gone = [...room.values()].find((occupant) => occupant.session === session);
      if (gone !== undefined) this.#leave(name, room, gone);
    }
  }

  /** What a server answers itself: pings, what it is, and that there is nobody in the roster. */
  #answer(from: Session, iq: Element): void {
    const type = attr(iq, "type");
    if (type !== "get" && type !== "set") return;
    const [payload] = elementsOf(iq);
    const ns = payload === undefined ? undefined : namespaceOf(payload);
    let inner = "";
    if (ns === NS.discoInfo)
      inner = `<query xmlns='${ns}'><feature var='${NS.ping}'/><feature var='${NS.muc}'/></query>`;
    else if (ns === "jabber:iq:roster") inner = `<query xmlns='${ns}'/>`;
    from.send(
      stanza(
        "iq",
        { type: "result", id: attr(iq, "id"), from: attr(iq, "to"), to: from.jid },
        inner,
      ),
    );
  }

  #toRoom(from: Session, el: Element, name: string, nick: string): void {
    const room = this.#rooms.get(name) ?? new Map<string, Occupant>();
    if (el.name === "presence") {
      if (attr(el, "type") === "unavailable") {
        const gone = room.get(nick);
        if (gone !== undefined) this.#leave(name, room, gone);
      } else {
        this.#rooms.set(name, room);
        this.#show(name, room, from, nick, innerOf(el, NS.muc));
      }
    } else if (el.name === "iq" && nick === "") this.#askRoom(from, el, name, room);
    else if (el.name === "iq") {
      const sender = [...room.values()].find((occupant) => occupant.session === from);
      const receiver = room.get(nick)?.session;
      const [type, id] = [attr(el, "type"), attr(el, "id")];
      const text = innerOf(el);
      if (sender !== undefined && receiver !== undefined)
        receiver.send(
          stanza("iq", { type, id, from: `${name}/${sender.nick}`, to: receiver.jid }, text),
        );
      else if (type === "get" || type === "set")
        from.send(
          stanza(
            "iq",
            { type: "error", id, from: `${name}/${nick}`, to: from.jid },
            `<error type='cancel'><item-not-found xmlns='${NS.stanzas}'/></error>`,
          ),
        );
    }
  }

  #show(name: string, room: Room, session: Session, nick: string, shown: string): void {
    let occupant = room.get(nick);
    const isNew = occupant === undefined;
    if (occupant === undefined) {
      const isAdmin = domainOf(session.jid) === this.domains.authDomain;
      occupant = { session, nick, shown, affiliation: isAdmin ? "owner" : "none" };
      for (const other of room.values())
        session.send(presenceOf(name, other, session, undefined, ""));
      room.set(nick, occupant);
    }
    occupant.shown = shown;
    for (const other of room.values()) {
      const own = other === occupant ? "<status code='110'/>" : "";
      other.session.send(presenceOf(name, occupant, other.session, undefined, own));
    }
    if (isNew) session.send(stanza("message", { type: "groupchat", from: name }, "<subject/>"));
  }

  #leave(name: string, room: Room, gone: Occupant): void {
    for (const other of room.values()) {
      const own = other === gone ? "<status code='110'/>" : "";
      other.session.send(presenceOf(name, gone, other.session, "unavailable", own));
    }
    room.delete(gone.nick);
    if (room.size === 0) this.#rooms.delete(name);
  }

  /** The owner form, which asks for nothing and takes everything; and affiliations. */
  #askRoom(from: Session, iq: Element, name: string, room: Room): void {
    const [query] = elementsOf(iq);
    const ns = query === undefined ? undefined : namespaceOf(query);
    let inner = "";
    if (ns === NS.mucOwner && attr(iq, "type") === "get") {
      const field = `<field var='muc#roomconfig_whois' type='list-single'><value>anyone</value></field>`;
      inner = `<query xmlns='${NS.mucOwner}'><x xmlns='${NS.dataForm}' type='form'><field var='FORM_TYPE' type='hidden'><value>${NS.mucRoomConfig}</value></field>${field}</x></query>`;
    } else if (ns === NS.discoInfo) {
      inner = `<query xmlns='${NS.discoInfo}'><identity category='conference' type='text'/><feature var='${NS.muc}'/></query>`;
    } else if (ns === NS.mucAdmin && query !== undefined) {
      const item = childOf(query, "item", NS.mucAdmin);
      for (const occupant of room.values()) {
        if (item === undefined || bareOf(occupant.session.jid) !== attr(item, "jid")) continue;
        occupant.affiliation = "owner";
        this.#show(name, room, occupant.session, occupant.nick, occupant.shown);
      }
    }
    from.send(
      stanza("iq", { type: "result", id: attr(iq, "id"), from: name, to: from.jid }, inner),
    );
  }
}

function presenceOf(
  room: string,
  { session, nick, shown, affiliation }: Occupant,
  to: Session,
  type: string | undefined,
  status: string,
): string {
  const role = type !== undefined ? "none" : affiliation === "owner" ? "moderator" : "participant";
  const item = `<item affiliation='${affiliation}' role='${role}' jid='${session.jid}'/>`;
  return stanza(
    "presence",
    { from: `${room}/${nick}`, to: to.jid, type },
    `${shown}<x xmlns='${NS.mucUser}'>${item}${status}</x>`,
  );
}

/** One connection, from its first stream header on. */
export class Session {
  jid = "";
  readonly #server: LeanServer;
  readonly #socket: Socket;
  #parser: XmlStreamParser;
  #user = "";
  #authenticated = false;
  #scram: { readonly first: string; readonly server: string } | undefined;
  #out = "";

  constructor(server: LeanServer, socket: Socket) {
    this.#server = server;
    this.#socket = socket;
    this.#parser = this.#newParser();
    const decoder = new StringDecoder("utf8");
    socket.on("data", (data: Buffer) => {
      const text = decoder.write(data);
      const anew = text.search(/<\?xml|<stream:stream/);
      if (anew >= 0) this.#parser = this.#newParser();
      this.#parser.push(anew >= 0 ? text.slice(anew) : text);
    });
    socket.on("error", () => {});
    socket.on("close", () => this.#server.left(this));
  }

  /** Gathered until the end of the turn. */
  send(text: string): void {
    if (this.#out === "")
      process.nextTick(() => {
        const out = this.#out;
        this.#out = "";
        if (this.#socket.writable) this.#socket.write(out);
      });
    this.#out += text;
  }

  close(): void {
    this.#socket.destroy();
  }

  #newParser(): XmlStreamParser {
    return new XmlStreamParser({
      start: (root) => this.#open(attr(root, "to") ?? ""),
      element: (el) => {
        if (this.jid !== "") this.#server.route(this, el);
        else this.#login(el);
      },
      refused: () => this.close(),
      end: () => this.#socket.end("</stream:stream>"),
    });
  }

  #open(domain: string): void {
    const mechanism = domain === this.#server.domains.domain ? "ANONYMOUS" : "SCRAM-SHA-1";
    const features = this.#authenticated
      ? `<bind xmlns='${NS.bind}'/>`
      : `<mechanisms xmlns='${NS.sasl}'><mechanism>${mechanism}</mechanism></mechanisms>`;
    this.send(
      `<?xml version='1.0'?><stream:stream xmlns='${NS.client}' xmlns:stream='${NS.stream}' from='${domain}' id='${randomBytes(8).toString("hex")}' version='1.0'><stream:features>${features}</stream:features>`,
    );
  }

  #login(el: Element): void {
    if (el.name === "auth" && attr(el, "mechanism") === "ANONYMOUS") {
      this.#user = `${randomBytes(9).toString("hex")}@${this.#server.domains.domain}`;
      this.#succeed("");
    } else if (el.name === "auth") this.#challenge(Buffer.from(textOf(el), "base64").toString());
    else if (el.name === "response") this.#check(Buffer.from(textOf(el), "base64").toString());
    else if (el.name === "iq") {
      const bind = childOf(el, "bind", NS.bind);
      const asked = bind && childOf(bind, "resource", NS.bind);
      this.jid = `${this.#user}/${asked ? textOf(asked) : randomBytes(6).toString("hex")}`;
      this.#server.sessions.set(this.jid, this);
      const inner = `<bind xmlns='${NS.bind}'><jid>${this.jid}</jid></bind>`;
      this.send(stanza("iq", { type: "result", id: attr(el, "id") }, inner));
    }
  }

  #succeed(data: string): void {
    this.#authenticated = true;
    this.send(`<success xmlns='${NS.sasl}'>${data}</success>`);
  }

  /** RFC 5802; every account's password is its name. */
  #challenge(text: string): void {
    const bare = text.replace(/^[^,]*,[^,]*,/, "");
    const name = /n=([^,]*)/.exec(bare)?.[1] ?? "";
    this.#user = `${name}@${this.#server.domains.authDomain}`;
    const nonce = `${/r=([^,]*)/.exec(bare)?.[1]}${randomBytes(12).toString("hex")}`;
    const server = `r=${nonce},s=${Buffer.from("bench").toString("base64")},i=4096`;
    this.#scram = { first: bare, server };
    this.send(
      `<challenge xmlns='${NS.sasl}'>${Buffer.from(server).toString("base64")}</challenge>`,
    );
  }

  #check(final: string): void {
    const { first = "", server = "" } = this.#scram ?? {};
    const [withoutProof = "", proof = ""] = final.split(",p=");
    const message = `${first},${server},${withoutProof}`;
    const salted = pbkdf2Sync(this.#user.split("@")[0] ?? "", "bench", 4096, 20, "sha1");
    const hmac = (key: Buffer, data: string): Buffer =>
      createHmac("sha1", key).update(data).digest();
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(createHash("sha1").update(clientKey).digest(), message);
    const expected = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)));
    if (expected.toString("base64") !== proof) {
      this.send(`<failure xmlns='${NS.sasl}'><not-authorized/></failure>`);
      return;
    }
    const answer = `v=${hmac(hmac(salted, "Server Key"), message).toString("base64")}`;
    this.#succeed(Buffer.from(answer).toString("base64"));
  }
}
