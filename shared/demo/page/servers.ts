/** The servers' own view: bridges, conferences, participants, packet rates and ICE states. */

import { bridgeState, type Json, object, people, type StateWord, text } from "./server-rows.ts";

/** Long fractions to three digits; the rest as it is. */
const short = (value: unknown): string => {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && !Number.isInteger(number) ? number.toFixed(3) : text(value);
};

function make(tag: string, content: string | (string | Node)[] = [], kind = ""): HTMLElement {
  const made = document.createElement(tag);
  if (kind !== "") made.className = kind;
  if (typeof content === "string") made.textContent = content;
  else made.append(...content);
  return made;
}

function table(heads: readonly string[], rows: readonly (string | HTMLElement)[][]): HTMLElement {
  const head = make(
    "tr",
    heads.map((each) => make("th", each)),
  );
  const body = rows.map((row) =>
    make(
      "tr",
      row.map((cell) => (typeof cell === "string" ? make("td", cell) : make("td", [cell]))),
    ),
  );
  const all = make("table", [make("thead", [head]), make("tbody", body)]);
  return make("div", [all], "wide");
}

const figure = (name: string, value: unknown) =>
  make("div", [make("b", short(value)), make("span", name)], "figure");
const said = ({ word, kind }: StateWord) => make("span", word, kind);
const state = (good: boolean, yes: string, no: string) =>
  make("span", good ? yes : no, good ? "ok" : "bad");

/** What focus and bridge make of it with their defaults, which the demo has. */
const STRESS =
  "Stress is the share, 0 to 1, of what a bridge can carry: the machine's CPU load over the bridge's threshold of 90 %. " +
  "The focus adds whom it has just invited, prefers the bridge with the least, and takes one from 0.8 on for overloaded.";

/** Packet rates of the last two minutes, one line a direction. */
const rates = new Map<string, { down: number[]; up: number[] }>();

function plot(name: string, stats: Json): SVGElement {
  const past = rates.get(name) ?? { down: [], up: [] };
  rates.set(name, past);
  past.down.push(Number(stats["packet_rate_download"] ?? 0));
  past.up.push(Number(stats["packet_rate_upload"] ?? 0));
  for (const series of [past.down, past.up]) if (series.length > 120) series.shift();
  const peak = Math.max(10, ...past.down, ...past.up);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 120 40");
  svg.setAttribute("preserveAspectRatio", "none");
  for (const [series, colour] of [
    [past.down, "#4f9cf9"],
    [past.up, "#3ddc84"],
  ] as const) {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute(
      "points",
      series
        .map((value, index) => `${120 - series.length + index},${38 - (value / peak) * 34}`)
        .join(" "),
    );
    line.setAttribute("fill", "none");
    line.setAttribute("stroke", colour);
    line.setAttribute("vector-effect", "non-scaling-stroke");
    line.setAttribute("stroke-width", "1.5");
    svg.append(line);
  }
  return svg;
}

function bridge(each: Json): Element[] {
  const stats = object(each["stats"]);
  const debug = object(each["debug"]);
  const name = text(each["name"]);
  const overloaded = object(debug["load_management"])["state"] === "OVERLOADED";
  const endpoints = Object.values(object(debug["conferences"])).flatMap((conference) =>
    Object.entries(object(object(conference)["endpoints"])).map(([id, value]) => {
      const endpoint = object(value);
      const ice = object(endpoint["ice_transport"]);
      const dtls = object(endpoint["dtls_transport"]);
      return [
        text(object(conference)["name"]),
        id,
        state(
          ice["iceConnected"] === true,
          "connected",
          ice["iceFailed"] === true ? "failed" : "checking",
        ),
        state(dtls["is_connected"] === true, "connected", "handshaking"),
      ];
    }),
  );
  if (stats["error"] !== undefined)
    return [make("h2", name), make("p", text(stats["error"]), "bad")];
  return [
    make("h2", [
      `Bridge ${name} ${text(stats["version"])} `,
      ...(overloaded ? [said({ word: "overloaded", kind: "warn" })] : []),
    ]),
    make(
      "div",
      [
        figure("conferences", stats["conferences"]),
        figure("participants", stats["participants"]),
        figure("stress", stats["stress_level"]),
        figure("packets/s in", stats["packet_rate_download"]),
        figure("packets/s out", stats["packet_rate_upload"]),
        figure("kbit/s in", stats["bit_rate_download"]),
        figure("kbit/s out", stats["bit_rate_upload"]),
      ],
      "cards",
    ),
    make("p", "packets per second, two minutes: blue in, green out", "dim"),
    plot(name, stats),
    table(["conference", "endpoint", "ICE", "DTLS"], endpoints),
  ];
}

function focus(all: Json): Element[] {
  const stats = object(all["stats"]);
  if (stats["error"] !== undefined)
    return [make("h2", "Focus"), make("p", text(stats["error"]), "bad")];
  const rows = people(all["conferences"]).map(({ room, id, role, session, bridge, ssrcs }) => [
    room,
    id,
    role,
    session,
    bridge,
    ssrcs,
  ]);
  const bridges = object(object(object(all["debug"])["bridge_selector"])["bridge"]);
  return [
    make("h2", `Focus ${text(stats["version"])}`),
    make(
      "div",
      [
        figure("conferences", stats["conferences"]),
        figure("participants", stats["participants"]),
        figure("largest conference", stats["largest_conference"]),
        figure("conferences so far", stats["total_conferences_created"]),
      ],
      "cards",
    ),
    make("h2", "Conferences as the focus sees them"),
    table(["room", "participant", "role", "Jingle session", "bridge", "SSRCs"], rows),
    make("h2", "Bridges as the focus sees them"),
    table(
      ["bridge", "version", "stress", "endpoints", "state"],
      Object.entries(bridges).map(([jid, value]) => {
        const record = object(value);
        return [
          jid.split("/")[1] ?? jid,
          text(record["version"]),
          short(record["corrected-stress"] ?? record["stress"]),
          text(record["endpoints"]),
          said(bridgeState(record)),
        ];
      }),
    ),
    make("p", STRESS, "dim"),
  ];
}

async function poll(): Promise<void> {
  const view = document.getElementById("view");
  if (view === null) return;
  try {
    const response = await fetch("servers.json");
    if (!response.ok) {
      view.replaceChildren(make("p", await response.text(), "bad"));
      return;
    }
    const all = object(await response.json());
    const bridges = Array.isArray(all["bridges"]) ? all["bridges"].map(object) : [];
    view.replaceChildren(...focus(object(all["focus"])), ...bridges.flatMap(bridge));
  } catch {
    view.replaceChildren(
      make("p", "The demo server does not answer; is `npm start` still running?", "bad"),
    );
  }
}

void poll();
setInterval(() => void poll(), 1000);
