/**
 * The configuration of a program: operator's HOCON file, legacy properties, `-D` options, defaults
 * (spec packaging-and-operations B1).
 *
 * Of one key the first of these counts: legacy properties file, `-D` with the legacy name, the
 * operator's file, `-D` with the HOCON path, the default of the key table. Substitutions in the
 * file see the file, then `-D`, then defaults, then the environment; defaults never see the file.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { parseCommandLine } from "./command-line.ts";
import { ConfigError, type ConfigFault } from "./config-error.ts";
import type { ConfigObject, ConfigValue, Origin } from "./config-value.ts";
import { faultOf, type IncludeResolver } from "./hocon.ts";
import type { ObjectNode } from "./hocon-node.ts";
import { parseTree, put } from "./hocon-parser.ts";
import { resolveTree } from "./hocon-resolve.ts";
import { allKeys, type KeyTable } from "./key-table.ts";
import { readTable } from "./keys.ts";
import { unknownKeys } from "./known-keys.ts";
import type { LoadedConfig } from "./loaded-config.ts";
import { decodeText, parseProperties } from "./properties.ts";
import { referenceConf } from "./reference.ts";

/** What a program says when it loads its configuration. */
export interface LoadOptions {
  /** Command line without node and script: `--config FILE`, `-Dkey=value`; others are returned. */
  readonly argv: readonly string[];
  /** Environment: `JAVA_SYS_PROPS`, `${?X}`, `net.java.sip.communicator.SC_HOME_DIR_LOCATION`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Every table of the program: defaults that substitutions may name, and the known keys. */
  readonly tables: readonly KeyTable<unknown>[];
  /** Paths below which any key is accepted (MUC client entries, media keys of a later version). */
  readonly anyBelow?: readonly string[];
  /** Whether a missing `--config` is an error (jicofo) or means defaults. */
  readonly fileRequired?: boolean;
}

export type { LoadedConfig } from "./loaded-config.ts";

const LEGACY_FILE = "sip-communicator.properties";
const LEGACY_DIRECTORY = "net.java.sip.communicator.SC_HOME_DIR_LOCATION";
const LEGACY_NAME = "net.java.sip.communicator.SC_HOME_DIR_NAME";

/** Reads everything. Throws `ConfigError` (file, line, remedy) for what cannot be read at all. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const command = parseCommandLine(options.argv, options.env["JAVA_SYS_PROPS"]);
  const file = command.configFile;
  if (file === undefined && options.fileRequired === true) {
    throw new ConfigError({
      message: "no configuration file is given",
      remedy: "start with --config FILE or -Dconfig.file=FILE",
    });
  }
  const overrides = overrideTree(command.systemProperties);
  const defaults = parseTree(referenceConf(options.tables, false), "default", noInclude);
  const unread: ConfigFault[] = [];
  const tree = file === undefined ? emptyTree("no file") : readTree(file, unread);
  const environment = (name: string): string | undefined => options.env[name];
  const layers = [defaults, overrides, tree];
  const resolved = faultOf(() => ({
    root: resolveTree(tree, layers, environment),
    all: resolveTree(onTopOf(overrides, tree), layers, environment),
    words: resolveTree(overrides, layers, environment),
  }));
  if (!resolved.ok) throw new ConfigError(resolved.error);
  const { root } = resolved.value;
  const legacy = readLegacy(command.systemProperties, options.env, unread);
  const warnings = [
    ...unread,
    ...unknownKeys(root, options.tables, options.anyBelow ?? []),
    ...unknownWords(resolved.value.words, options),
    ...hiddenProperties(root, command.systemProperties),
  ];
  const tables = new Map<KeyTable<unknown>, unknown>();
  const config: LoadedConfig = {
    root,
    file,
    get: (path) => valueAt(resolved.value.all, path),
    legacy: (name) => legacy.get(name) ?? propertyValue(command.systemProperties, name),
    legacyBelow: (prefix) => below(prefix, legacy, command.systemProperties),
    systemProperties: command.systemProperties,
    // Once each: a table that is read twice would warn twice.
    readTable<T>(table: KeyTable<T>): Readonly<T> {
      if (!tables.has(table)) tables.set(table, readTable(config, table, warnings));
      return tables.get(table) as Readonly<T>;
    },
    warnings,
    strict: command.strict,
    rest: command.rest,
  };
  return config;
}

/** Of the `-D` keys only those below our own roots: all others are Java's or somebody else's. */
function unknownWords(words: ConfigObject, { tables, anyBelow }: LoadOptions): ConfigFault[] {
  const roots = new Set(allKeys(tables).map(({ path }) => path.slice(0, `${path}.`.indexOf("."))));
  const fields = new Map([...words.fields].filter(([root]) => roots.has(root)));
  return unknownKeys({ ...words, fields }, tables, anyBelow ?? []);
}

/** COMPAT(jicofo, jvb): the file wins over `-D` (spec B1), which nobody expects. */
function hiddenProperties(
  root: ConfigObject,
  properties: ReadonlyMap<string, string>,
): ConfigFault[] {
  return [...properties].flatMap(([name, text]): ConfigFault[] => {
    const value = valueAt(root, name);
    if (value === undefined || ("text" in value && value.text === text)) return [];
    const message = `wins over -D${name}, which has no effect`;
    return [{ key: name, origin: value.origin, message, remedy: "remove one of the two" }];
  });
}

