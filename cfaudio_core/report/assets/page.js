"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const data = JSON.parse($("data").textContent), n = data.x.length;
  const served = document.documentElement.dataset.served === "yes";
  const gone = new Set(data.gone);
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const titleOf = i => data.title[i] || "Untitled", artistOf = i => data.artists[data.artist[i]] || "Unknown artist";

  // ---- colours: numbers along a ramp, categories from a palette that most colour-blind people tell apart
  const RAMP = { light: ["#eab54a", "#e58338", "#cf4b4f", "#96296c", "#43145c"], dark: ["#6a58b8", "#a85aa8", "#dd6a7c", "#f39a5c", "#fbe08f"] };
  const KINDS = { light: ["#2f6f9f", "#c2571a", "#3f8f4f", "#b23a5e", "#7a5aa6", "#8a6a2f", "#2f9089", "#d08a00", "#6b7f1e", "#a3579b"],
                  dark: ["#6cb2e8", "#f0935b", "#7fcf8c", "#ef7f9d", "#b79be6", "#d3b071", "#62cfc6", "#f2c14e", "#b4c95b", "#df9bd6"] };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => dark.matches ? "dark" : "light";
  const STEPS = 24;                                // of a ramp: one trace for each colour, which is much quicker than a colour for each dot
  function between(ramp, share) {
    const place = share * (ramp.length - 1), k = Math.min(ramp.length - 2, Math.floor(place)), part = place - k;
    const channel = (colour, at) => parseInt(colour.slice(at, at + 2), 16);
    return `rgb(${[1, 3, 5].map(at => Math.round(channel(ramp[k], at) * (1 - part) + channel(ramp[k + 1], at) * part)).join(",")})`;
  }
  const day = value => { const year = Math.floor(value), month = Math.min(11, Math.floor((value - year) * 12)); return `${year}-${String(month + 1).padStart(2, "0")}`; };
  const numeric = {
    plays: { of: data.plays, bend: v => v > 0 ? Math.log1p(v) : null, text: v => `${Math.round(v)} ${Math.round(v) === 1 ? "play" : "plays"}`, none: "never played" },
    score: { of: data.score, bend: v => v, text: v => `score ${v}`, none: "no score" },
    added: { of: data.added, bend: v => v, text: day, none: "unknown" },
    year: { of: data.year, bend: v => v || null, text: v => String(v), none: "unknown" },
  };
  const kinds = { genre: { of: data.genre, names: data.genres, none: "no genre" }, tag: { of: data.tag, names: data.tags, none: "nothing stands out" } };

  // For each dot the number of its colour, among colours the first of which is for what is unknown and lies behind all.
  function colouring(key) {
    const never = css("--never"), kind = new Uint8Array(n);
    if (numeric[key]) {
      const { of, bend, text, none } = numeric[key], bent = of.map(v => v === null ? null : bend(v));
      let low = Infinity, high = -Infinity, missing = 0;
      bent.forEach(v => { if (v === null) missing++; else { low = Math.min(low, v); high = Math.max(high, v); } });
      const span = high > low ? high - low : 1;
      bent.forEach((v, i) => { kind[i] = v === null ? 0 : 1 + Math.round((STEPS - 1) * (v - low) / span); });
      const ramp = RAMP[theme()];
      const colours = [never, ...Array.from({ length: STEPS }, (_, k) => between(ramp, k / (STEPS - 1)))];
      const known = of.filter((_, i) => bent[i] !== null);
      const ends = known.length ? [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))].map(text) : [];
      return { kind, colours, legend: legend => {
        if (ends.length) {
          legend.append(word(ends[0]));
          const bar = document.createElement("span");
          bar.className = "ramp"; bar.style.background = `linear-gradient(to right, ${ramp.join(",")})`;
          legend.append(bar, word(ends[1]));
        }
        if (missing) legend.append(dot(never, `${none} (${missing.toLocaleString("en")})`));
      } };
    }
    const { of, names, none } = kinds[key], palette = KINDS[theme()], count = names.map(() => 0);
    of.forEach(k => { count[k]++; });
    const shown = names.map((_, k) => k).filter(k => names[k]).sort((a, b) => count[b] - count[a]).slice(0, palette.length);
    const place = names.map((_, k) => shown.indexOf(k));
    of.forEach((k, i) => { kind[i] = 1 + place[k]; });
    const others = of.reduce((sum, k) => sum + (place[k] < 0 && names[k] ? 1 : 0), 0), missing = n - others - shown.reduce((s, k) => s + count[k], 0);
    return { kind, colours: [never, ...palette], legend: legend => {
      shown.forEach((k, at) => { legend.append(dot(palette[at], `${names[k]} (${count[k].toLocaleString("en")})`)); });
      if (others) legend.append(dot(never, `others (${others.toLocaleString("en")})`));
      if (missing) legend.append(dot(never, `${none} (${missing.toLocaleString("en")})`));
    } };
  }
  function word(text) { const span = document.createElement("span"); span.textContent = text; return span; }
  function dot(colour, text) {
    const whole = document.createElement("span"), mark = document.createElement("span");
    mark.className = "dot"; mark.style.background = colour;
    whole.append(mark, text);
    return whole;
  }

  // ---- the map
  let paint = null, found = [], selected = -1;
  // In few steps, since another size makes plotly go through all the dots.
  const sizeOf = zoom => {
    const grown = 1.5 ** Math.round(Math.log(Math.max(zoom, 0.5) ** 0.28) / Math.log(1.5));
    return Math.min(14, (n > 40000 ? 2.6 : n > 8000 ? 4 : n > 1500 ? 6 : 8) * grown);
  };
  const opacity = () => found.length ? 0.22 : 0.8;
  const dots = (members, marker) => ({
    type: "scattergl", mode: "markers", hoverinfo: "skip", x: Float32Array.from(members, i => data.x[i]), y: Float32Array.from(members, i => data.y[i]),
    marker: { line: { width: 0 }, ...marker },
  });
  const hits = size => dots(found, { size: Math.max(7, size * 1.4), color: css("--mark"), opacity: 0.95 });
  function traces(size) {
    const members = paint.colours.map(() => []);
    paint.kind.forEach((k, i) => { members[k].push(i); });
    return [...members.map((some, k) => dots(some, { size, color: paint.colours[k], opacity: opacity() })), hits(size)];
  }
  let stale = true, before = {};
  async function draw(frame) {
    const size = sizeOf(frame.zoom), plot = $("plot");
    const now = { size, width: frame.width, height: frame.height }, same = key => before[key] === now[key];
    if (stale || !same("width") || !same("height")) {
      await Plotly.react(plot, traces(size), {
        width: frame.width, height: frame.height, margin: { l: 0, r: 0, t: 0, b: 0 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        showlegend: false, xaxis: { visible: false, range: frame.x }, yaxis: { visible: false, range: frame.y },
      }, { staticPlot: true });
    } else {
      await Plotly.relayout(plot, { "xaxis.range": frame.x, "yaxis.range": frame.y });
      if (!same("size")) await Plotly.restyle(plot, { "marker.size": [...paint.colours.map(() => size), Math.max(7, size * 1.4)] });
    }
    stale = false; before = now;
    $("wait").hidden = true;
  }
  const view = makeView($("view"), $("plot"), data, draw);
  function colourBy(key) {
    paint = colouring(key);
    $("legend").replaceChildren();
    paint.legend($("legend"));
    stale = true;
    return view.render();
  }
  $("colour").addEventListener("change", () => colourBy($("colour").value));
  dark.addEventListener("change", () => colourBy($("colour").value));
  $("in").onclick = () => view.zoom(1.6); $("out").onclick = () => view.zoom(1 / 1.6); $("all").onclick = () => view.whole();

  // ---- hover and choice
  function facts(i) {
    const parts = [data.plays[i] ? numeric.plays.text(data.plays[i]) : "never played"];
    if (data.score[i] !== null) parts.push(`score ${Math.round(data.score[i])}`);
    const genre = data.genres[data.genre[i]], tag = data.tags[data.tag[i]];
    if (genre) parts.push(genre); if (tag && tag !== genre) parts.push(tag);
    return parts.join(" · ");
  }
  function tip(i) {
    $("tip").hidden = i < 0;
    if (i < 0) return;
    const [x, y] = view.onScreen(i), title = document.createElement("b");
    title.textContent = titleOf(i);
    const artist = word(artistOf(i)), about = word(facts(i) + (gone.has(i) ? " · the file is gone" : ""));
    $("tip").replaceChildren(title, artist, about);
    const width = $("view").clientWidth, box = $("tip");
    box.style.left = `${Math.max(4, Math.min(x + 14, width - box.offsetWidth - 4))}px`;
    box.style.top = `${y + 18 + box.offsetHeight > $("view").clientHeight ? y - box.offsetHeight - 12 : y + 14}px`;
  }
  function ring() {
    $("ring").hidden = selected < 0;
    if (selected < 0) return;
    const [x, y] = view.onScreen(selected);
    $("ring").style.transform = `translate(${x}px, ${y}px)`;
  }
  function select(i) { selected = i < n ? i : -1; ring(); }
  view.moved.push(ring);
  let hovered = -1;
  view.onHover = i => { if (i === hovered && i < 0) return; hovered = i; $("view").classList.toggle("over", i >= 0); tip(i); };
  view.onPick = i => { if (i < 0) return; select(i); tip(i); if (served) play(i, 0); };
  function show(i) {
    select(i); view.goTo(i); tip(i);
    $("map").scrollIntoView({ block: "start" });
  }
  view.moved.push(() => { if (hovered < 0 && !$("tip").hidden && selected >= 0) tip(selected); });

  // ---- search
  let texts = null, waiting = 0;
  const plain = text => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  function search() {
    const words = plain($("search").value).split(/\s+/).filter(Boolean);
    if (!texts) { const artists = data.artists.map(plain); texts = data.title.map((title, i) => `${plain(title)}\n${artists[data.artist[i]]}`); }
    found = [];
    if (words.length) for (let i = 0; i < n; i++) if (words.every(w => texts[i].includes(w))) found.push(i);
    found.sort((a, b) => (data.plays[b] || 0) - (data.plays[a] || 0));
    $("results").hidden = !words.length;
    $("count").textContent = found.length === 1 ? "1 track" : `${found.length.toLocaleString("en")} tracks${found.length > 50 ? ", the 50 most played:" : ""}`;
    $("found").replaceChildren(...found.slice(0, 50).map(row));
    stale = true;
    view.render();
  }
  $("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, 160); });
  $("search").addEventListener("keydown", event => {
    if (event.key === "Escape") { $("search").value = ""; search(); }
    if (event.key === "Enter" && found.length) { clearTimeout(waiting); search(); show(found[0]); }
  });
  function row(i) {
    const item = document.createElement("li"), button = document.createElement("button"), find = document.createElement("button");
    item.className = "track";
    Object.assign(button, { className: "play", type: "button", disabled: gone.has(i) });
    button.setAttribute("aria-label", `Play ${titleOf(i)} by ${artistOf(i)}`);
    Object.assign(find, { className: "find", type: "button", disabled: i >= n, title: i < n ? "Show on the map" : "Not on the map" });
    const title = word(titleOf(i)), artist = word(artistOf(i));
    title.className = "title"; artist.className = "artist";
    find.append(title, artist);
    button.dataset.i = find.dataset.i = i; button.dataset.at = 0;
    item.append(button, find);
    if (served) item.append(...["like", "dislike", "ban"].map(kind => {
      const say = document.createElement("button");
      Object.assign(say, { className: "say", type: "button", textContent: kind });
      say.setAttribute("aria-pressed", "false");
      Object.assign(say.dataset, { say: kind, track: data.id[i] });
      return say;
    }));
    return item;
  }
  // ---- likes, dislikes and bans: pressed again, they are taken back
  document.addEventListener("click", async event => {
    const button = event.target.closest("button[data-say]");
    if (!button) return;
    const { say, track } = button.dataset;
    const kind = button.getAttribute("aria-pressed") === "true" ? "clear" : say;
    try {
      const { feedback } = await ask(`feedback/${track}/${kind}`, "POST");
      document.querySelectorAll(`button[data-track="${track}"]`).forEach(other => {
        other.setAttribute("aria-pressed", String(other.dataset.say === feedback));
      });
    } catch (error) { button.title = error.message; }
  });

  // ---- playing
  const audio = $("audio");
  let playing = null;                              // the row or dot that plays
  function mark(item) { document.querySelectorAll(".track.playing").forEach(old => { old.classList.remove("playing"); }); if (item) item.classList.add("playing"); }
  function play(i, from, item = null) {
    if (!served || gone.has(i)) return;
    mark(item);
    playing = i;
    $("player").hidden = false;
    $("now-title").textContent = titleOf(i);
    $("now-artist").textContent = artistOf(i);
    audio.src = `audio/${data.id[i]}`;
    audio.addEventListener("loadedmetadata", () => { if (from > 0) audio.currentTime = from; }, { once: true });
    select(i);
    audio.play().catch(() => {});
  }
  audio.addEventListener("error", () => { if (audio.getAttribute("src")) $("now-artist").textContent = "This browser cannot play the file."; });
  audio.addEventListener("ended", () => mark(null));
  $("close").onclick = () => { audio.pause(); audio.removeAttribute("src"); $("player").hidden = true; mark(null); playing = null; };
  document.addEventListener("click", event => {
    const button = event.target.closest("button[data-i]");
    if (!button) return;
    const i = Number(button.dataset.i), item = button.closest(".track");
    if (button.classList.contains("find")) show(i);
    else if (item.classList.contains("playing") && playing === i) { if (audio.paused) audio.play(); else audio.pause(); }
    else play(i, Number(button.dataset.at), item);
  });

  // ---- lists by mean, by peak, or the opposite
  document.querySelectorAll("input[name=list]").forEach(input => { input.addEventListener("change", () => { $("units").dataset.show = input.value; }); });

  // ---- playlists, from the server
  const at = new Map(data.id.map((id, i) => [id, i]));
  // A track that the map has no room for comes after the others: it is listed and plays, and is nowhere to be seen.
  function add(id, [title, artist]) {
    if (at.has(id)) return;
    at.set(id, data.id.length);
    data.id.push(id); data.title.push(title);
    data.artist.push(data.artists.length); data.artists.push(artist);
  }
  async function ask(where, method = "GET") {
    const answer = await fetch(where, { method });
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.error || answer.statusText);
    return content;
  }
  function listed(playlist, number) {
    const card = document.createElement("article"), head = document.createElement("header"), name = document.createElement("h3");
    const write = document.createElement("button"), body = document.createElement("div");
    card.className = "card playlist";
    name.textContent = playlist.name.split(/[$%]/)[0].trim() || playlist.name;   // what is before the blanks to fill in
    Object.assign(write, { className: "act", type: "button", textContent: "Draw again and write" });
    head.append(name, write);
    const fill = content => {
      body.replaceChildren();
      const paragraph = text => { const p = document.createElement("p"); p.className = "muted"; p.textContent = text; body.append(p); };
      if (content.error) paragraph(content.error);
      for (const list of content.lists) {
        if (list.name !== name.textContent) { const h = document.createElement("h4"); h.textContent = list.name; body.append(h); }
        paragraph(list.why || (list.tracks.length === 1 ? "1 track" : `${list.tracks.length} tracks`));
        const rows = document.createElement("ol");
        rows.className = "tracks tall";
        Object.entries(list.texts).forEach(([id, text]) => { add(Number(id), text); });
        rows.append(...list.tracks.filter(id => at.has(id)).map(id => row(at.get(id))));
        body.append(rows);
      }
    };
    fill(playlist);
    write.onclick = async () => {
      write.disabled = true; write.textContent = "Writing…";
      try { fill(await ask(`playlists/${number}`, "POST")); write.textContent = "Written; draw again"; }
      catch (error) { fill({ lists: [], error: error.message }); write.textContent = "Try again"; }
      write.disabled = false;
    };
    card.append(head, body);
    return card;
  }
  if (served) ask("playlists").then(({ playlists }) => {
    if (!playlists.length) return;
    const cards = document.createElement("div");
    cards.className = "cards";
    cards.append(...playlists.map(listed));
    $("lists").replaceChildren(cards);
  }).catch(error => { $("lists").textContent = error.message; });

  colourBy("plays").then(() => { document.documentElement.dataset.ready = "yes"; });
})();
