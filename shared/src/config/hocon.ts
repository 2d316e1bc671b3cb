/** HOCON text to values: the door to lexer, parser and resolver. */
import { err, ok, type Result } from "#shared/runtime/result";
import type { ConfigFault } from "./config-error.ts";
import type { ConfigObject } from "./config-value.ts";
import { HoconSyntaxError, type ObjectNode } from "./hocon-node.ts";
import { type IncludeResolver, parseTree } from "./hocon-parser.ts";
import { type EnvironmentLookup, resolveTree } from "./hocon-resolve.ts";

export type { IncludeRequest, IncludeResolver } from "./hocon-parser.ts";
export type { EnvironmentLookup } from "./hocon-resolve.ts";

/** What a text may draw on. */
export interface HoconOptions {
  /** Name for origins. */
  readonly file?: string;
  readonly include?: IncludeResolver;
  readonly environment?: EnvironmentLookup;
  /** Trees that substitutions may fall back to, lowest first. */
  readonly below?: readonly ObjectNode[];
}

/** Parses and resolves one text. Any input gives a value or a fault. */
export function parseHocon(
  text: string,
  options: HoconOptions = {},
): Result<ConfigObject, ConfigFault> {
  return faultOf(() => {
    const tree = parseTree(text, options.file ?? "text", options.include ?? (() => undefined));
    const layers = [...(options.below ?? []), tree];
    return resolveTree(tree, layers, options.environment ?? (() => undefined));
  });
}

/** Runs `body`; a syntax error becomes a fault. */
export function faultOf<T>(body: () => T): Result<T, ConfigFault> {
  try {
    return ok(body());
  } catch (cause) {
    if (cause instanceof HoconSyntaxError) return err(cause.fault);
    throw cause;
  }
}
