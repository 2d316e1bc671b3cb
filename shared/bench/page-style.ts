/** The style sheet of `bench/index.html` and of the flame graph. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --card: #ffffff; --ink: #1c1b19; --soft: #5d5a54; --faint: #8d897f;
  --rule: #e4e0d8; --grid: #ece9e2;
  --ours: #0f766e; --java: #c2560c; --limit: #6b7280;
  --met: #15803d; --missed: #b91c1c; --open: #6b7280;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #151513; --card: #1e1e1b; --ink: #eceae4; --soft: #b3afa5; --faint: #868278;
    --rule: #34332f; --grid: #2b2a27;
    --ours: #2dd4bf; --java: #fb923c; --limit: #9ca3af;
    --met: #4ade80; --missed: #f87171; --open: #9ca3af;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1180px; margin: 0 auto; padding: 0 16px 64px; }
header { padding: 40px 0 8px; }
h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); line-height: 1.15; margin: 0 0 8px; letter-spacing: -0.02em; }
h2 { font-size: 1.35rem; margin: 56px 0 4px; letter-spacing: -0.01em; }
h3 { font-size: 0.95rem; margin: 0; }
p { margin: 4px 0 12px; max-width: 46rem; }
.soft { color: var(--soft); }
.banner { border: 1px solid var(--missed); border-radius: 8px; padding: 8px 12px; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 20px; margin: 16px 0 0; padding: 0; list-style: none; font-size: 0.875rem; }
.legend b { font-weight: 600; }
.swatch { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; vertical-align: -1px; }
.swatch.ours { background: var(--ours); } .swatch.java { background: var(--java); } .swatch.limit { background: var(--limit); }
.swatch.asked { background: none; border-left: 2px dashed var(--ink); width: 3px; border-radius: 0; margin-left: 4px; }
.cards { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); align-items: start; margin-top: 16px; }
figure { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 14px 16px 10px; min-width: 0; }
figcaption { margin-bottom: 8px; }
figcaption small { color: var(--soft); font-size: 0.8rem; display: block; }
figure svg { display: block; width: 100%; height: auto; overflow: visible; touch-action: pan-y; }
.say { min-height: 2.6em; margin: 6px 0 0; font-size: 0.8rem; line-height: 1.3; color: var(--soft); }
svg text { font: 10.5px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .strong { fill: var(--ink); font-weight: 600; font-size: 11.5px; }
svg .value { fill: var(--ink); } svg .at { font-weight: 600; }
svg .at.ours { fill: var(--ours); } svg .at.java { fill: var(--java); } svg .at.limit { fill: var(--limit); }
svg .value, svg .at { paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
svg .faint, svg .tick { fill: var(--faint); }
svg .grid { stroke: var(--grid); fill: none; } svg .break { stroke: var(--rule); stroke-dasharray: 2 3; fill: none; }
svg .hit { fill: transparent; stroke: none; } svg .target .hit { stroke: transparent; stroke-width: 14; fill: none; }
.fill { transition: opacity 0.15s; } .bar:hover .fill, .bar:focus .fill { opacity: 0.75; }
.bar:focus, .target:focus { outline: none; } .bar:focus-visible .fill { stroke: var(--ink); stroke-width: 1.5; }
.bar.ours .fill { fill: var(--ours); } .bar.java .fill { fill: var(--java); } .bar.limit .fill { fill: var(--limit); }
.whisker { stroke: var(--ink); stroke-width: 1.1; fill: none; }
.mark { stroke: var(--ink); stroke-width: 1.6; stroke-dasharray: 3 2.5; fill: none; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.line.ours { stroke: var(--ours); } .line.java { stroke: var(--java); stroke-dasharray: 6 2; } .line.limit { stroke: var(--limit); stroke-dasharray: 2 2; }
.band { stroke: none; opacity: 0.16; }
.band.ours { fill: var(--ours); } .band.java { fill: var(--java); } .band.limit { fill: var(--limit); }
.cursor { stroke: var(--ink); stroke-width: 1; opacity: 0.6; } .cursor[hidden] { display: none; }
.row h3 { margin-bottom: 2px; } .row p { font-size: 0.8rem; line-height: 1.35; margin: 0 0 6px; }
.row { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 14px 16px 6px; }
.row ul { list-style: none; margin: 0; padding: 0; }
.row li { border-top: 1px solid var(--rule); padding: 7px 0 6px; font-size: 0.875rem; }
.row li > div { display: flex; justify-content: space-between; gap: 12px; }
.row svg { display: block; width: 100%; height: auto; margin: 1px 0; }
.row small { color: var(--soft); font-size: 0.78rem; }
.word { text-align: right; font-weight: 600; }
.word.met { color: var(--met); } .word.missed { color: var(--missed); } .word.open { color: var(--open); font-weight: 400; }
.track { stroke: var(--grid); stroke-width: 6; stroke-linecap: round; } .goal { stroke: var(--ink); stroke-width: 1.6; }
.span { stroke-width: 3.5; stroke-linecap: round; opacity: 0.55; }
.span.met { stroke: var(--met); } .span.missed { stroke: var(--missed); }
.dot.met { fill: var(--met); } .dot.missed { fill: var(--missed); }
dl.rows { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 16px; margin: 8px 0 0; font-size: 0.875rem; }
dl.rows dt { font-weight: 600; } dl.rows dd { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
details { margin-top: 16px; } summary { cursor: pointer; color: var(--soft); font-size: 0.9rem; }
.scroll { overflow-x: auto; margin-top: 8px; }
table { border-collapse: collapse; font-size: 0.82rem; min-width: 100%; }
th, td { text-align: right; padding: 4px 10px; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); } th:first-child, td:first-child { text-align: left; }
td { vertical-align: top; } td small { display: block; color: var(--soft); font-size: 0.72rem; line-height: 1.25; }
td .met { color: var(--met); } td .missed { color: var(--missed); } td .open { color: var(--open); }
a { color: inherit; }
@media (max-width: 640px) {
  dl.rows { grid-template-columns: 1fr; } dl.rows dd { margin-bottom: 6px; }
}
@media print { .say { display: none; } figure { break-inside: avoid; } }
`;
