/** The tree between parsing and resolution: substitutions and merges are still open. */
import type { ConfigFault } from "./config-error.ts";
import type { Origin } from "./config-value.ts";

/** All values given to one key, lowest precedence first; which of them count is known later. */
export type Slot = Node[];

export type Node = ScalarNode | ObjectNode | ListNode | ReferenceNode | JoinNode;

export interface ScalarNode {
  readonly kind: "null" | "boolean" | "number" | "string";
  readonly text: string;
  readonly origin: Origin;
  /** White space between two values of a line: ignored beside lists and objects. */
  readonly space?: boolean;
  /** Written without quotes, as opposed to text that a substitution brought. */
  readonly unquoted?: boolean;
}

export interface ObjectNode {
  readonly kind: "object";
  readonly fields: Map<string, Slot>;
  readonly origin: Origin;
}

export interface ListNode {
  readonly kind: "list";
  readonly items: Node[];
  readonly origin: Origin;
}

/** `${path}` or `${?path}`. */
export interface ReferenceNode {
  readonly kind: "reference";
  readonly path: readonly string[];
  /** Path of the object that included the file; tried in front of `path` first. */
  readonly prefix: readonly string[];
  readonly optional: boolean;
  readonly origin: Origin;
}

/** Several values on one line. */
export interface JoinNode {
  readonly kind: "join";
  readonly parts: readonly Node[];
  readonly origin: Origin;
}

/** A text that is no HOCON, or a substitution that leads nowhere. Leaves this room as a fault. */
export class HoconSyntaxError extends Error {
  readonly code = "hocon";
  readonly fault: ConfigFault;

  constructor(fault: ConfigFault) {
    super(fault.message);
    this.name = "HoconSyntaxError";
    this.fault = fault;
  }
}
