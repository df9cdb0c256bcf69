// What can be taken away: the map as a picture or a drawing, a link to a view, and lists as files.
"use strict";
globalThis.cfExport = (() => {
  const MOST = 20000, FONT = "system-ui, sans-serif", TEXTS = ["colour", "with", "show", "search", "dot"];
  const finite = (text, low, high) => { const value = Number(text); return text && Number.isFinite(value) ? Math.max(low, Math.min(high, value)) : null; };

  // ---- the view as the end of an address, and back; null for one that is of no view
  function encode(state) {
    const words = new URLSearchParams({ at: [state.x, state.y, state.zoom].map(v => Number(v.toPrecision(6))).join() });
    for (const key of TEXTS) if (state[key]) words.set(key, String(state[key]).slice(0, 200));
    return `#${words.toString().replaceAll("%2C", ",")}`;
  }
  function decode(hash) {
    if (!hash.startsWith("#at=")) return null;
    const words = new URLSearchParams(hash.slice(1)), [x, y, zoom] = words.get("at").split(",");
    const state = { x: finite(x, -1e6, 1e6), y: finite(y, -1e6, 1e6), zoom: finite(zoom, 1e-3, 1e3) };
    if (Object.values(state).includes(null)) return null;
    for (const key of TEXTS) state[key] = (words.get(key) || "").slice(0, 200);
    return state;
  }

  // ---- a plan of the picture: shapes with places, which a canvas and SVG both draw
  const short = (text, most = 40) => { const signs = [...text]; return signs.length > most ? `${signs.slice(0, most - 1).join("")}…` : text; };
  const css = packed => `#${[0, 8, 16].map(at => (packed >> at & 255).toString(16).padStart(2, "0")).join("")}`;
  // scene: as the map gives it; xs, ys: places of all dots; measure(text, font): its width; `most` dots
  function plan(scene, xs, ys, measure, most = Infinity) {
    const { look, size: [width, height], dot, order, colours, sizes, ink, soft, palette, line } = scene, dots = [];
    for (const i of order) {
      const x = width / 2 + (xs[i] - look.x) * look.scale, y = height / 2 - (ys[i] - look.y) * look.scale, r = Math.max(dot * sizes[i] / 16, 1) / 2;
      if (x > -r && y > -r && x < width + r && y < height + r) dots.push({ x, y, r, fill: css(colours[i]) });
    }
    const inView = dots.length, step = Math.max(1, inView / most);
    const kept = step > 1 ? Array.from({ length: most }, (_, k) => dots[Math.floor(k * step)]) : dots;
    const texts = scene.names.map(name => ({
      x: name.left + name.width / 2, y: name.top + name.height / 2 + name.font * 0.35, font: name.font, anchor: "middle", fill: ink, halo: true,
      weight: name.kind === "artist" ? 500 : 600, italic: name.kind === "artist", text: name.name,
    }));
    const marks = [], room = 14;
    let x = room, y = height + 26;
    const put = (text, fill, colour = "") => {
      const wide = measure(text, 14) + (colour ? 16 : 0);
      if (x > room && x + wide > width - room) { x = room; y += 24; }
      if (colour) marks.push({ x: x + 5, y: y - 5, r: 5, fill: colour });
      texts.push({ x: x + (colour ? 16 : 0), y, font: 14, anchor: "start", fill, weight: 400, text });
      x += wide + 18;
    };
    put(scene.heading, soft);
    for (const group of scene.groups) put(`\u2068${short(group.name)}\u2069 (${group.count.toLocaleString("en")})`, ink, group.colour);   // a name may run from right to left
    return { width, height, whole: y + 16, ground: palette.ground, dots: kept, inView, marks, texts, line: line && { points: line, stroke: scene.mark } };
  }
  function draw(context, { width, height, whole, ground, dots, marks, texts, line }) {
    const disc = ({ x, y, r, fill }) => { context.fillStyle = fill; context.beginPath(); context.arc(x, y, r, 0, 7); context.fill(); };
    context.fillStyle = ground; context.fillRect(0, 0, width, whole);
    context.save(); context.beginPath(); context.rect(0, 0, width, height); context.clip();
    dots.forEach(disc);
    context.lineJoin = "round";
    if (line) { context.strokeStyle = line.stroke; context.lineWidth = 2; context.beginPath(); line.points.forEach(point => { context.lineTo(...point); }); context.stroke(); }
    context.restore();
    marks.forEach(disc);
    for (const { x, y, font, weight, italic, anchor, fill, halo, text } of texts) {
      context.font = `${italic ? "italic " : ""}${weight} ${font}px ${FONT}`;
      context.textAlign = anchor === "middle" ? "center" : "left";
      if (halo) { context.strokeStyle = ground; context.lineWidth = 4; context.strokeText(text, x, y); }
      context.fillStyle = fill; context.fillText(text, x, y);
    }
  }
  const xml = text => text.replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "").replace(/[&<>"]/g, sign => `&#${sign.codePointAt(0)};`);
  function svg({ width, height, whole, ground, dots, inView, marks, texts, line }, title) {
    const place = v => Number(v.toFixed(1)), disc = ({ x, y, r, fill }) => `<circle cx="${place(x)}" cy="${place(y)}" r="${place(r)}" fill="${fill}"/>`;
    const written = texts.map(({ x, y, font, weight, italic, anchor, fill, halo, text }) =>
      `<text x="${place(x)}" y="${place(y)}" font-size="${font}" font-weight="${weight}"${italic ? ' font-style="italic"' : ""} text-anchor="${anchor}" fill="${fill}"${halo ? ` stroke="${ground}" stroke-width="4" stroke-linejoin="round" paint-order="stroke"` : ""}>${xml(text)}</text>`);
    const about = dots.length < inView ? `<desc>${dots.length} of the ${inView} dots in view.</desc>` : "";
    const path = line ? `<polyline points="${line.points.map(point => point.map(place).join()).join(" ")}" fill="none" stroke="${line.stroke}" stroke-width="2" stroke-linejoin="round"/>` : "";
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${place(width)} ${place(whole)}" width="${place(width)}" height="${place(whole)}" font-family="${FONT}"><title>${xml(title)}</title>${about}<clipPath id="map"><rect width="${place(width)}" height="${place(height)}"/></clipPath>` +
      `<rect width="100%" height="100%" fill="${ground}"/><g clip-path="url(#map)">${dots.map(disc).join("")}${path}</g>${marks.map(disc).join("")}${written.join("")}</svg>`;
  }
  return { MOST, encode, decode, plan, draw, svg };
})();

// A button that downloads a list, by the ids of its tracks at that time; only the server knows the files.
globalThis.m3uButton = (name, tracks, say = () => {}) => {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "act", textContent: "m3u", title: "Download as a list of files" });
  button.setAttribute("aria-label", "Download as m3u");
  button.onclick = async () => {
    try {
      const called = typeof name === "string" ? name : name();
      const sent = { name: called, tracks: typeof tracks === "function" ? tracks() : tracks };
      const answer = await fetch("map/m3u", { method: "POST", body: JSON.stringify(sent), headers: { "Content-Type": "application/json" } })
        .catch(() => { throw new Error(globalThis.STOPPED); });
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || answer.statusText);
      globalThis.download(await answer.blob(), `${called.replace(/[/\\:*?"<>|]/g, "-").slice(0, 100)}.m3u`);
    } catch (error) { button.title = error.message; say(error.message); }
  };
  return button;
};
globalThis.download = (blob, name) => {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
};

