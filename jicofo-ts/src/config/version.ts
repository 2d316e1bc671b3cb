/**
 * What this focus says it is: `/about/version`, `versions` of its presence, `version_info`.
 * The first two numbers are those of the upstream version whose behaviour it has.
 */
export const version = "1.1.0-ts";
