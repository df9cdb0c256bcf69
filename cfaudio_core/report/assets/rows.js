// Rows of tracks, all of them: from entries { i, at, bars, plays, why }, of which all but the track `i` may be missing.
"use strict";
globalThis.cfText = {
  clock: seconds => { const whole = Math.floor(seconds) || 0, rest = String(whole % 60).padStart(2, "0"), minutes = Math.floor(whole / 60); return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`; },
  played: plays => plays ? `${plays.toLocaleString("en")} ${plays === 1 ? "play" : "plays"}` : "new",
  short: (text, most) => text.length > most ? `${[...text.slice(0, most)].slice(0, -1).join("")}…` : text,
};
globalThis.makeRows = page => {
  const { clock, played, short } = globalThis.cfText, { served, gone, titleOf, artistOf } = page;
  const make = (name, className, more = {}) => Object.assign(document.createElement(name), { className, ...more });
  // How much of what it is listed for a track has over its length, the highest marked.
  function peaks(bars) {
    const best = bars.indexOf(Math.max(...bars)), space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg");
    const set = (element, values) => { for (const [name, value] of Object.entries(values)) element.setAttribute(name, value); };
    const bar = (height, k) => `M${3 * k} 10v-${height}h2v${height}z`;
    set(svg, { class: "bars", viewBox: `0 0 ${3 * bars.length} 10`, "aria-hidden": "true", preserveAspectRatio: "none" });
    for (const [name, d] of [["", bars.map((height, k) => k === best ? "" : bar(height, k)).join("")], ["best", bar(bars[best], best)]]) {
      const path = document.createElementNS(space, "path");
      set(path, { class: name, d });
      svg.append(path);
    }
    return svg;
  }
  function row({ i, at = 0, bars = [], plays, why }, place) {
    const item = make("li", "track"), play = make("button", "play", { type: "button", disabled: gone.has(i) }), onMap = page.onMap(i);
    const find = make("button", "find", { type: "button", disabled: !onMap, title: onMap ? "Show on the map" : "Not on the map" });
    const side = make("span", "side"), facts = make("span", "facts");
    Object.assign(play.dataset, { i, at, name: `${short(titleOf(i), 120)} by ${short(artistOf(i), 80)}${at ? ` from ${clock(at)}` : ""}` });
    play.setAttribute("aria-label", `Play ${play.dataset.name}`);
    if (play.disabled) play.title = "The file is gone";
    find.dataset.i = i;
    item.dataset.place = place + 1;
    find.append(make("bdi", "title", { textContent: titleOf(i) }), make("bdi", "artist", { textContent: artistOf(i) }));   // names may run from right to left
    if (why) find.append(make("span", "why", { textContent: why }));
    if (plays !== undefined) facts.append(make("span", plays ? "count" : "count new", { textContent: played(plays) }));
    if (bars.length) facts.append(peaks(bars));
    if (at) facts.append(make("span", "at", { textContent: clock(at), title: "Where it is most like this end" }));
    if (facts.childNodes.length) side.append(facts);
    if (served) { side.append(page.feedback.buttons(i)); item.append(play); }
    item.append(find, side);
    return item;
  }
  // Writes a list: its first `most` entries are rows, and all of them play one after another.
  function fill(list, entries, most = Infinity) {
    list.entries = entries;
    list.replaceChildren(...entries.slice(0, most).map(row));
    page.onRows();
  }
  // What plays from a row on: its list, or all lists of a card that belong together.
  function queueOf(button) {
    const item = button.closest(".track"), list = item.parentElement, whole = list.closest("[data-queue]");
    const lists = whole ? [...whole.querySelectorAll(".tracks")] : [list];
    const before = lists.slice(0, lists.indexOf(list)).reduce((count, one) => count + one.entries.length, 0);
    return [lists.flatMap(one => one.entries), before + [...list.children].indexOf(item)];
  }
  return { fill, queueOf };
};
