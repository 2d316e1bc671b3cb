/** `reference.conf` and the manual's table of keys, from the key tables. */
import { type AnyKey, allKeys, type KeyTable } from "./key-table.ts";

/** HOCON text with every default. With `comments`, what a person reads; else only the values. */
export function referenceConf(tables: readonly KeyTable<unknown>[], comments = true): string {
  return allKeys(tables)
    .map((key) => entry(key, comments))
    .filter((text) => text !== "")
    .join(comments ? "\n\n" : "\n")
    .concat("\n");
}

function entry({ path, spec }: AnyKey, comments: boolean): string {
  const quoted = path.split(".").map(quoteKey).join(".");
  const given = spec.default !== undefined;
  const line = given ? `${quoted} = ${spec.type.show(spec.default)}` : "";
  if (!comments) return line;
  const notes = [
    spec.doc,
    `Expects ${spec.type.name}.`,
    given || spec.type.optional === true ? "" : "Required.",
    spec.needsRestart === true ? "Needs a restart." : "",
  ];
  const comment = notes.filter((note) => note !== "").map((note) => `# ${note}`);
  return [...comment, given ? line : `# ${quoted} =`].join("\n");
}

/** A Markdown table: key, type, default, legacy names, meaning. */
export function referenceMarkdown(tables: readonly KeyTable<unknown>[]): string {
  const rows = allKeys(tables).map(({ path, spec }) => {
    const shown =
      spec.default === undefined
        ? spec.type.optional === true
          ? "unset"
          : "required"
        : spec.type.show(spec.default);
    const legacy = (spec.legacy ?? []).map((l) => `\`${typeof l === "string" ? l : l.name}\``);
    const doc = spec.needsRestart === true ? `${spec.doc} Needs a restart.` : spec.doc;
    const cells = [`\`${path}\``, spec.type.name, `\`${shown}\``, legacy.join(", "), doc];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return [
    "| Key | Expects | Default | Legacy name | Meaning |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function quoteKey(key: string): string {
  return /^[A-Za-z_][\w-]*$/.test(key) ? key : JSON.stringify(key);
}
