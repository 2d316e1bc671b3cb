/** A flame graph as one page that opens from disk: a bar is as wide as the time spent in it. */
import { byOwnTime, childrenOf, type Frame, type FunctionTime } from "./cpu-profile.ts";
import { style } from "./page-style.ts";
import { escapeHtml } from "./plots.ts";

/** Thinner bars are left out: nobody could read them. */
const LEAST = 0.0015;
const ROW = 19;

export interface FlameOptions {
  readonly title: string;
  readonly about: string;
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 2 : 1)} %`;

function bars(root: Frame): { readonly body: string; readonly depth: number } {
  const parts: string[] = [];
  let depth = 0;
  const draw = (frame: Frame, left: number, level: number): void => {
    const width = frame.total / root.total;
    if (width < LEAST) return;
    depth = Math.max(depth, level + 1);
    const where = frame.where === "" ? "" : `, ${frame.where}`;
    const say = `${frame.name}${where}: ${percent(width)}, itself ${percent(frame.self / root.total)}`;
    parts.push(
      `<svg class="f ${frame.kind}" x="${(left * 100).toFixed(3)}%" y="${level * ROW}" width="${(width * 100).toFixed(3)}%" height="${ROW - 1}" tabindex="0" data-x="${left.toFixed(6)}" data-w="${width.toFixed(6)}" data-say="${escapeHtml(say)}">` +
        `<rect width="100%" height="100%"/><text x="4" y="13">${escapeHtml(frame.name)}</text></svg>`,
    );
    let x = left;
    for (const child of childrenOf(frame)) {
      draw(child, x, level + 1);
      x += child.total / root.total;
    }
  };
  draw(root, 0, 0);
  return { body: parts.join("\n"), depth };
}

const row = (each: FunctionTime, all: number): string =>
  `<tr><td>${escapeHtml(each.name)}</td><td>${escapeHtml(each.where)}</td>` +
  `<td>${percent(each.self / all)}</td><td>${percent(each.total / all)}</td></tr>`;

const flameStyle = `
.f rect { fill: var(--ours); fill-opacity: 0.55; stroke: var(--page); stroke-width: 1; }
.f.node rect { fill: #7c8aa0; } .f.package rect { fill: #8b6fb8; } .f.native rect { fill: var(--java); } .f.thread rect { fill: var(--faint); } .f.garbage rect { fill: var(--missed); }
.f text { fill: var(--ink); font-size: 11px; pointer-events: none; }
.f { cursor: pointer; outline: none; } .f:hover rect, .f:focus rect { fill-opacity: 0.95; }
.flame { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 10px; }
.flame > svg { display: block; width: 100%; }
.key i { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; opacity: 0.7; }
td:nth-child(2), th.where { text-align: left; color: var(--soft); }
`;

const flameScript = `
const frames = [...document.querySelectorAll(".f")];
const say = document.querySelector(".say");
const resting = say.textContent;
const zoom = (from, width) => {
  for (const frame of frames) {
    const left = Number(frame.dataset.x), own = Number(frame.dataset.w);
    const outside = left + own <= from + 1e-9 || left >= from + width - 1e-9;
    frame.style.display = outside ? "none" : "";
    if (outside) continue;
    const start = Math.max(left, from), end = Math.min(left + own, from + width);
    frame.setAttribute("x", (100 * (start - from)) / width + "%");
    frame.setAttribute("width", (100 * (end - start)) / width + "%");
  }
};
for (const frame of frames) {
  const tell = () => { say.textContent = frame.dataset.say; };
  const enter = () => { tell(); zoom(Number(frame.dataset.x), Number(frame.dataset.w)); };
  frame.addEventListener("pointerenter", tell);
  frame.addEventListener("focus", tell);
  frame.addEventListener("pointerleave", () => { say.textContent = resting; });
  frame.addEventListener("click", enter);
  frame.addEventListener("keydown", (event) => { if (event.key === "Enter") enter(); });
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") zoom(0, 1); });
`;

/** @param root threads below it */
export function renderFlame(root: Frame, { title, about }: FlameOptions): string {
  const { body, depth } = bars(root);
  const functions = byOwnTime(root).slice(0, 30);
  const kinds = [
    ["ours", "var(--ours)", "this project"],
    ["node", "#7c8aa0", "Node's own JavaScript"],
    ["package", "#8b6fb8", "npm packages"],
    ["native", "var(--java)", "V8 and system calls; the addon counts for who calls it"],
    ["garbage", "var(--missed)", "garbage collector"],
  ];
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width, initial-scale=1">` +
    `<title>${escapeHtml(title)}</title><style>${style}${flameStyle}</style></head><body><main>` +
    `<header><h1>${escapeHtml(title)}</h1><p class="soft">${escapeHtml(about)}</p></header>` +
    `<ul class="legend key">${kinds
      .map(([, colour, text]) => `<li><i style="background:${colour}"></i>${text}</li>`)
      .join("")}</ul>` +
    `<div class="flame"><svg height="${depth * ROW}" role="img" aria-label="${escapeHtml(title)}">${body}</svg></div>` +
    // Below the graph: a text of another height must not move it under the pointer.
    `<p class="say">A bar is as wide as the time spent in it and in what it calls. Tap one to enlarge it, the topmost or Escape to go back.</p>` +
    `<h2>Functions by their own time</h2><div class="scroll"><table>` +
    `<tr><th>function</th><th class="where">source</th><th>itself</th><th>with what it calls</th></tr>` +
    `${functions.map((each) => row(each, root.total)).join("")}</table></div>` +
    `</main><script>${flameScript}</script></body></html>\n`
  );
}
