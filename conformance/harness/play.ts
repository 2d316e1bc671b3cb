/** Plays one conversation against a target. */
import { type Element, elementsOf, parseXml, textOf, xml } from "#shared/xmpp/xml";
import { type Captures, fill, matchElement, matchJson, matchText } from "./match.ts";
import type { Case, Step } from "./script.ts";
import type { Target } from "./target.ts";

/** How long a peer may take to answer, in ms. */
const PATIENCE = 5000;

interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

interface State {
  readonly target: Target;
  readonly captures: Captures;
  fresh: number;
  iq: Element | undefined;
  http: HttpAnswer | undefined;
}

function parsed(text: string, ns?: string): Element {
  const result = parseXml(text, ns);
  if (!result.ok) throw new Error(`the script's XML is broken: ${result.error}`);
  return result.value;
}

/** Plays a case; returns the first difference with its line, or undefined when all is as expected. */
export async function play(each: Case, target: Target): Promise<string | undefined> {
  const state: State = {
    target,
    captures: new Map([["domain", target.domain]]),
    fresh: 0,
    iq: undefined,
    http: undefined,
  };
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
      const iq = xml(
        "iq",
        { type: step.type, to: target.addresses[step.to], xmlns: "jabber:client" },
        parsed(filled(step.payload)),
      );
      const reply = await target.xmpp.request(iq, PATIENCE);
      if (reply.kind === "timeout") return `no answer within ${PATIENCE} ms`;
      if (reply.kind === "disconnected") return "the tester's stream broke";
      state.iq = reply.iq;
      return undefined;
    }
    case "answer": {
      const iq = state.iq;
      if (iq === undefined) return "nothing was asked before";
      if (iq.attrs["type"] !== step.type) return `the answer is ${iq.toString()}`;
      if (step.patterns === "") return undefined;
      const parts =
        step.type === "error" ? elementsOf(iq).find((child) => child.name === "error") : iq;
      if (parts === undefined) return `the answer has no <error>: ${iq.toString()}`;
      const pattern = parsed(`<any xmlns='jabber:client'>${filled(step.patterns)}</any>`);
      for (const wanted of elementsOf(pattern)) {
        const difference = matchChild(wanted, [...elementsOf(parts), ...elementsOf(iq)], captures);
        if (difference !== undefined) return `${difference} in ${iq.toString()}`;
      }
      return undefined;
    }
    case "http": {
      const response = await fetch(target.http[step.to] + filled(step.path), {
        method: step.method,
        headers: step.headers,
        redirect: "manual",
        signal: AbortSignal.timeout(PATIENCE),
        ...(step.body === "" ? {} : { body: filled(step.body) }),
      });
      state.http = {
        status: response.status,
        headers: response.headers,
        body: await response.text(),
      };
      return undefined;
    }
    case "status":
      return state.http?.status === step.status
        ? undefined
        : `status ${state.http?.status} instead of ${step.status}: ${state.http?.body.slice(0, 200)}`;
    case "header": {
      const difference = matchText(step.value, state.http?.headers.get(step.name) ?? "", captures);
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
    default:
      throw new Error(`unknown step ${JSON.stringify(step satisfies never)}`);
  }
}

function matchChild(
  wanted: Element,
  among: readonly Element[],
  captures: Captures,
): string | undefined {
  if (wanted.name === "absent") {
    return among.some((child) => child.name === wanted.attrs["name"])
      ? `a <${wanted.attrs["name"]}> that must not be there`
      : undefined;
  }
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
