/** `<traceparent xmlns='jitsi:opentelemetry'>`: spec xmpp-wire A7. */
import { NS } from "../xmpp/namespaces.ts";
import { attr, childOf, type Element, xml } from "../xmpp/xml.ts";

/** The parent of a trace span; upstream sends all zeros with tracing off. */
export interface TraceParent {
  /** 32 hex digits */
  readonly traceId: string;
  /** 16 hex digits */
  readonly parentId: string;
  /** 2 hex digits */
  readonly traceFlags: string;
}

/** What upstream's focus sends in nearly every request. */
export const zeroTraceParent: TraceParent = {
  traceId: "0".repeat(32),
  parentId: "0".repeat(16),
  traceFlags: "00",
};

/** The trace context inside an element; one that is not well-formed reads as absent. */
export function parseTraceParent(parent: Element): TraceParent | undefined {
  const el = childOf(parent, "traceparent", NS.otel);
  if (el === undefined) return undefined;
  const traceId = attr(el, "trace_id") ?? "";
  const parentId = attr(el, "parent_id") ?? "";
  const traceFlags = attr(el, "trace_flags") ?? "";
  const valid =
    /^[0-9a-f]{32}$/i.test(traceId) &&
    /^[0-9a-f]{16}$/i.test(parentId) &&
    /^[0-9a-f]{2}$/i.test(traceFlags);
  return valid ? { traceId, parentId, traceFlags } : undefined;
}

/** `<traceparent>`, if given. */
export function buildTraceParent(trace: TraceParent | undefined): Element | undefined {
  return trace === undefined
    ? undefined
    : xml("traceparent", {
        xmlns: NS.otel,
        trace_id: trace.traceId,
        parent_id: trace.parentId,
        trace_flags: trace.traceFlags,
      });
}
