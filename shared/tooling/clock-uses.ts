/** What the clock rule looks for. Modules and not only calls: imported, a function has any name. */
const uses =
  /\b(Date\.now|performance\.now|AbortSignal\.timeout|Math\.random|(?<!\.)set(Timeout|Interval|Immediate)|process\.hrtime(\.bigint)?|randomBytes|randomFill(Sync)?|randomUUID|randomInt|getRandomValues)\s*\(|\bnew Date\(\)|\b(from|import|require)\s*\(?\s*["'](node:)?timers(\/promises)?["']/g;

/** Each place, outside comments, where code reads time or randomness or starts a timer. */
export function usesIn(code: string): readonly string[] {
  return code.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "").match(uses) ?? [];
}
