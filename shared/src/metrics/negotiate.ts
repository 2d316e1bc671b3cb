/** Which view of the metrics an `Accept` header asks for. */

/** The three views. */
export type MetricsFormat = "openMetrics" | "prometheus" | "json";

/** Where the two programs differ. */
export interface Dialect {
  readonly contentTypes: Readonly<Record<MetricsFormat, string>>;
  /** View when the request has no `Accept` or an empty one. */
  readonly whenAbsent: MetricsFormat;
}

/** jicofo's media types. */
export const JICOFO_METRICS: Dialect = {
  contentTypes: {
    openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
    prometheus: "text/plain; version=0.0.4; charset=utf-8",
    json: "application/json",
  },
  whenAbsent: "openMetrics",
};

/** The bridge's media types. Upstream answers 500 without `Accept`; we answer the text format. */
export const JVB_METRICS: Dialect = {
  contentTypes: {
    openMetrics: "application/openmetrics-text;charset=utf-8;version=1.0.0",
    prometheus: "text/plain;charset=utf-8;version=0.0.4",
    json: "application/json",
  },
  whenAbsent: "prometheus",
};

const MEDIA_TYPES: Readonly<Record<string, MetricsFormat>> = {
  "application/openmetrics-text": "openMetrics",
  "text/plain": "prometheus",
  "application/json": "json",
  "*/*": "openMetrics",
  "text/*": "prometheus",
  "application/*": "openMetrics",
};

/** The acceptable view with the highest quality, earlier ones first; `undefined` for none. */
export function negotiate(accept: string | undefined, dialect: Dialect): MetricsFormat | undefined {
  if (accept === undefined || accept.trim() === "") return dialect.whenAbsent;
  let best: MetricsFormat | undefined;
  let bestQuality = 0;
  for (const range of accept.split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const given = parameters.find((parameter) => parameter.startsWith("q="));
    const quality = given === undefined ? 1 : Number(given.slice(2));
    if (!Object.hasOwn(MEDIA_TYPES, type) || !(quality > bestQuality)) continue;
    best = MEDIA_TYPES[type];
    bestQuality = quality;
  }
  return best;
}
