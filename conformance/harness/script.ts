/**
 * Reads conversation files (`conformance/scripts/**\/*.txt`). A file holds cases; a case is a line
 * `# TITLE [ids]` followed by steps. What a step sends or expects stands indented below it.
 *
 *     # A second create for the same meeting is refused [B-002]
 *     bridge get:
 *       <conference-modify …/>
 *     answers error:
 *       <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
 *
 *     # The version is public [B-133]
 *     http bridge GET /about/version
 *     status 200
 *     json:
 *       {"name": "JVB", "version": "*", "os": "*"}
 *
 * Several elements under one `get:` or `set:` are sent in one burst, each as an IQ of its own;
 * `answers` steps then take the answers in the order of the requests. Other steps:
 *
 *     says Conference not found for ID: {meeting}       text of the error answered last
 *     enter {room}                                      the tester enters a room
 *     guest enters {room}                               and somebody else does
 *     guest to focus set:                               somebody else asks
 *     invited:                                          the Jingle offer that the tester gets
 *       <jingle action='session-initiate' sid='{sid}'><content name='audio'/></jingle>
 *     presence of bridge:                               what its presence comes to contain
 *       <stats xmlns='…'><stat name='healthy' value='true'/></stats>
 *     presence of focus:                                the same in the room entered last; so
 *                                                       `tester` and `guest`
 *     wait 300 ms                                       only where nothing tells when it is done
 *     header Content-Type: application/json*            a header of the HTTP answer
 *     json keys: a b c                                  keys that the JSON answered must have
 *     text:                                             the whole body
 *     no body
 *
 * IQs go to `bridge` (its occupant in the brewery), `bridge account` (its own address), `focus`
 * or `focus in room`. `{name}` stands for a captured or fresh value, `*` for any non-empty one and `abc*` for
 * one that begins so; `{domain}` and `{bridge}` (the bridge's nick) are known from the start. See `match.ts`.
 */

import type { Present, Tester, Who } from "./target.ts";

export type Step =
  /** An IQ to the bridge's brewery occupant or to the focus, and what must come back. */
  | {
      readonly kind: "iq";
      readonly from: Tester;
      readonly to: Who;
      readonly type: "get" | "set";
      readonly payload: string;
      readonly line: number;
    }
  | {
      readonly kind: "answer";
      readonly type: "result" | "error";
      readonly patterns: string;
      readonly line: number;
    }
  | {
      readonly kind: "http";
      readonly to: "bridge" | "bridge public" | "focus";
      readonly method: string;
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly line: number;
    }
  | {
      readonly kind: "presence";
      readonly to: Present;
      readonly patterns: string;
      readonly line: number;
    }
  | { readonly kind: "invited"; readonly patterns: string; readonly line: number }
  | { readonly kind: "enter"; readonly who: Tester; readonly room: string; readonly line: number }
  | { readonly kind: "wait"; readonly milliseconds: number; readonly line: number }
  | { readonly kind: "says"; readonly text: string; readonly line: number }
  | { readonly kind: "keys"; readonly keys: readonly string[]; readonly line: number }
  | { readonly kind: "no body"; readonly line: number }
  | { readonly kind: "status"; readonly status: number; readonly line: number }
  | {
      readonly kind: "header";
      readonly name: string;
      readonly value: string;
      readonly line: number;
    }
  | { readonly kind: "json"; readonly pattern: string; readonly line: number }
  | { readonly kind: "text"; readonly pattern: string; readonly line: number };

export interface Case {
  readonly file: string;
  readonly line: number;
  readonly title: string;
  /** Requirements of the catalogue that the case checks. */
  readonly ids: readonly string[];
  readonly steps: readonly Step[];
}

/** Where a file is not a conversation, in words with its line. */
export class ScriptError extends Error {}

