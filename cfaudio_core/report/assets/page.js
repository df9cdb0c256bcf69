"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const data = JSON.parse($("data").textContent), n = data.x.length;
  const served = document.documentElement.dataset.served === "yes";
  const at = new Map(data.id.map((id, i) => [id, i]));
  async function ask(where, method = "GET", content = undefined) {
    const sent = content && { body: JSON.stringify(content), headers: { "Content-Type": "application/json" } };
    const answer = await fetch(where, { method, ...sent }).catch(() => { throw new Error(globalThis.STOPPED); });
    const received = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(received.error || answer.statusText);
    return received;
  }
  // A track that the map has no room for comes after the others: it is listed and plays, and is nowhere to be seen.
  function add(id, [title, artist]) {
    if (at.has(id)) return;
    at.set(id, data.id.length);
    data.id.push(id); data.title.push(title);
    data.artist.push(data.artists.length); data.artists.push(artist);
  }
  const page = {
    served, ask, add, at, gone: new Set(data.gone), onMap: i => i < n,
    titleOf: i => data.title[i] || "Untitled", artistOf: i => data.artists[data.artist[i]] || "Unknown artist",
    say: text => { $("note").textContent = text; },
    rowsOf: (ids, more) => { Object.entries(more).forEach(([id, text]) => { add(Number(id), text); }); return ids.filter(id => at.has(id)).map(id => at.get(id)); },
    playAll: (tracks, first = tracks[0]) => page.player.play(tracks.map(i => ({ i })), tracks.indexOf(first)),
    onRows: () => page.player?.onRows(), onPlay: i => page.map.playing(i),
  };
  page.feedback = globalThis.makeFeedback(data, page);
  page.rows = globalThis.makeRows(page);
  document.querySelectorAll("[data-rows]").forEach(list => { page.rows.fill(list, data.rows[list.dataset.rows]); });
  page.player = globalThis.makePlayer(data, page);
  document.addEventListener("click", event => {
    const button = event.target.closest("button[data-i]");
    if (button?.classList.contains("find")) page.map.show(Number(button.dataset.i));
    else if (button) page.player.press(button, event.detail);
    let list = event.target.closest(".play-list")?.closest(".end");
    while (list && !list.matches(".tracks, .listen")) list = list.nextElementSibling;
    list?.querySelector(".play:not(:disabled)")?.click();
  });
  if (matchMedia("(min-width: 75rem)").matches) document.querySelectorAll(".wide-open").forEach(fold => { fold.open = true; });
  makeLists($("lists"), data.lists, page);
  page.map = globalThis.makeMap(data, page);
  makeExport(data, page.map, page);
  makeRiver(data.river, (title, ids) => { page.map.list(title, ids); $("map").scrollIntoView({ block: "start" }); });
  document.documentElement.dataset.ready = "yes";
})();
