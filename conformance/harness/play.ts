/** Plays one conversation against a target. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Element, elementsOf, parseXml, textOf, xml } from "#shared/xmpp/xml";
import { askHttp, type HttpAnswer } from "./ask-http.ts";
import { type Captures, fill, matchAbsent, matchElement, matchJson, matchText } from "./match.ts";
import type { Case, Step } from "./script.ts";
import type { Target } from "./target.ts";

/** How long a presence may take to say what is expected, in ms: longer than its interval. */
const PRESENCE = 12_000;

interface State {
  readonly target: Target;
  readonly patience: number;
  readonly captures: Captures;
  fresh: number;
  /** Answers not yet looked at, in the order of the requests. */
  replies: Element[];
  iq: Element | undefined;
  http: HttpAnswer | undefined;
}

function parsed(text: string, ns?: string): Element {
  const result = parseXml(text, ns);
  if (!result.ok) throw new Error(`the script's XML is broken: ${result.error}`);
  return result.value;
}

/**
 * Plays a case, waiting for each answer at most `patience` ms; returns the first difference with its
 * line, or undefined when all is as expected.
 */
export async function play(
  each: Case,
  target: Target,
  patience: number,
): Promise<string | undefined> {
  const state: State = {
    target,
    patience,
    captures: new Map(Object.entries(target.names)),
    fresh: 0,
    replies: [],
    iq: undefined,
    http: undefined,
  };
  try {
    return await steps(each, state);
  } finally {
    await target.leaveRooms();
  }
}

async function steps(each: Case, state: State): Promise<string | undefined> {
  for (const step of each.steps) {
    let difference: string | undefined;
    try {
      difference = await take(step, state);
    } catch (error) {
      difference = error instanceof Error ? error.message : String(error);
    }
    if (difference !== undefined) return `${each.file}:${step.line}: ${difference}`;
  }
  return undefined;
}

async function take(step: Step, state: State): Promise<string | undefined> {
  const { target, captures } = state;
  const filled = (text: string) =>
    fill(
      text,
      captures,
      () => `${process.pid.toString(16)}-${Date.now().toString(16)}-${++state.fresh}`,
    );
  switch (step.kind) {
    case "iq": {
      const to = target.address(step.to);
      if (to === undefined) return `the address of ${step.to} is not known`;
      const payloads = elementsOf(
        parsed(`<any xmlns='jabber:client'>${filled(step.payload)}</any>`),
      );
      const replies = await Promise.all(
        payloads.map((payload) =>
          target
            .stream(step.from)
            .request(
              xml("iq", { type: step.type, to, xmlns: "jabber:client" }, payload),
              state.patience,
            ),
        ),
      );
      state.replies = [];
      for (const reply of replies) {
        if (reply.kind === "timeout") return `no answer within ${state.patience} ms`;
        if (reply.kind === "disconnected") return `the stream of ${step.from} broke`;
        state.replies.push(reply.iq);
      }
      return undefined;
    }
    case "answer": {
      const iq = state.replies.shift();
      if (iq === undefined) return "nothing was asked before";
      state.iq = iq;
      if (iq.attrs["type"] !== step.type) return `the answer is ${iq.toString()}`;
      if (step.patterns === "") return undefined;
      const error = step.type === "error" ? errorOf(iq) : iq;
      if (error === undefined) return `the answer has no <error>: ${iq.toString()}`;
      const difference = matchAll(filled(step.patterns), [error, iq], captures);
      return difference === undefined ? undefined : `${difference} in ${iq.toString()}`;
    }
    case "says": {
      const text = elementsOf(
        state.iq === undefined ? xml("iq") : (errorOf(state.iq) ?? xml("iq")),
      );
      const said = text.find((child) => child.name === "text");
      if (said === undefined) return `the error has no text: ${state.iq?.toString()}`;
      const difference = matchText(filled(step.text), textOf(said), captures);
      return difference === undefined ? undefined : `the error's text ${difference}`;
    }
    case "enter":
      return target.enter(filled(step.room), step.who);
    case "invited": {
      const end = performance.now() + state.patience;
      for (;;) {
        const offer = target.invitation();
        if (offer !== undefined) {
          const difference = matchAll(filled(step.patterns), [xml("iq", {}, offer)], captures);
          return difference === undefined ? undefined : `${difference} in ${offer.toString()}`;
        }
        if (performance.now() > end) return `no invitation within ${state.patience} ms`;
        await sleep(10);
      }
    }
    case "wait":
      await sleep(step.milliseconds);
      return undefined;
    case "presence": {
      const end = performance.now() + PRESENCE;
      for (;;) {
        const presence = target.presence(step.to);
        const difference =
          presence === undefined
            ? "it is not there"
            : matchAll(filled(step.patterns), [presence], captures);
        if (difference === undefined) return undefined;
        if (performance.now() > end)
          return `presence of ${step.to}: ${difference} in ${presence?.toString()}`;
        await sleep(20);
      }
    }
    case "http":
      state.http = await askHttp({
        url: target.http[step.to] + filled(step.path),
        method: step.method,
        headers: step.headers,
        body: filled(step.body),
        withinMs: state.patience,
      });
      return undefined;
    case "status":
      return state.http?.status === step.status
        ? undefined
        : `status ${state.http?.status} instead of ${step.status}: ${state.http?.body.slice(0, 200)}`;
    case "header": {
      const difference = matchText(
        step.value,
        state.http?.headers[step.name.toLowerCase()] ?? "",
        captures,
      );
      return difference === undefined ? undefined : `header ${step.name} ${difference}`;
    }
    case "json":
      return matchJson(
        JSON.parse(filled(step.pattern)),
        JSON.parse(state.http?.body ?? "null"),
        captures,
      );
    case "text": {
      const difference = matchText(filled(step.pattern), (state.http?.body ?? "").trim(), captures);
      return difference === undefined ? undefined : `the body ${difference}`;
    }
    case "keys": {
      const value: unknown = JSON.parse(state.http?.body ?? "null");
      const missing = step.keys.filter(
        (key) => typeof value !== "object" || value === null || !Object.hasOwn(value, key),
      );
      return missing.length === 0 ? undefined : `the answer lacks ${missing.join(", ")}`;
    }
    case "no body":
      return state.http?.body === "" ? undefined : `the body is ${state.http?.body.slice(0, 200)}`;
    default:
      throw new Error(`unknown step ${JSON.stringify(step satisfies never)}`);
  }
}

function errorOf(iq: Element): Element | undefined {
  return elementsOf(iq).find((child) => child.name === "error");
}

/** Each pattern has to fit a child of one of `parents`. */
function matchAll(
  patterns: string,
  parents: readonly Element[],
  captures: Captures,
): string | undefined {
  const children = parents.flatMap((parent) => elementsOf(parent));
  for (const wanted of elementsOf(parsed(`<any xmlns='jabber:client'>${patterns}</any>`))) {
    const difference = matchChild(wanted, children, captures);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function matchChild(
  wanted: Element,
  among: readonly Element[],
  captures: Captures,
): string | undefined {
  if (wanted.name === "absent") return matchAbsent(wanted, among);
  let reason = `no <${wanted.name}>${textOf(wanted).trim()}`;
  for (const child of among) {
    if (child.name !== wanted.name) continue;
    const trial = new Map(captures);
    const difference = matchElement(wanted, child, trial);
    if (difference === undefined) {
      for (const [key, value] of trial) captures.set(key, value);
      return undefined;
    }
    reason = difference;
  }
  return reason;
}