/** The value at a dotted path of a resolved tree; null counts as absent. */
export function valueAt(root: ConfigObject, path: string): ConfigValue | undefined {
  let value: ConfigValue | undefined = root;
  for (const key of path.split(".")) {
    if (value?.kind !== "object") return undefined;
    value = value.fields.get(key);
  }
  return value?.kind === "null" ? undefined : value;
}

function readTree(file: string, unread: ConfigFault[]): ObjectNode {
  const text = readText(file);
  if (text === undefined) {
    throw new ConfigError({
      message: `cannot read the configuration file ${file}`,
      remedy: "check the path and its permissions",
    });
  }
  const parsed = faultOf(() => parseTree(text, file, includeFromDisk(unread)));
  if (!parsed.ok) throw new ConfigError(parsed.error);
  return parsed.value;
}

/**
 * `include "x"` is looked for beside the including file; `file("x")` from the working directory. A
 * file that is missing or cannot be read goes to `unread`: left out in silence it would cost a day.
 */
const includeFromDisk =
  (unread: ConfigFault[]): IncludeResolver =>
  (request) => {
    const origin = { file: request.from, line: request.line };
    if (request.kind === "url" || request.kind === "package") {
      throw new ConfigError({
        message: `include ${request.kind}(…) is not supported`,
        origin,
        remedy: "copy the file here and include it by name",
      });
    }
    // COMPAT(jicofo, jvb): class path resources are the programs' bundled defaults, which always apply.
    if (request.kind === "classpath") return undefined;
    const beside = request.kind === "heuristic" && !isAbsolute(request.name);
    const path = beside ? join(dirname(request.from), request.name) : resolve(request.name);
    const candidates = /\.(conf|json|properties)$/.test(path) ? [path] : [`${path}.conf`, path];
    for (const file of candidates) {
      const text = readText(file);
      // COMPAT(jicofo, jvb): an included .properties file is read as HOCON too.
      if (text !== undefined) return { text, file };
      if (existsSync(file)) {
        unread.push({ origin, ...cannotRead(file) });
        return undefined;
      }
    }
    if (!request.required) unread.push({ origin, ...isMissing(path) });
    return undefined;
  };

/** HOCON takes it for empty, in silence; a misspelt name would leave out all that is in the file. */
function isMissing(file: string): ConfigFault {
  return {
    message: `include of ${file}, which does not exist; nothing is included`,
    remedy: "create it, or remove the line",
  };
}

function cannotRead(file: string): ConfigFault {
  return { message: `${file} cannot be read and is left out`, remedy: "check its permissions" };
}

function readText(file: string): string | undefined {
  try {
    return decodeText(readFileSync(file));
  } catch {
    return undefined;
  }
}

const noInclude: IncludeResolver = () => undefined;

function emptyTree(file: string): ObjectNode {
  return { kind: "object", fields: new Map(), origin: { file, line: 0 } };
}

/** `-Da.b=x` as HOCON; of `-Da=x -Da.b=y` the object wins, as upstream has it. */
function overrideTree(properties: ReadonlyMap<string, string>): ObjectNode {
  const origin: Origin = { file: "-D", line: 0 };
  const tree = emptyTree("-D");
  const shortFirst = [...properties].sort(([a], [b]) => a.length - b.length);
  for (const [key, text] of shortFirst) {
    const path = key.split(".");
    if (!path.includes("")) put(tree.fields, path, { kind: "string", text, origin });
  }
  return tree;
}

/** Both trees as one; the values of `over` count first. */
function onTopOf(base: ObjectNode, over: ObjectNode): ObjectNode {
  const fields = new Map([...base.fields].map(([key, slot]) => [key, [...slot]]));
  for (const [key, slot] of over.fields) fields.set(key, [...(fields.get(key) ?? []), ...slot]);
  return { kind: "object", fields, origin: over.origin };
}

function readLegacy(
  properties: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
  unread: ConfigFault[],
): ReadonlyMap<string, ConfigValue> {
  const values = new Map<string, ConfigValue>();
  const directory = properties.get(LEGACY_DIRECTORY) ?? env[LEGACY_DIRECTORY];
  if (directory === undefined || directory === "") return values;
  const name = properties.get(LEGACY_NAME) ?? env[LEGACY_NAME] ?? "";
  const file = join(directory, name, LEGACY_FILE);
  if (!existsSync(file)) return values;
  const text = readText(file);
  if (text === undefined) unread.push(cannotRead(file));
  for (const { key, value, line } of parseProperties(text ?? "")) {
    values.set(key, { kind: "string", text: value, origin: { file, line } });
  }
  return values;
}

function propertyValue(from: ReadonlyMap<string, string>, name: string): ConfigValue | undefined {
  const text = from.get(name);
  if (text === undefined) return undefined;
  return { kind: "string", text, origin: { file: `-D${name}`, line: 0 } };
}

function below(
  prefix: string,
  legacy: ReadonlyMap<string, ConfigValue>,
  properties: ReadonlyMap<string, string>,
): ReadonlyMap<string, ConfigValue> {
  const found = new Map<string, ConfigValue>();
  for (const name of [...properties.keys(), ...legacy.keys()]) {
    if (!name.startsWith(prefix) || name.length === prefix.length) continue;
    const value = legacy.get(name) ?? propertyValue(properties, name);
    if (value !== undefined) found.set(name.slice(prefix.length), value);
  }
  return found;
}