export function parseScript(file: string, text: string): Case[] {
  const lines = text.split("\n");
  const cases: { file: string; line: number; title: string; ids: string[]; steps: Step[] }[] = [];
  for (let index = 0; index < lines.length; index++) {
    const raw = lines[index] ?? "";
    const line = index + 1;
    if (raw.trim() === "" || raw.startsWith("//")) continue;
    const fail = (why: string): never => {
      throw new ScriptError(`${file}:${line}: ${why}`);
    };
    const title = /^# (.+?) \[([A-Z]-\d{3}(?:, [A-Z]-\d{3})*)\]$/.exec(raw);
    if (title !== null) {
      cases.push({
        file,
        line,
        title: title[1] ?? "",
        ids: (title[2] ?? "").split(", "),
        steps: [],
      });
      continue;
    }
    const current = cases.at(-1) ?? fail("a step before the first `# TITLE [ids]`");
    const block: string[] = [];
    while (
      /^\s/.test(lines[index + 1] ?? "") ||
      (lines[index + 1] === "" && /^\s/.test(lines[index + 2] ?? ""))
    ) {
      block.push((lines[++index] ?? "").replace(/^ {2}/, ""));
    }
    current.steps.push(
      parseStep(raw.trim(), block, line) ?? fail(`no step looks like this: ${raw}`),
    );
  }
  return cases;
}

function parseStep(head: string, block: readonly string[], line: number): Step | undefined {
  const body = block.join("\n").trim();
  const iq = /^(guest to )?(bridge account|bridge|focus in room|focus) (get|set):$/.exec(head);
  if (iq !== null)
    return {
      kind: "iq",
      from: iq[1] === undefined ? "tester" : "guest",
      to: iq[2] as Who,
      type: iq[3] as "get" | "set",
      payload: body,
      line,
    };
  const answer = /^answers (result|error)(:?)$/.exec(head);
  if (answer !== null)
    return { kind: "answer", type: answer[1] as "result" | "error", patterns: body, line };
  const http = /^http (bridge public|bridge|focus) ([A-Z]+) (\S+)$/.exec(head);
  if (http !== null) {
    const headers: Record<string, string> = {};
    const rest = [...block];
    for (
      let header = /^([A-Za-z-]+): (.*)$/.exec(rest[0] ?? "");
      header !== null;
      header = /^([A-Za-z-]+): (.*)$/.exec(rest[0] ?? "")
    ) {
      headers[header[1] ?? ""] = header[2] ?? "";
      rest.shift();
    }
    return {
      kind: "http",
      to: http[1] as "bridge" | "bridge public" | "focus",
      method: http[2] ?? "",
      path: http[3] ?? "",
      headers,
      body: rest.join("\n").trim(),
      line,
    };
  }
  const presence = /^presence of (bridge|focus|tester|guest):$/.exec(head);
  if (presence !== null)
    return { kind: "presence", to: presence[1] as Present, patterns: body, line };
  const enter = /^(?:(guest) enters|enter) (\S+)$/.exec(head);
  if (enter !== null)
    return {
      kind: "enter",
      who: enter[1] === undefined ? "tester" : "guest",
      room: enter[2] ?? "",
      line,
    };
  if (head === "invited:") return { kind: "invited", patterns: body, line };
  const wait = /^wait (\d+) ms$/.exec(head);
  if (wait !== null) return { kind: "wait", milliseconds: Number(wait[1]), line };
  const says = /^says (.+)$/.exec(head);
  if (says !== null) return { kind: "says", text: says[1] ?? "", line };
  const keys = /^json keys: (.+)$/.exec(head);
  if (keys !== null) return { kind: "keys", keys: `${keys[1]} ${body}`.trim().split(/\s+/), line };
  if (head === "no body") return { kind: "no body", line };
  const status = /^status (\d{3})$/.exec(head);
  if (status !== null) return { kind: "status", status: Number(status[1]), line };
  const header = /^header ([A-Za-z-]+): (.*)$/.exec(head);
  if (header !== null)
    return { kind: "header", name: header[1] ?? "", value: header[2] ?? "", line };
  if (head === "json:") return { kind: "json", pattern: body, line };
  if (head === "text:") return { kind: "text", pattern: body, line };
  return undefined;
}
