import type { ConfigFault } from "./config-error.ts";
import type { ConfigObject, ConfigValue } from "./config-value.ts";
import type { KeyTable } from "./key-table.ts";

/** The merged configuration. */
export interface LoadedConfig {
  /** HOCON value at a dotted path: operator's file, then `-D`. Defaults are not looked at. */
  get(path: string): ConfigValue | undefined;
  /** The operator's file, resolved, as one object. */
  readonly root: ConfigObject;
  /** The file that was read, if any. */
  readonly file: string | undefined;
  /** Legacy property: properties file, then `-D` of that name. */
  legacy(name: string): ConfigValue | undefined;
  /** Legacy properties below a prefix (`org.jitsi.videobridge.xmpp.user.`), prefix removed. */
  legacyBelow(prefix: string): ReadonlyMap<string, ConfigValue>;
  /** `-D` options, those of `JAVA_SYS_PROPS` included. */
  readonly systemProperties: ReadonlyMap<string, string>;
  /** The values of a table. Throws `ConfigError` naming every wrong or missing key. */
  readTable<T>(table: KeyTable<T>): Readonly<T>;
  /** Unknown keys, shadowed keys, malformed values; log each once when all tables were read. */
  readonly warnings: readonly ConfigFault[];
  /** `--strict`: the program refuses to start when there are warnings. */
  readonly strict: boolean;
  /** Command line words that are not ours. */
  readonly rest: readonly string[];
}
