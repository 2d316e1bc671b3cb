/**
 * The configuration of a program: operator's HOCON file, legacy properties, `-D` options, defaults
 * (spec packaging-and-operations B1).
 */
import type { ConfigFault } from "./config-error.ts";
import type { ConfigObject, ConfigValue } from "./config-value.ts";
import type { KeyTable } from "./keys.ts";

/** What a program says when it loads its configuration. */
export interface LoadOptions {
  /** Command line without node and script: `--config FILE`, `-Dkey=value`; others are returned. */
  readonly argv: readonly string[];
  /** Environment: `JAVA_SYS_PROPS`, `${?X}`, `…SC_HOME_DIR_LOCATION`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Every table of the program: defaults that substitutions may name, and the known keys. */
  readonly tables: readonly KeyTable<unknown>[];
  /** Paths below which any key is accepted (media engine keys of others, MUC client entries). */
  readonly anyBelow?: readonly string[];
  /** Directory of `sip-communicator.properties` when no option names one. */
  readonly legacyDirectory?: string;
  /** Whether a missing configuration file is an error (jicofo) or means defaults. */
  readonly fileRequired?: boolean;
}

/** The merged configuration. */
export interface LoadedConfig {
  /** HOCON value at a dotted path (operator's file, then `-D`), legacy and defaults not looked at. */
  get(path: string): ConfigValue | undefined;
  /** Everything as one object. */
  readonly root: ConfigObject;
  /** The file that was read, if any. */
  readonly file: string | undefined;
  /** Legacy property: properties file, then `-D` of that name. */
  legacy(name: string): ConfigValue | undefined;
  /** `-D` options, those of `JAVA_SYS_PROPS` included. */
  readonly systemProperties: ReadonlyMap<string, string>;
  /** Legacy properties below a prefix (`org.jitsi.videobridge.xmpp.user.`), prefix removed. */
  legacyBelow(prefix: string): ReadonlyMap<string, ConfigValue>;
  /** `readKeys` as a method. */
  readTable<T>(table: KeyTable<T>): Readonly<T>;
  /** Unknown keys, shadowed keys, malformed values, in the order found; log each once at start. */
  readonly warnings: readonly ConfigFault[];
  /** Command line words that are not ours. */
  readonly rest: readonly string[];
}
