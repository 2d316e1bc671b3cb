import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import type { IqReply, XmppConnection } from "#shared/xmpp/connection";
import { type Element, elementsOf, parseXml, xml } from "#shared/xmpp/xml";
import { play } from "./play.ts";
import { parseScript } from "./script.ts";
import type { Target } from "./target.ts";

/** A stream that answers by payload name; what has no answer times out. */
function stream(answers: Readonly<Record<string, string>>): XmppConnection {
  const nothing = () => undefined;
  return {
    name: "tester",
    state: "online",
    sessions: 1,
    jid: undefined,
    start: nothing,
    stop: () => Promise.resolve(),
    send: () => true,
    request(iq: Element): Promise<IqReply> {
      const answer = answers[elementsOf(iq)[0]?.name ?? ""];
      if (answer === undefined) return Promise.resolve({ kind: "timeout" });
      const parsed = parseXml(answer, "jabber:client");
      if (!parsed.ok) throw new Error(parsed.error);
      return Promise.resolve({ kind: "result", iq: parsed.value });
    },
    onState: () => nothing,
    onLateReply: () => nothing,
    onStanza: () => nothing,
    onStanzaFrom: () => nothing,
    handleIq: () => nothing,
  };
}

describe("playing a conversation", () => {
  let server: Server;
  let target: Target;
  let left = 0;

  before(async () => {
    server = createServer((request, response) => {
      response.writeHead(request.method === "PATCH" ? 400 : 200, { "X-Kind": "some kind" });
      response.end(request.method === "PATCH" ? "" : JSON.stringify({ a: 1, path: request.url }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const presence = xml("presence", {}, xml("stats", { xmlns: "n" }));
    target = {
      stream: (who) =>
        who === "guest"
          ? stream({ yes: "<iq type='result'><done n='2'/></iq>" })
          : stream({
              yes: "<iq type='result'><done n='1'/></iq>",
              no: "<iq type='error'><error><gone/><text>No luck: 7</text></error><no/></iq>",
            }),
      address: (who) => (who === "bridge account" ? undefined : `${who}@x`),
      presence: () => presence,
      enter: (room) => Promise.resolve(room === "r@x" ? undefined : "closed"),
      invitation: () => xml("j", { sid: "7", xmlns: "jabber:client" }),
      leaveRooms: () => {
        left++;
        return Promise.resolve();
      },
      http: { bridge: origin, "bridge public": origin, focus: origin },
      names: { domain: "x" },
      stop: () => Promise.resolve(),
    };
  });
  after(() => server.close());

  const cases: { name: string; steps: string; difference?: string }[] = [
    { name: "an answer", steps: "bridge get:\n  <yes/>\nanswers result:\n  <done n='{n}'/>" },
    {
      name: "an answer to the guest",
      steps: "guest to bridge get:\n  <yes/>\nanswers result:\n  <done n='2'/>",
    },
    {
      name: "the wrong kind of answer",
      steps: "bridge get:\n  <yes/>\nanswers error",
      difference: "f.txt:4: the answer is",
    },
    {
      name: "answers of a burst in order",
      steps:
        "focus set:\n  <yes/>\n  <no/>\nanswers result\nanswers error:\n  <gone/>\n  <no/>\nsays No luck*",
    },
    { name: "silence", steps: "bridge get:\n  <what/>", difference: "f.txt:2: no answer within" },
    {
      name: "an address nobody knows",
      steps: "bridge account get:\n  <yes/>",
      difference: "is not known",
    },
    { name: "presence", steps: "presence of bridge:\n  <stats xmlns='n'/>\n  <absent name='x'/>" },
    { name: "an invitation", steps: "invited:\n  <j sid='{sid}'/>" },
    {
      name: "another invitation",
      steps: "invited:\n  <j sid='8'/>",
      difference: "f.txt:2: sid of <j>",
    },
    { name: "an open room", steps: "enter r@{domain}" },
    { name: "a closed room", steps: "enter s@x", difference: "f.txt:2: closed" },
    {
      name: "an HTTP answer",
      steps:
        'http focus GET /p\nstatus 200\nheader X-Kind: some*\njson:\n  {"path": "/p"}\njson keys: a path',
    },
    { name: "an empty HTTP answer", steps: "http bridge PATCH /p\nstatus 400\nno body" },
    {
      name: "missing keys",
      steps: "http bridge GET /p\njson keys: a b c",
      difference: "f.txt:3: the answer lacks b, c",
    },
  ];
  for (const { name, steps, difference } of cases) {
    it(`${difference === undefined ? "accepts" : "reports"} ${name}`, async () => {
      const [only] = parseScript("f.txt", `# T [X-001]\n${steps}`);
      if (only === undefined) throw new Error("no case");
      const found = await play(only, target, 1000);
      if (difference === undefined) expect(found).to.equal(undefined);
      else expect(found).to.contain(difference);
    });
  }

  it("leaves the rooms after each", () => expect(left).to.equal(cases.length));
});
