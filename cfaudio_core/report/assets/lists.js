"use strict";
// The playlists: cards of lists, from what is in the page, or, when it is served, from the server, which draws and saves.
// biome-ignore lint/correctness/noUnusedVariables: page.js calls it
function makeLists(place, lists, { served, ask, add, at, rows: { fill }, player }) {
  const element = (name, className, text) => {
    const one = document.createElement(name);
    if (className) one.className = className;
    if (text !== undefined) one.textContent = text;
    return one;
  };
  const short = name => name.split(/[$%]/)[0].trim() || name;   // what is before the blanks to fill in
  // A cover, or, where there is none, the number or first letter of the list on a colour of its own.
  function covers(list) {
    const box = element("div", "covers");
    const letter = () => {
      let hue = 0;
      for (const sign of list.name) hue = (hue * 137 + sign.codePointAt(0)) % 360;
      box.style.setProperty("--hue", hue);
      box.classList.add("letter");
      const number = list.name.match(/ (\d{1,2})(:|$)/);
      box.replaceChildren(element("span", "", number ? number[1] : [...short(list.name)][0] || "?"));
    };
    box.setAttribute("aria-hidden", "true");
    if (!served || !list.covers.length) letter();
    else for (const id of list.covers.length < 4 ? list.covers.slice(0, 1) : list.covers) {
      const picture = element("img");
      Object.assign(picture, { src: `cover/${id}`, alt: "", loading: "lazy" });
      picture.addEventListener("error", letter);
      box.append(picture);
    }
    return box;
  }
  function one(list, title) {
    const part = element("div", "list"), head = element("div", "head"), words = element("div");
    const rows = element("ol", "tracks tall"), known = list.tracks.filter(id => at.has(id));
    rows.setAttribute("aria-label", list.name);
    fill(rows, known.map(id => ({ i: at.get(id), plays: list.plays[id] || 0, why: list.reasons[id] })));
    const fresh = known.filter(id => !list.plays[id]).length, count = known.length === 1 ? "1 track" : `${known.length} tracks`;
    if (list.name !== title) words.append(element("h4", "", list.name));
    words.append(element("p", "muted", list.why || `${count}, ${fresh === known.length ? "all" : fresh || "none"} of them new`));
    if (served && known.length) {
      const play = element("button", "act", "Play");
      Object.assign(play, { type: "button" });
      play.setAttribute("aria-label", `Play ${list.name}`);
      play.onclick = () => player.play(rows.entries);
      words.append(play, globalThis.m3uButton(list.name, known));
    }
    head.append(covers(list), words);
    part.append(head);
    if (known.length) part.append(rows);
    return part;
  }
  function card(playlist, number) {
    const whole = element("article", "card playlist"), head = element("header"), body = element("div", "lists");
    const does = element("p", "acts"), status = element("p", "muted"), draw = element("button", "act", "Draw again"), save = element("button", "act", "Save");
    let seed = null;
    status.setAttribute("role", "status");
    head.append(element("h3", "", short(playlist.name)), element("p", "muted", playlist.about));
    const fill = content => {
      body.replaceChildren();
      whole.classList.toggle("many", content.lists.length > 1);
      for (const list of content.lists) Object.entries(list.texts).forEach(([id, text]) => { add(Number(id), text); });
      body.append(...content.lists.map(list => one(list, short(playlist.name))));
      status.textContent = content.error || "";
    };
    const asked = async (where, done) => {
      draw.disabled = save.disabled = true;
      status.textContent = "Wait…";
      try { const content = await ask(where, "POST"); fill(content); status.textContent = done; return content; }
      catch (error) { status.textContent = error.message; return {}; }
      finally { draw.disabled = save.disabled = false; }
    };
    draw.type = save.type = "button";
    draw.onclick = async () => { const drawn = await asked(`playlists/${number}/draw`, "Not saved yet."); if ("seed" in drawn) seed = drawn.seed; };
    save.onclick = () => asked(`playlists/${number}${seed === null ? "" : `?seed=${seed}`}`, "Saved.");
    if (served) { does.append(draw, save); head.append(does, status); } else head.append(status);
    whole.append(head, body);
    fill(playlist);
    return whole;
  }
  const show = all => {
    if (!all.length) return;
    const cards = element("div", "cards wide");
    cards.append(...all.map(card));
    place.replaceChildren(cards);
  };
  if (served) ask("playlists").then(({ playlists }) => show(playlists)).catch(error => { place.textContent = error.message; });
  else show(lists);
}
