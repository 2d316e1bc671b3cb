/**
 * What this bridge says it is: `/about/version`, `version` of its presence. The first two numbers
 * are those of the upstream version whose behaviour it has; `videobridge.ts.version` replaces it.
 */
export const version = "2.3.0-ts";
