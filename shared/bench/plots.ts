/**
 * Plots as inline SVG: bars with intervals, quantiles and series over time. Drawn 360 units wide so
 * that letters stay readable on a phone; colours are classes, for a dark page and a light one. What
 * a pointer reads is in `data-` attributes (`page-script.ts`).
 */
import type { ContenderName } from "./row.ts";
import type { Estimate } from "./statistics.ts";
import { digits, interval } from "./table.ts";

const WIDTH = 360;

export const escapeHtml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

/** Short enough for an axis: 200k, 3M. */
function tickText(value: number): string {
  if (value >= 1e6) return `${digits(value / 1e6)}M`;
  return value >= 1e4 ? `${digits(value / 1e3)}k` : digits(value);
}

const at = (value: number): string => Number(value.toFixed(1)).toString();

/** 1, 2, 5 times a power of ten: the smallest that is not below. */
export function niceAbove(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return (
    [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= value * 0.999) ?? value
  );
}

/** Ticks from 0 to at least `top`, four or five of them. */
export function linearTicks(top: number): number[] {
  const step = niceAbove(top / 4);
  const count = Math.max(1, Math.ceil(top / step - 0.001));
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

/** Ticks 1, 2, 5 of each power of ten from just below `low` to just above `high`. */
export function logTicks(low: number, high: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const ticksOf = (digits: readonly number[]) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i).flatMap((power) =>
      digits.map((digit) => Number((digit * 10 ** power).toPrecision(12))),
    );
  const all = ticksOf([1, 2, 5]);
  const from = all.findLastIndex((tick) => tick <= low);
  const to = all.findIndex((tick) => tick >= high);
  const ticks = all.slice(Math.max(0, from), to + 1);
  // Over many powers of ten the powers alone.
  return ticks.length > 9 ? ticksOf([1]) : ticks;
}

interface Frame {
  readonly title: string;
  /** In words, for those who do not see the picture. */
  readonly description: string;
  readonly height: number;
  readonly body: string;
  readonly data?: unknown;
}

let pictures = 0;

function svg({ title, description, height, body, data }: Frame): string {
  const id = `plot-${++pictures}`;
  const json = data === undefined ? "" : ` data-plot="${escapeHtml(JSON.stringify(data))}"`;
  return (
    `<svg viewBox="0 0 ${WIDTH} ${at(height)}" role="img" aria-labelledby="${id}-t ${id}-d"${json}>` +
    `<title id="${id}-t">${escapeHtml(title)}</title>` +
    `<desc id="${id}-d">${escapeHtml(description)}</desc>${body}</svg>`
  );
}

const text = (x: number, y: number, content: string, attributes = ""): string =>
  `<text x="${at(x)}" y="${at(y)}"${attributes === "" ? "" : ` ${attributes}`}>${escapeHtml(content)}</text>`;

export interface Bar {
  readonly contender: ContenderName;
  /** Undefined: not measured, and said so. */
  readonly estimate: Estimate | undefined;
}

export interface BarRow {
  readonly label: string;
  readonly bars: readonly Bar[];
  /** Where ours must not reach beyond, in the figure's unit. */
  readonly targets: readonly { readonly value: number; readonly label: string }[];
}

export interface BarsPlot {
  readonly title: string;
  readonly unit: string;
  readonly rows: readonly BarRow[];
}

/** Where a number of some 30 units begins that crosses no mark. */
function beside(end: number, marks: readonly number[]): number {
  let from = end + 5;
  for (const mark of marks.toSorted((a, b) => a - b))
    if (mark > from - 4 && mark < from + 30) from = mark + 5;
  return from;
}

const BAR = 15;
const LEFT = 44;
const RIGHT = 62;

/** Beyond that the smaller rows of a plot could not be read. */
const WIDEST = 12;

const mostOf = (row: BarRow): number =>
  Math.max(
    0,
    ...row.bars.map((bar) => bar.estimate?.high ?? 0),
    ...row.targets.map((target) => target.value),
  );

