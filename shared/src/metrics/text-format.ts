/**
 * Prometheus text format 0.0.4 and OpenMetrics 1.0.0, in the form of the Java client library that
 * upstream uses: numbers as Java prints them, a comma after the last label in 0.0.4, `_created`
 * samples in families of their own there.
 */
import { printable, shortened } from "#shared/logging/printable";
import type { Family, HistogramState, Series } from "./family.ts";

const LONGEST_LABEL = 500;

/** OpenMetrics 1.0.0. */
export function openMetricsText(prefix: string, families: readonly Family[]): string {
  const lines: string[] = [];
  for (const family of families) {
    const name = `${prefix}_${family.name}`;
    const type = family.kind === "boolean" ? "gauge" : family.kind;
    lines.push(`# TYPE ${name} ${type}`, `# HELP ${name} ${escapeHelp(family.help, true)}`);
    if (family.kind === "info") {
      lines.push(`${name}_info{${family.name}="${escapeLabel(family.text)}"} 1.0`);
    } else if (family.histogram !== undefined) {
      histogramLines(lines, name, family.histogram, "");
      lines.push(`${name}_created ${javaDouble(family.histogram.created)}`);
    } else {
      const suffix = family.kind === "counter" ? "_total" : "";
      for (const series of family.series.values()) {
        const labels = labelText(family, series, "");
        lines.push(`${name}${suffix}${labels} ${javaDouble(series.value)}`);
        if (suffix !== "") lines.push(`${name}_created${labels} ${javaDouble(series.created)}`);
      }
    }
  }
  lines.push("# EOF", "");
  return lines.join("\n");
}

/** Prometheus text 0.0.4. */
export function prometheusText(prefix: string, families: readonly Family[]): string {
  const lines: string[] = [];
  const created: { readonly name: string; readonly lines: string[] }[] = [];
  for (const family of families) {
    const base = `${prefix}_${family.name}`;
    const name = base + SUFFIX_0_0_4[family.kind];
    const type = TYPE_0_0_4[family.kind];
    const help = escapeHelp(family.help, false);
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    const stamps: string[] = [];
    if (family.kind === "info") {
      lines.push(`${name}{${family.name}="${escapeLabel(family.text)}",} 1.0`);
    } else if (family.histogram !== undefined) {
      histogramLines(lines, name, family.histogram, ",");
      stamps.push(`${base}_created ${javaDouble(family.histogram.created)}`);
    } else {
      for (const series of family.series.values()) {
        const labels = labelText(family, series, ",");
        lines.push(`${name}${labels} ${javaDouble(series.value)}`);
        if (family.kind === "counter") {
          stamps.push(`${base}_created${labels} ${javaDouble(series.created)}`);
        }
      }
    }
    if (stamps.length === 0) continue;
    const head = [`# HELP ${base}_created ${help}`, `# TYPE ${base}_created gauge`];
    created.push({ name: base, lines: [...head, ...stamps] });
  }
  created.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const family of created) lines.push(...family.lines);
  lines.push("");
  return lines.join("\n");
}

const SUFFIX_0_0_4 = {
  counter: "_total",
  gauge: "",
  boolean: "",
  info: "_info",
  histogram: "",
} as const;
const TYPE_0_0_4 = {
  counter: "counter",
  gauge: "gauge",
  boolean: "gauge",
  info: "gauge",
  histogram: "histogram",
} as const;

function histogramLines(lines: string[], name: string, state: HistogramState, comma: string): void {
  let count = 0;
  for (const [at, own] of state.counts.entries()) {
    count += own;
    const bound = state.bounds[at] ?? Number.POSITIVE_INFINITY;
    lines.push(`${name}_bucket{le="${javaDouble(bound)}"${comma}} ${javaDouble(count)}`);
  }
  lines.push(`${name}_count ${javaDouble(count)}`, `${name}_sum ${javaDouble(state.sum)}`);
}

function labelText(family: Family, series: Series, comma: string): string {
  if (family.labels.length === 0) return "";
  const pairs = family.labels.map(
    (label, at) => `${label}="${escapeLabel(series.labels[at] ?? "")}"`,
  );
  return `{${pairs.join(",")}${comma}}`;
}

/** Peers choose the text of some labels: no control reaches the terminal of who reads them. */
function escapeLabel(text: string): string {
  const parts = shortened(text, LONGEST_LABEL).split("\n");
  const escaped = parts.map((part) =>
    printable(part).replaceAll("\\", "\\\\").replaceAll('"', '\\"'),
  );
  return escaped.join("\\n");
}

function escapeHelp(text: string, quotes: boolean): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return quotes ? escaped.replaceAll('"', '\\"') : escaped;
}

/** A number as Java's `Double.toString` writes it: `1.0`, `1.795256723285E12`; `+Inf`, `-Inf`, `NaN`. */
export function javaDouble(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e7)) {
    const text = String(value);
    return text.includes(".") ? text : `${text}.0`;
  }
  const [mantissa = "", exponent = ""] = value.toExponential().split("e");
  const digits = mantissa.includes(".") ? mantissa : `${mantissa}.0`;
  return `${digits}E${exponent.replace("+", "")}`;
}
