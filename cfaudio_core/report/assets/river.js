// The river of tastes: what is pointed at or pressed says its share and who was played, and can be shown on the map.
"use strict";
globalThis.cfRiver = (() => {
  const percent = share => `${share > 0 && share < 0.095 ? (100 * share).toFixed(1) : Math.round(100 * share)} %`;
  // A stream in one period, or, for period -1, in all: by those periods it was widest in.
  function words({ periods, plays, artists, streams }, k, period) {
    const stream = streams[k], sum = values => values.reduce((a, b) => a + b, 0);
    if (period >= 0) {
      if (!plays[period]) return { head: periods[period], text: "no plays with dates", who: [] };
      const who = stream.artists[period].map(name => artists[name]), share = stream.plays[period] / plays[period];
      return { head: `${periods[period]}, ${stream.name}`, text: `${percent(share)} of ${plays[period].toLocaleString("en")} ${plays[period] === 1 ? "play" : "plays"}`, who };
    }
    const points = new Map(), best = stream.plays.indexOf(Math.max(...stream.plays));
    stream.artists.forEach((names, p) => { names.forEach((name, at) => { points.set(name, (points.get(name) || 0) + stream.plays[p] / (at + 1)); }); });
    const who = [...points].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 5).map(([name]) => artists[name]);
    return { head: stream.name, text: `${percent(sum(stream.plays) / sum(plays))} of all plays with dates; most of them in ${periods[best]}`, who };
  }
  // The period at a place across the drawing, which has `width` on the screen and `whole` of its own.
  const periodAt = (px, width, whole, left, step, n) => Math.max(0, Math.min(n - 1, Math.floor((px / width * whole - left) / step)));
  return { words, periodAt };
})();
globalThis.makeRiver = (data, showOnMap) => {
  const now = document.getElementById("river-now");
  if (!now || !data.streams.length) return;
  const { words, periodAt } = globalThis.cfRiver, flow = document.querySelector(".flow");
  const make = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text, ...more });
  let pinned = -1;
  function say(k, period) {
    const { head, text, who } = words(data, k, period), parts = [make("b", head, { dir: "auto" }), `: ${text}`];
    who.forEach((name, at) => { parts.push(at ? ", " : "; mostly ", make("bdi", name.length > 60 ? `${name.slice(0, 59)}…` : name)); });
    parts.push(".");
    if (data.streams[k].tracks.length) {
      const button = make("button", "Show on the map", { type: "button", className: "act" });
      button.onclick = () => showOnMap(data.streams[k].name, data.streams[k].tracks);
      parts.push(button);
    }
    now.replaceChildren(...parts);
  }
  function mark(k, svg = null, period = -1) {
    flow.classList.toggle("one", k >= 0);
    flow.querySelectorAll(".stream").forEach(path => { path.classList.toggle("on", Number(path.dataset.stream) === k); });
    flow.querySelectorAll(".now").forEach(line => { line.setAttribute("d", ""); });
    if (!svg) return;
    const { left, step } = svg.dataset, line = svg.querySelector(".now");
    line.setAttribute("d", `M${Number(left) + (period + 0.5) * step} 0v${line.dataset.height}`);
  }
  function pin(k) {
    pinned = k;
    document.querySelectorAll("#streams .key").forEach(key => { key.setAttribute("aria-pressed", String(Number(key.dataset.stream) === k)); });
    mark(k);
  }
  document.querySelectorAll("#streams .key").forEach(key => {
    const k = Number(key.dataset.stream);
    key.onclick = () => { pin(pinned === k ? -1 : k); say(k, -1); };
  });
  function at(event) {
    const path = event.target.closest(".stream"), svg = path?.closest("svg");
    if (!svg) return null;
    const box = svg.getBoundingClientRect(), { left, step } = svg.dataset;
    return { svg, k: Number(path.dataset.stream), period: periodAt(event.clientX - box.left, box.width, svg.viewBox.baseVal.width, left, step, data.periods.length) };
  }
  flow.addEventListener("pointermove", event => {
    const found = at(event);
    if (!found) return;
    mark(found.k, found.svg, found.period);
    say(found.k, found.period);
  });
  flow.addEventListener("pointerleave", () => mark(pinned));
  flow.addEventListener("click", event => { const found = at(event); if (found) { pin(found.k); mark(found.k, found.svg, found.period); say(found.k, found.period); } });
};
