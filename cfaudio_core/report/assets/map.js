// The map: dots, names of regions, the legend, search, and lists that are made from it.
"use strict";
globalThis.makeMap = (data, page) => {
  const $ = id => document.getElementById(id), n = data.x.length, { served, titleOf, artistOf } = page;
  const dark = matchMedia("(prefers-color-scheme: dark)"), palette = () => data.palettes[dark.matches ? "dark" : "light"];
  const make = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text, ...more });
  const counted = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
  const painter = globalThis.makePainter($("dots"), Float32Array.from(data.x), Float32Array.from(data.y));
  const view = globalThis.makeView($("view"), data, draw);

  // ---- colours and the legend
  const day = value => { const year = Math.floor(value), month = Math.min(11, Math.floor((value - year) * 12)); return `${year}-${String(month + 1).padStart(2, "0")}`; };
  const NUMBERS = {
    plays: [data.plays.map(v => v > 0 ? v : null), v => String(Math.round(v)), "never played"],
    score: [data.score, v => String(Math.round(v)), "no score"],
    added: [data.added, day, "unknown"],
    year: [data.year.map(v => v || null), String, "unknown"],
  };
  const KINDS = { genre: [data.genre, data.genres, "no genre"], tag: [data.tag, data.tags, "nothing stands out"] };
  const others = data.others.map((other, k) => ({ name: other.name, key: `with ${k}`, plays: globalThis.cfCompare.unpack(other, n) }));
  let colouring = null, picked = new Set(), key = "plays";
  function colourBy(name) {
    key = name; picked = new Set();
    const { byNumber, byKind } = globalThis.cfColours, other = others.find(one => one.key === key), both = [data.listener, other?.name];
    if (other) colouring = globalThis.cfCompare.groups(data.plays, other.plays, both, palette());
    else colouring = NUMBERS[key] ? byNumber(...NUMBERS[key], palette()) : byKind(...KINDS[key], palette());
    $("both").textContent = other ? globalThis.cfCompare.words(colouring, both, data.in_part) : "";
    legend();
    paint();
  }
  function keys() {
    const all = colouring.groups.map((group, k) => ({ ...group, k })).filter(group => group.count);
    return [...all.filter(group => group.k > (KINDS[key] ? 1 : 0)), ...all.filter(group => group.k <= (KINDS[key] ? 1 : 0))];
  }
  function legend() {
    $("legend").replaceChildren(...keys().map(({ name, colour, count, k }) => {
      const button = make("button", "", { type: "button", className: "key" }), mark = make("span", "", { className: "dot" });
      mark.style.background = colour;
      button.append(mark, make("bdi", name), make("span", ` (${count.toLocaleString("en")})`, { className: "muted" }));
      button.setAttribute("aria-pressed", String(picked.has(k)));
      button.onclick = () => {
        if (!picked.delete(k)) picked.add(k);
        button.setAttribute("aria-pressed", String(picked.has(k)));
        paint();
      };
      return button;
    }));
  }

  // ---- painting: what is not meant is faded and below, what is chosen above all
  let chosen = null, selected = -1, sounding = -1;               // { title, ids, line }, the dots of `ids` are marked; one dot; and what plays
  let all = [];                                   // tracks of the list, in order; also those that the map has no room for
  const never = i => !(data.plays[i] > 0);
  view.visible = i => $("show").value !== "never" || never(i);
  function paint() {
    const { ground } = palette(), { pack, faded } = globalThis.cfColours, show = $("show").value;
    const full = colouring.groups.map(group => pack(group.colour)), pale = colouring.groups.map(group => faded(group.colour, ground));
    const mark = pack(getComputedStyle(document.documentElement).getPropertyValue("--mark").trim());
    const marked = new Set(chosen ? chosen.ids : []);
    painted = globalThis.cfLayers.order({
      of: colouring.of, full, pale, mark, marked: i => marked.has(i), visible: view.visible, meant: k => !picked.size || picked.has(k),
      onTop: i => show === "top" && never(i), chosen,
    });
    painter.set(painted.order, painted.colours, painted.sizes);
    view.changed();
  }
  let painted = null, frame = null;               // what was painted last, and from where
  function draw(look, size, zoom) {
    const ratio = Math.min(devicePixelRatio || 1, painter.withCard || n < 20000 ? 2 : 1);
    const dot = Math.min(14, (n > 40000 ? 2.6 : n > 8000 ? 4 : n > 1500 ? 6 : 8) * Math.max(zoom, 0.5) ** 0.28);
    painter.draw({ x: look.x, y: look.y, scale: look.scale * ratio }, Math.round(size[0] * ratio), Math.round(size[1] * ratio), dot * ratio);
    frame = { look, size, zoom, dot };
    names(look, size, zoom);
    marks();
    $("wait").hidden = true;
  }
  painter.onRestored = () => view.changed();

  // ---- names of regions: moved with the map while it is dragged, and placed again where it has come to
  const pen = document.createElement("canvas").getContext("2d"), widths = new Map(), shown = new Map();
  pen.font = `600 100px ${getComputedStyle(document.body).fontFamily}`;
  const measure = name => { if (!widths.has(name)) widths.set(name, pen.measureText(name).width / 100); return widths.get(name); };
  let placed = null;
  function names(look, size, zoom) {
    const same = placed && placed.scale === look.scale && placed.size.every((v, k) => v === size[k]);
    if (same) {
      $("names").style.transform = `translate(${(placed.x - look.x) * look.scale}px, ${(look.y - placed.y) * look.scale}px)`;
      if (Math.abs(placed.x - look.x) * look.scale < size[0] / 4 && Math.abs(placed.y - look.y) * look.scale < size[1] / 4) return;
    }
    placed = { ...look, size: [...size] };
    $("names").style.transform = "";
    const boxes = globalThis.cfNames.place(data.regions, look, size, zoom, measure), now = new Set(boxes.map(box => box.at));
    shown.forEach((name, at) => { if (!now.has(at)) { name.remove(); shown.delete(at); } });
    for (const { at, left, top, font, width, height } of boxes) {
      if (!shown.has(at)) {
        const { name, kind } = data.regions[at], text = make("bdi", name);
        text.dataset.kind = kind;
        shown.set(at, text);
        $("names").append(text);
      }
      shown.get(at).style.cssText = `font-size:${font}px;width:${width}px;height:${height}px;transform:translate(${left}px,${top}px)`;
    }
  }
  view.onRest = () => { placed = null; view.changed(); };

  // ---- one dot: hover, choice, and what can be made from it
  function facts(i) {
    const parts = [data.plays[i] > 0 ? counted(Math.round(data.plays[i]), "play") : "never played"], other = others.find(one => one.key === key);
    if (other) parts.push(`${other.plays[i] || "none"} by ${other.name}`);
    if (data.score[i] !== null) parts.push(`score ${Math.round(data.score[i])}`);
    if (data.year[i]) parts.push(String(data.year[i]));
    const genre = data.genres[data.genre[i]], tag = data.tags[data.tag[i]];
    if (genre) parts.push(genre); if (tag && tag !== genre) parts.push(tag);
    return parts.join(" · ");
  }
  let hovered = -1;
  function tip(i) {
    const box = $("tip");
    box.hidden = i < 0;
    if (i < 0) return;
    box.replaceChildren(make("b", titleOf(i), { dir: "auto" }), make("span", artistOf(i), { dir: "auto" }), make("span", facts(i) + (page.gone.has(i) ? " · the file is gone" : "")));
    const [x, y] = view.onScreen(i), width = $("view").clientWidth;
    box.style.left = `${Math.max(4, Math.min(x + 14, width - box.offsetWidth - 4))}px`;
    box.style.top = `${y + 18 + box.offsetHeight > $("view").clientHeight ? y - box.offsetHeight - 12 : y + 14}px`;
  }
  function marks() {
    for (const [name, i] of [["ring", selected], ["playing", sounding]]) {
      $(name).hidden = i < 0;
      if (i >= 0) $(name).style.transform = `translate(${view.onScreen(i).map(v => `${v}px`).join()})`;
    }
    if (!view.drawing) $("line").setAttribute("points", chosen?.line ? chosen.ids.map(i => view.onScreen(i).map(Math.round).join()).join(" ") : "");
    if (hovered < 0 && !$("tip").hidden && selected >= 0) tip(selected);
  }
  function select(i) {
    selected = i < n ? i : -1;
    $("dot").hidden = selected < 0;
    if (selected >= 0) $("dot-title").textContent = `${titleOf(i)}, ${artistOf(i)}`;
    marks();
  }
  view.onHover = i => { if (i === hovered && i < 0) return; hovered = i; $("view").classList.toggle("over", i >= 0); tip(i); };
  let from = -1;                                  // where a path begins that has no end yet
  // Whether a dot ends the path that was begun.
  function endsPath(i) {
    const begin = from;
    if (begin < 0 || begin === i) return false;
    stopPath();
    fetchList(`map/path/${data.id[begin]}/${data.id[i]}`, `From ${titleOf(begin)} to ${titleOf(i)}`, true);
    return true;
  }
  view.onPick = i => {
    if (i < 0) return;
    select(i); tip(i);
    if (!endsPath(i) && served) page.playAll(all.includes(i) ? all : [i], i);
  };
  function show(i) {
    view.goTo(i); select(i); tip(i);
    endsPath(i);
    $("map").scrollIntoView({ block: "start" });
  }
  function stopPath() { from = -1; $("path").setAttribute("aria-pressed", "false"); $("path").textContent = "Path from here"; }
  $("path").onclick = () => {
    if (from >= 0) { stopPath(); return; }
    from = selected;
    $("path").setAttribute("aria-pressed", "true"); $("path").textContent = "Now pick where it ends";
  };
  $("radio").onclick = () => fetchList(`map/radio/${data.id[selected]}`, `Radio: ${titleOf(selected)}`);
  async function fetchList(where, title, line = false) {
    list(title, [], "…");
    try {
      const { tracks, texts, why } = await page.ask(where);
      list(title, page.rowsOf(tracks, texts), why, line);
    } catch (error) { list(title, [], error.message); }
  }

  // ---- the list beside the map: what was searched for, drawn around, or made from a dot
  const MOST_ROWS = 50;
  function list(title, ids, why = "", line = false) {
    chosen = { title, ids: ids.filter(i => i < n), line };
    $("results").hidden = false;
    if (document.activeElement !== $("search")) $("search").value = "";
    $("results-title").textContent = title;
    $("count").textContent = why || (counted(ids.length, "track") + (ids.length > MOST_ROWS ? `, of which ${MOST_ROWS} are listed` : ""));
    page.rows.fill($("found"), ids.map(i => ({ i })), MOST_ROWS);
    $("keep").hidden = !ids.length;
    $("kept").textContent = "";
    $("save-name").value = title.slice(0, 200);
    all = ids;
    paint();
  }
  function drop() { chosen = null; all = []; $("results").hidden = true; $("search").value = ""; paint(); }
  $("drop").onclick = () => { drop(); $("view").focus({ preventScroll: true }); };
  $("play-all").onclick = () => page.playAll(all);
  $("save").addEventListener("submit", async event => {
    event.preventDefault();
    const button = $("save").querySelector("button");
    button.disabled = true;
    try {
      const { written } = await page.ask("map/save", "POST", { name: $("save-name").value, tracks: all.map(i => data.id[i]) });
      $("kept").textContent = `Saved to ${written.join(", ")}.`;
    } catch (error) { $("kept").textContent = error.message; }
    button.disabled = false;
  });
  const byPlays = (a, b) => (data.plays[b] || 0) - (data.plays[a] || 0) || a - b;

  // ---- drawn around
  function lasso(on) {
    view.drawing = on;
    $("lasso").setAttribute("aria-pressed", String(on));
    $("view").classList.toggle("drawing", on);
    if (!on) marks();
  }
  $("lasso").onclick = () => lasso(!view.drawing);
  view.onLine = (line, ended) => {
    $("line").setAttribute("points", line.map(point => point.map(Math.round).join()).join(" "));
    if (!ended) return;
    const ids = view.inside(line).sort(byPlays);
    lasso(false);
    if (ids.length) list("My selection", ids); else drop();
  };
  $("seen").onclick = () => {
    const { clientWidth: w, clientHeight: h } = $("view"), ids = view.inside([[0, 0], [w, 0], [w, h], [0, h]]).sort(byPlays);
    if (ids.length) list("My selection", ids); else drop();
  };

  // ---- search
  let texts = null, waiting = 0;
  function search() {
    const wanted = $("search").value.trim(), found = globalThis.cfSearch.find(() => { texts ??= globalThis.cfSearch.texts(data); return texts; }, wanted);
    if (found) list(`Search: ${wanted}`, found.sort(byPlays)); else drop();
  }
  $("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, 160); });
  $("search").addEventListener("keydown", event => {
    if (event.key === "Escape") drop();
    if (event.key === "Enter") { clearTimeout(waiting); search(); if (chosen?.ids.length) show(chosen.ids[0]); }
  });
  document.addEventListener("keydown", event => { if (event.key === "Escape") { stopPath(); if (view.drawing) lasso(false); } });

  const recolour = () => colourBy($("with")?.value || $("colour").value);
  $("colour").addEventListener("change", () => { if ($("with")) $("with").value = ""; recolour(); });
  $("with")?.addEventListener("change", recolour);
  $("show").addEventListener("change", paint);
  dark.addEventListener("change", () => colourBy(key));
  $("in").onclick = () => view.zoom(1.6); $("out").onclick = () => view.zoom(1 / 1.6); $("all").onclick = () => view.whole();
  colourBy("plays");
  view.render();
  function playing(i) { sounding = i < n ? i : -1; marks(); }

  // ---- what a link holds, and what a picture is made of
  const state = () => ({
    x: frame.look.x, y: frame.look.y, zoom: frame.zoom, colour: $("colour").value, with: others.find(one => one.key === key)?.name,
    show: $("show").value, search: $("search").value.trim(), dot: selected >= 0 ? data.id[selected] : "",
  });
  function restore({ x, y, zoom, dot, ...state }) {
    for (const name of ["colour", "show"]) if ([...$(name).options].some(option => option.value === state[name])) $(name).value = state[name];
    if ($("with")) $("with").value = others.find(one => one.name === state.with)?.key ?? "";
    recolour();
    $("search").value = state.search;
    search();
    $("search").value = state.search;             // a list takes what was typed away
    select(data.id.indexOf(Number(dot || -1)));
    tip(selected);
    view.to(x, y, zoom);
    $("map").scrollIntoView({ block: "start" });
  }
  const nameOf = select => select.selectedOptions[0].textContent;
  const scene = () => {
    const style = getComputedStyle(document.documentElement), [ink, soft, mark] = ["--ink", "--soft", "--mark"].map(name => style.getPropertyValue(name).trim());
    return {
      ...frame, ...painted, ink, soft, mark, palette: palette(), heading: key.startsWith("with") ? "who plays it" : nameOf($("colour")),
      groups: keys(), line: chosen?.line && chosen.ids.map(view.onScreen),
      names: globalThis.cfNames.place(data.regions, frame.look, frame.size, frame.zoom, measure).map(box => ({ ...data.regions[box.at], ...box })),
    };
  };
  return { show, select, list, playing, state, restore, scene, tracks: () => all.map(i => data.id[i]) };
};
