/** `<x xmlns='jabber:x:data'>` (XEP-0004), as far as MUC and disco use it. */
import { NS } from "../xmpp/namespaces.ts";
import { attr, childrenOf, type Element, textOf, xml } from "../xmpp/xml.ts";

/** A form: field name to values. */
export interface DataForm {
  readonly type: "form" | "submit" | "cancel" | "result";
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** Reads `<x>`; fields without a name are passed over. */
export function parseForm(x: Element): DataForm {
  const fields = new Map<string, string[]>();
  for (const field of childrenOf(x, "field", NS.dataForm)) {
    const name = attr(field, "var");
    if (name !== undefined) fields.set(name, childrenOf(field, "value", NS.dataForm).map(textOf));
  }
  return { type: parseType(attr(x, "type")), fields };
}

function parseType(text: string | undefined): DataForm["type"] {
  return text === "submit" || text === "cancel" || text === "result" ? text : "form";
}

/** `<x>`; `FORM_TYPE` is marked hidden. */
export function buildForm(form: DataForm): Element {
  const fields = [...form.fields].map(([name, values]) =>
    xml(
      "field",
      { var: name, type: name === "FORM_TYPE" ? "hidden" : undefined },
      values.map((value) => xml("value", {}, value)),
    ),
  );
  return xml("x", { xmlns: NS.dataForm, type: form.type }, fields);
}

/** A form field that says yes: `1` or `true` (A1.4). */
export function isYes(fields: ReadonlyMap<string, readonly string[]>, name: string): boolean {
  const value = fields.get(name)?.[0]?.trim().toLowerCase();
  return value === "1" || value === "true";
}