globalThis.makeExport = (data, map, { served }) => {
  const $ = id => document.getElementById(id), { MOST, encode, decode, plan, draw, svg } = globalThis.cfExport;
  const say = text => { $("shared").textContent = text; }, pen = document.createElement("canvas").getContext("2d");
  const measure = (text, font) => { pen.font = `${font}px system-ui, sans-serif`; return pen.measureText(text).width; };
  $("png").onclick = () => {
    const made = plan(map.scene(), data.x, data.y, measure), canvas = document.createElement("canvas");
    Object.assign(canvas, { width: Math.round(2 * made.width), height: Math.round(2 * made.whole) });
    const context = canvas.getContext("2d");
    context.scale(2, 2);
    draw(context, made);
    canvas.toBlob(blob => { if (!blob) { say("This browser cannot make so large a picture."); return; } globalThis.download(blob, "map.png"); say(`Made map.png, ${canvas.width} × ${canvas.height}.`); }, "image/png");
  };
  $("svg").onclick = () => {
    const made = plan(map.scene(), data.x, data.y, measure, MOST), part = made.dots.length < made.inView;
    globalThis.download(new Blob([svg(made, document.title)], { type: "image/svg+xml" }), "map.svg");
    say(`Made map.svg${part ? `: ${made.dots.length.toLocaleString("en")} of the ${made.inView.toLocaleString("en")} dots in view, an even draw` : ""}.`);
  };
  // A served address holds the secret, so that only its end is handed out: it fits behind the address of a saved page.
  $("copy").onclick = async () => {
    const hash = encode(map.state()), text = served ? hash : location.href.split("#")[0] + hash;
    history.replaceState(null, "", hash);
    $("link").hidden = false;
    $("link").value = text;
    $("link").select();
    try { await navigator.clipboard.writeText(text); } catch { document.execCommand("copy"); }
    say(served ? "Copied the end of the address: put it behind the address of this page, or of a saved one. What stands before it is secret." : "Copied: the address of this file, and the view.");
  };
  $("keep").append(globalThis.m3uButton(() => $("save-name").value.trim() || "My selection", () => map.tracks(), text => { $("kept").textContent = text; }));
  const restore = () => { const state = decode(location.hash); if (state) map.restore(state); };
  addEventListener("hashchange", restore);
  restore();
};
