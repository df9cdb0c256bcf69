"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const data = JSON.parse($("data").textContent), n = data.x.length;
  const served = document.documentElement.dataset.served === "yes";
  const gone = new Set(data.gone);
  const titleOf = i => data.title[i] || "Untitled", artistOf = i => data.artists[data.artist[i]] || "Unknown artist";

  // ---- rows of tracks
  function row(i) {
    const item = document.createElement("li"), button = document.createElement("button"), find = document.createElement("button");
    item.className = "track";
    Object.assign(button, { className: "play", type: "button", disabled: gone.has(i) });
    button.setAttribute("aria-label", `Play ${titleOf(i)} by ${artistOf(i)}`);
    Object.assign(find, { className: "find", type: "button", disabled: i >= n, title: i < n ? "Show on the map" : "Not on the map" });
    const [title, artist] = [["title", titleOf(i)], ["artist", artistOf(i)]].map(([className, textContent]) =>
      Object.assign(document.createElement("bdi"), { className, textContent }));   // names may run from right to left
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
    map.select(i);
    audio.play().catch(() => {});
  }
  audio.addEventListener("error", () => { if (audio.getAttribute("src")) $("now-artist").textContent = "This browser cannot play the file."; });
  audio.addEventListener("ended", () => {
    const next = document.querySelector(".track.playing")?.nextElementSibling?.querySelector(".play:not(:disabled)");
    if (next) next.click(); else mark(null);
  });
  $("close").onclick = () => { audio.pause(); audio.removeAttribute("src"); $("player").hidden = true; mark(null); playing = null; };
  document.addEventListener("click", event => {
    const button = event.target.closest("button[data-i]");
    if (!button) return;
    const i = Number(button.dataset.i), item = button.closest(".track");
    if (button.classList.contains("find")) map.show(i);
    else if (item.classList.contains("playing") && playing === i) { if (audio.paused) audio.play(); else audio.pause(); }
    else play(i, Number(button.dataset.at), item);
  });

  // ---- playlists
  const at = new Map(data.id.map((id, i) => [id, i]));
  // A track that the map has no room for comes after the others: it is listed and plays, and is nowhere to be seen.
  function add(id, [title, artist]) {
    if (at.has(id)) return;
    at.set(id, data.id.length);
    data.id.push(id); data.title.push(title);
    data.artist.push(data.artists.length); data.artists.push(artist);
  }
  async function ask(where, method = "GET", content = undefined) {
    const sent = content && { body: JSON.stringify(content), headers: { "Content-Type": "application/json" } };
    const answer = await fetch(where, { method, ...sent });
    const received = await answer.json();
    if (!answer.ok) throw new Error(received.error || answer.statusText);
    return received;
  }
  makeLists($("lists"), data.lists, { served, ask, add, at, row });

  const rowsOf = (ids, more) => { Object.entries(more).forEach(([id, text]) => { add(Number(id), text); }); return ids.filter(id => at.has(id)).map(id => at.get(id)); };
  const map = makeMap(data, { served, gone, titleOf, artistOf, row, ask, rowsOf, play: i => play(i, 0) });
  document.documentElement.dataset.ready = "yes";
})();
