// The player: what plays, from which moment, what comes next, and what to do where it cannot.
"use strict";
globalThis.STOPPED = "The server of this page has stopped: run “beet cfreport --serve” again.";
globalThis.makePlayer = (data, page) => {
  const $ = id => document.getElementById(id), audio = $("audio"), session = navigator.mediaSession, { clock } = globalThis.cfText;
  const { served, gone, titleOf, artistOf, say } = page, says = $("now-says");
  const queue = globalThis.makeQueue(i => !gone.has(i)), tabs = served && new BroadcastChannel("cfaudio");
  let entry = null;                               // of the queue: what plays, or would
  const on = () => Boolean(entry) && !audio.paused && !audio.ended && !audio.error;
  const from = () => entry.at || 0, length = () => Number.isFinite(audio.duration) ? audio.duration : 0;

  function play(entries, first = 0) { if (served) start(queue.set(entries, first)); }
  function start(next) {
    if (!next) return;
    entry = next;
    const { i } = entry, id = data.id[i], cover = $("now-cover");
    say("");
    $("player").hidden = false;
    $("now-title").textContent = titleOf(i);
    $("now-artist").textContent = artistOf(i);
    $("now-track").dataset.i = i;
    $("now-track").disabled = !page.onMap(i);
    page.feedback.turn(says, i);
    cover.hidden = true;
    cover.src = `cover/${id}`;
    describe([]);
    page.onPlay(i);
    audio.src = `audio/${id}${from() ? `#t=${from()}` : ""}`;   // the address holds the moment: no other click's can be taken
    audio.play().catch(show);
    show();
  }
  function toggle() {
    if (on()) audio.pause();
    else if (entry && (audio.ended || audio.error)) start(entry);
    else if (entry) audio.play().catch(show);
  }
  const next = () => start(queue.step(1));
  function previous() {
    const before = audio.currentTime > from() + 3 ? null : queue.step(-1);
    if (before) start(before); else seek(from());
  }
  function seek(to) { if (entry) audio.currentTime = Math.max(0, Math.min(to, length())); }
  function close() {
    entry = null;
    audio.removeAttribute("src");
    audio.load();
    $("player").hidden = true;
    if (session) { session.metadata = null; session.playbackState = "none"; }
    page.onPlay(-1);
    show();
  }
  // A server that is no more, a file that is no more, and one that this browser cannot play are different things.
  async function fail() {
    if (!entry || !audio.error) return;
    const failed = entry, name = `“${globalThis.cfText.short(titleOf(entry.i), 80)}”`;
    show();
    const answer = await fetch(`audio/${data.id[failed.i]}`, { method: "HEAD" }).catch(() => null);
    if (entry !== failed) return;
    if (!answer) { say(globalThis.STOPPED); return; }
    const problem = answer.ok ? `This browser cannot play ${name}.` : `The file of ${name} is gone.`;
    if (!answer.ok) gone.add(failed.i);
    next();
    say(entry === failed ? problem : `${problem} It was skipped.`);
    show();
  }

  // ---- what one sees of it
  const plays = ({ dataset }) => Boolean(entry) && Number(dataset.i) === entry.i && Number(dataset.at) === from();
  function show() {
    const now = on(), does = now ? "Pause" : "Play";
    document.documentElement.dataset.playing = now ? "yes" : "no";
    $("toggle").setAttribute("aria-label", does);
    document.querySelectorAll(".track .play").forEach(button => {
      const mine = plays(button);
      button.closest(".track").classList.toggle("playing", mine);
      button.setAttribute("aria-label", `${mine ? does : "Play"} ${button.dataset.name}`);
      if (gone.has(Number(button.dataset.i))) Object.assign(button, { disabled: true, title: "The file is gone" });
    });
    if (!entry) return;
    $("place").textContent = queue.size > 1 ? `${queue.place} of ${queue.size}` : "";
    const after = queue.peek(1);
    $("next").disabled = !after;
    $("next").title = after ? `Next: ${titleOf(after.i)}` : "This is the last one";
    if (session) session.playbackState = now ? "playing" : "paused";
    moved();
  }
  function moved() {
    const [now, end] = [Math.min(audio.currentTime, length()), length()];
    Object.assign($("seek"), { max: end, value: now, disabled: !end });
    $("seek").setAttribute("aria-valuetext", `${clock(now)} of ${clock(end)}`);
    $("position").textContent = clock(now);
    $("length").textContent = clock(end);
  }
  function describe(artwork) {
    const album = data.albums[data.album[entry.i]] || "";
    if (session) session.metadata = new MediaMetadata({ title: titleOf(entry.i), artist: artistOf(entry.i), album, artwork });
  }
  function tell() { if (entry && length() && session?.setPositionState) session.setPositionState({ duration: length(), position: Math.min(audio.currentTime, length()), playbackRate: audio.playbackRate }); }
  $("now-cover").addEventListener("load", () => { if (entry) { $("now-cover").hidden = false; describe([{ src: $("now-cover").src }]); } });

  // ---- by the player's buttons, a row, keys of the page, and keys of the machine
  for (const name of ["play", "playing", "pause", "emptied"]) audio.addEventListener(name, show);
  for (const name of ["timeupdate", "durationchange", "seeked"]) audio.addEventListener(name, moved);
  for (const name of ["durationchange", "seeked", "play"]) audio.addEventListener(name, tell);
  audio.addEventListener("ended", () => { next(); show(); });
  audio.addEventListener("error", fail);
  if (tabs) {
    audio.addEventListener("play", () => { tabs.postMessage("play"); });
    tabs.onmessage = () => { audio.pause(); };    // another tab plays now
  }
  says.append(...page.feedback.buttons(0).children);
  $("toggle").onclick = toggle; $("next").onclick = next; $("previous").onclick = previous; $("close").onclick = close;
  $("seek").addEventListener("input", () => { seek(Number($("seek").value)); });
  let started = false;                            // by the first of several clicks in a row: the others do not pause it
  function press(button, clicks) {
    const mine = plays(button);
    if (clicks > 1 && mine && started) return;
    started = !mine;
    if (mine) toggle(); else play(...page.rows.queueOf(button));
  }
  const KEYS = { k: toggle, " ": toggle, n: next, p: previous, ArrowLeft: () => seek(audio.currentTime - 5), ArrowRight: () => seek(audio.currentTime + 5) };
  document.addEventListener("keydown", event => {
    const act = KEYS[event.key.length > 1 ? event.key : event.key.toLowerCase()], at = event.target;
    if (!entry || !act || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (at.closest("#view, select, textarea, input:not([type=range], [type=checkbox], [type=radio])")) return;
    if (event.key === " " ? at.closest("button, a, summary, input") : event.key.length > 1 && at.closest("input, .tracks")) return;
    event.preventDefault();
    act();
  });
  const acts = { play: () => { if (!on()) toggle(); }, pause: () => audio.pause(), previoustrack: previous, nexttrack: next, stop: close, seekto: ({ seekTime }) => seek(seekTime), seekbackward: ({ seekOffset }) => seek(audio.currentTime - (seekOffset || 10)), seekforward: ({ seekOffset }) => seek(audio.currentTime + (seekOffset || 10)) };
  if (session) for (const [name, act] of Object.entries(acts)) try { session.setActionHandler(name, act); } catch { /* this browser has no such key */ }
  return { play, press, onRows: () => { if (entry) show(); } };
};
