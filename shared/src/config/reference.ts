/** `reference.conf` and the manual's table of keys, from the key tables. */
import { STATE_WORDS } from "./key-state.ts";
import { type AnyKey, allKeys, type KeyTable, legacyName } from "./key-table.ts";

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
    stateSentence(spec),
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
    const former = [...(spec.legacy ?? []), ...(spec.older ?? [])];
    const legacy = former.map((name) => `\`${legacyName(name)}\``);
    const notes = [spec.doc, spec.needsRestart === true ? "Needs a restart." : ""];
    const doc = [...notes, stateSentence(spec)].filter((note) => note !== "").join(" ");
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

/** `Not built yet: each conference stays on one bridge.`; nothing for a key that works. */
function stateSentence({ state }: AnyKey["spec"]): string {
  if (state === undefined) return "";
  const word = STATE_WORDS[state.kind];
  const note = state.kind === "no-effect" ? state.why : state.instead;
  const part = state.kind === "not-built" && state.values !== undefined ? "In part " : "";
  const sentence = `${part}${word}: ${note}.`;
  return sentence[0]?.toUpperCase() + sentence.slice(1);
}

function quoteKey(key: string): string {
  return /^[A-Za-z_][\w-]*$/.test(key) ? key : JSON.stringify(key);
}