/**
 * One group of bars a row; whiskers are 95 % intervals, a dashed line is what was asked of ours. All
 * rows share an axis, unless they differ too much: then each has its own length, and there is none.
 */
export function barsPlot({ title, unit, rows }: BarsPlot): string {
  const lengths = rows.map(mostOf);
  const isShared = Math.max(...lengths) <= WIDEST * Math.min(...lengths.filter((each) => each > 0));
  const ticks = linearTicks(Math.max(0, ...lengths));
  let top = ticks.at(-1) ?? 1;
  const x = (value: number) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.max(0, value)) / top;
  const parts: string[] = [];
  const words: string[] = [];
  let y = 4;
  for (const row of rows) {
    if (!isShared) top = mostOf(row) || 1;
    parts.push(text(0, y + 11, row.label, 'class="strong"'));
    y += 18;
    const first = y;
    let ours = y;
    const several = row.targets.length > 1;
    for (const { contender, estimate } of row.bars) {
      if (contender === "ours") ours = y;
      // The number steps aside for a mark that would cross it.
      const marks = several && contender !== "ours" ? [] : row.targets.map((each) => x(each.value));
      const middle = y + BAR / 2;
      parts.push(text(LEFT - 6, middle + 3.5, contender, 'class="name" text-anchor="end"'));
      if (estimate === undefined) {
        parts.push(text(LEFT + 4, middle + 3.5, "not measured", 'class="faint"'));
        words.push(`${row.label}: ${contender} not measured`);
      } else {
        const { value, low, high } = estimate;
        const say = `${row.label}, ${contender}: ${digits(value)} ${unit} (${interval(estimate)})`;
        words.push(say);
        parts.push(
          `<g class="bar ${contender}" tabindex="0" data-say="${escapeHtml(say)}">` +
            `<rect class="hit" x="${LEFT}" y="${at(y)}" width="${WIDTH - LEFT}" height="${BAR}"/>` +
            `<rect class="fill" x="${LEFT}" y="${at(y + 2)}" width="${at(Math.max(0.8, x(value) - LEFT))}" height="${BAR - 4}" rx="1.5"/>` +
            `<path class="whisker" d="M${at(x(low))} ${at(middle)}H${at(x(high))}M${at(x(low))} ${at(middle - 3)}v6M${at(x(high))} ${at(middle - 3)}v6"/>` +
            `${text(beside(Math.max(x(high), x(value)), marks), middle + 3.5, digits(value), 'class="value"')}</g>`,
        );
      }
      y += BAR;
    }
    for (const { value, label } of row.targets) {
      const from = several ? ours : first;
      const to = several ? ours + BAR : y;
      parts.push(
        `<g class="target" tabindex="0" data-say="${escapeHtml(`${row.label}, asked of ours: ${label} = ${digits(value)} ${unit}`)}">` +
          `<path class="hit" d="M${at(x(value))} ${at(from - 3)}V${at(to + 3)}"/>` +
          `<path class="mark" d="M${at(x(value))} ${at(from - 3)}V${at(to + 3)}"/></g>`,
      );
      words.push(`${row.label}: asked ${label}`);
    }
    y += 8;
  }
  const axis = (isShared ? ticks : [])
    .map(
      (tick) =>
        `<path class="grid" d="M${at(x(tick))} 18V${at(y - 4)}"/>` +
        text(x(tick), y + 9, tickText(tick), 'class="tick" text-anchor="middle"'),
    )
    .join("");
  return svg({
    title: `${title}, ${unit}`,
    description: words.join(". "),
    height: y + (isShared ? 14 : 0),
    body: axis + parts.join(""),
  });
}

export interface Line {
  readonly contender: ContenderName;
  readonly points: readonly number[];
  /** Least and most of the rounds, point by point. */
  readonly low?: readonly number[];
  readonly high?: readonly number[];
}

const LINE = { left: 38, right: 8, top: 8, bottom: 24, height: 190 } as const;
const inner = {
  width: WIDTH - LINE.left - LINE.right,
  height: LINE.height - LINE.top - LINE.bottom,
};

