/** What `bench/index.html` does under a pointer: reads values out below each plot. */
export const script = `
for (const figure of document.querySelectorAll("figure")) {
  const say = figure.querySelector(".say");
  const svg = figure.querySelector("svg");
  if (say === null || svg === null) continue;
  const resting = say.textContent;
  const rest = () => { say.textContent = resting; };
  for (const one of figure.querySelectorAll("[data-say]")) {
    const tell = () => { say.textContent = one.dataset.say; };
    one.addEventListener("pointerenter", tell);
    one.addEventListener("pointerdown", tell);
    one.addEventListener("focus", tell);
    one.addEventListener("pointerleave", rest);
    one.addEventListener("blur", rest);
  }
  if (svg.dataset.plot === undefined) continue;
  const plot = JSON.parse(svg.dataset.plot);
  const cursor = svg.querySelector(".cursor");
  svg.setAttribute("tabindex", "0");
  let at = -1;
  const show = (index) => {
    at = Math.max(0, Math.min(plot.x.length - 1, index));
    const x = plot.x[at];
    cursor.removeAttribute("hidden");
    cursor.setAttribute("transform", "translate(" + x + ")");
    const values = plot.lines
      .filter((line) => line.values[at] !== undefined)
      .map((line) => line.contender + " " + line.values[at] + " " + plot.unit);
    say.textContent = plot.labels[at] + ": " + values.join(", ");
  };
  const hide = () => { cursor.setAttribute("hidden", ""); rest(); };
  const move = (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    let nearest = 0;
    for (let i = 1; i < plot.x.length; i++)
      if (Math.abs(plot.x[i] - x) < Math.abs(plot.x[nearest] - x)) nearest = i;
    show(nearest);
  };
  svg.addEventListener("pointermove", move);
  svg.addEventListener("pointerdown", move);
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    event.preventDefault();
    show(at + (event.key === "ArrowRight" ? 1 : -1));
  });
}
`;
