/** Names and forms of the properties that the bridge had before HOCON (jvb-control 8.2 to 8.5). */

export const legacy = (name: string): string => `org.jitsi.videobridge.${name}`;
export const ice4j = (name: string): string => `org.ice4j.${name}`;

/** The opposite boolean. */
export const inverted = (name: string) => ({
  name,
  convert: (text: string): string | undefined => {
    if (/^true$/i.test(text)) return "false";
    return /^false$/i.test(text) ? "true" : undefined;
  },
});

/** A number of seconds. */
export const inSeconds = (name: string) => ({ name, convert: (text: string) => `${text} s` });

/** Items between separators; empty ones do not count. */
export const listOf = (name: string, separator: string) => ({
  name,
  convert: (text: string): readonly string[] =>
    text
      .split(separator)
      .map((one) => one.trim())
      .filter((one) => one !== ""),
});