const path = (points: readonly (readonly [number, number])[]): string =>
  points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${at(x)} ${at(y)}`).join("");

/** Shares of the values of a `quantiles` array: each percent from 0 to 100, then 99.9 %. */
const SHARES = [...Array.from({ length: 100 }, (_, i) => i / 100), 0.999];
/** Where the value of each of them is in the array; the maximum is left out. */
const PLACES = [...Array.from({ length: 100 }, (_, i) => i), 101];

/** 0 at the median and below it, then as much room for each nine: 90, 99, 99.9 %. */
const nines = (share: number): number => -Math.log10(1 - share);

export interface QuantilePlot {
  readonly title: string;
  readonly unit: string;
  /** `points` as in `Cell.quantiles`. */
  readonly lines: readonly Line[];
}

/** Quantiles with room for the tail: each nine has the same width; values on a logarithmic axis. */
export function quantilePlot({ title, unit, lines }: QuantilePlot): string {
  const picked = lines.map((line) => {
    const pick = (points: readonly number[] | undefined) =>
      PLACES.map((place) => points?.[place] ?? points?.[99] ?? 0);
    return {
      contender: line.contender,
      points: pick(line.points),
      low: pick(line.low ?? line.points),
      high: pick(line.high ?? line.points),
    };
  });
  const positive = picked
    .flatMap((line) => [...line.low, ...line.high])
    .filter((value) => value > 0);
  const all = positive.length === 0 ? [1] : positive;
  const ticks = logTicks(Math.min(...all), Math.max(...all));
  const [low, high] = [ticks[0] ?? 0.1, ticks.at(-1) ?? 1];
  const x = (share: number) => LINE.left + (inner.width * nines(share)) / nines(0.999);
  const y = (value: number) =>
    LINE.top +
    inner.height *
      (1 - Math.log(Math.max(value, low) / low) / Math.log(Math.max(high / low, 1.01)));
  const grid = ticks.map(
    (tick) =>
      `<path class="grid" d="M${LINE.left} ${at(y(tick))}H${WIDTH - LINE.right}"/>` +
      text(LINE.left - 5, y(tick) + 3.5, tickText(tick), 'class="tick" text-anchor="end"'),
  );
  for (const share of [0, 0.5, 0.9, 0.99, 0.999])
    grid.push(
      `<path class="grid" d="M${at(x(share))} ${LINE.top}V${LINE.height - LINE.bottom}"/>`,
      // There is no room for the least beside the median.
      share === 0
        ? ""
        : text(
            x(share),
            LINE.height - 9,
            `${Number((share * 100).toFixed(1))} %`,
            `class="tick" text-anchor="${share === 0.999 ? "end" : "middle"}"`,
          ),
    );
  const drawn = picked.map(({ contender, points, low: least, high: most }) => {
    const upper = SHARES.map((share, i) => [x(share), y(most[i] ?? 0)] as const);
    const lower = SHARES.map((share, i) => [x(share), y(least[i] ?? 0)] as const).toReversed();
    return (
      `<path class="band ${contender}" d="${path([...upper, ...lower])}Z"/>` +
      `<path class="line ${contender}" d="${path(SHARES.map((share, i) => [x(share), y(points[i] ?? 0)]))}"/>`
    );
  });
  const said = picked.map(({ contender, points }) => {
    const value = (place: number) => digits(points[place] ?? 0);
    return `${contender}: half within ${value(50)} ${unit}, 99 % within ${value(99)} ${unit}`;
  });
  return svg({
    title: `${title}, quantiles`,
    description: said.join(". "),
    height: LINE.height,
    body: grid.join("") + drawn.join("") + endLabels(picked, y) + cursor,
    data: {
      unit,
      x: SHARES.map((share) => Number(x(share).toFixed(1))),
      labels: SHARES.map((share) => `${Number((share * 100).toFixed(1))} %`),
      lines: picked.map(({ contender, points }) => ({ contender, values: points.map(digits) })),
    },
  });
}

/** Names at the right ends of their lines, above them, and pushed up where two would meet. */
function endLabels(lines: readonly Line[], y: (value: number) => number): string {
  let above = Number.POSITIVE_INFINITY;
  return lines
    .map(({ contender, points }) => ({ contender, at: y(points.at(-1) ?? 0) - 5 }))
    .sort((a, b) => b.at - a.at)
    .map((label) => {
      above = Math.min(label.at, above - 11);
      const attributes = `class="at ${label.contender}" text-anchor="end"`;
      return text(WIDTH - LINE.right, above, label.contender, attributes);
    })
    .join("");
}

const cursor = `<path class="cursor" d="M0 ${LINE.top}V${LINE.height - LINE.bottom}" hidden=""/>`;

export interface SeriesPlot {
  readonly title: string;
  readonly unit: string;
  /** One point a second; rounds follow one another. */
  readonly lines: readonly Line[];
  /** Seconds at which another round begins. */
  readonly breaks: readonly number[];
}

export function seriesPlot({ title, unit, lines, breaks }: SeriesPlot): string {
  const length = Math.max(2, ...lines.map((line) => line.points.length));
  const ticks = linearTicks(Math.max(0, ...lines.flatMap((line) => line.points)));
  const top = ticks.at(-1) ?? 1;
  const x = (second: number) => LINE.left + (inner.width * second) / (length - 1);
  const y = (value: number) => LINE.top + inner.height * (1 - value / top);
  const grid = ticks.map(
    (tick) =>
      `<path class="grid" d="M${LINE.left} ${at(y(tick))}H${WIDTH - LINE.right}"/>` +
      text(LINE.left - 5, y(tick) + 3.5, tickText(tick), 'class="tick" text-anchor="end"'),
  );
  for (const second of breaks)
    grid.push(
      `<path class="break" d="M${at(x(second))} ${LINE.top}V${LINE.height - LINE.bottom}"/>`,
    );
  grid.push(
    text(LINE.left, LINE.height - 9, "0 s", 'class="tick"'),
    text(WIDTH - LINE.right, LINE.height - 9, `${length} s`, 'class="tick" text-anchor="end"'),
    text(
      LINE.left + inner.width / 2,
      LINE.height - 9,
      "measured seconds, round by round",
      'class="tick" text-anchor="middle"',
    ),
  );
  const drawn = lines.map(
    ({ contender, points }) =>
      `<path class="line ${contender}" d="${path(points.map((value, i) => [x(i), y(value)]))}"/>`,
  );
  const said = lines.map(
    ({ contender, points }) =>
      `${contender}: from ${digits(points[0] ?? 0)} to ${digits(points.at(-1) ?? 0)} ${unit}`,
  );
  return svg({
    title: `${title} over time`,
    description: said.join(". "),
    height: LINE.height,
    body: grid.join("") + drawn.join("") + endLabels(lines, y) + cursor,
    data: {
      unit,
      x: Array.from({ length }, (_, i) => Number(x(i).toFixed(1))),
      labels: Array.from({ length }, (_, i) => `${i + 1} s`),
      lines: lines.map(({ contender, points }) => ({ contender, values: points.map(digits) })),
    },
  });
}

/** Where a figure stands beside its target: the target is in the middle, left of it is met. */
export function targetPlot(
  estimate: Estimate,
  atMost: number,
  say: string,
  isMet: boolean,
): string {
  const height = 22;
  const span = Math.log(16);
  const x = (value: number) => {
    const share = Math.log(Math.max(value, atMost / 1e6) / atMost) / span;
    return WIDTH * Math.min(0.985, Math.max(0.015, 0.62 + share * 0.5));
  };
  const { value, low, high } = estimate;
  const word = isMet ? "met" : "missed";
  return svg({
    title: say,
    description: `${word}; the line in the middle is the target`,
    height,
    body:
      `<path class="track" d="M0 ${height / 2}H${WIDTH}"/>` +
      `<path class="goal" d="M${at(x(atMost))} 2V${height - 2}"/>` +
      `<path class="span ${word}" d="M${at(x(low))} ${height / 2}H${at(x(high))}"/>` +
      `<circle class="dot ${word}" cx="${at(x(value))}" cy="${height / 2}" r="5"/>`,
  });
}
