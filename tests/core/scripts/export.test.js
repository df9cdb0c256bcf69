// Links to a view, and the map as shapes.
"use strict";
const test = require("node:test"), assert = require("node:assert");
require("../../../cfaudio_core/report/assets/export.js");
const { encode, decode, plan, svg, draw } = globalThis.cfExport;

test("a view goes into the address and comes back", () => {
  const state = { x: 5000, y: 123.456, zoom: 2.5, colour: "genre", with: "Anna & Bob", show: "never", search: "käse #1", dot: "42" };
  assert.deepEqual(decode(encode(state)), state);
  assert.ok(encode(state).startsWith("#at=5000,123.456,2.5&colour=genre&"));
});

test("views of any text and numbers come back", () => {
  let seed = 1;
  const random = () => { seed = (seed * 48271) % 2147483647; return seed / 2147483647; };
  const signs = ["a", "&", "=", "#", "%", "+", " ", "é", "ض", "音", "😀", "\u202e", "<", "\"", "\n", ","];
  for (let round = 0; round < 500; round++) {
    const text = () => Array.from({ length: Math.floor(random() * 30) }, () => signs[Math.floor(random() * signs.length)]).join("");
    const number = (low, high) => Number((low + random() * (high - low)).toPrecision(6));
    const state = { x: number(0, 10000), y: number(0, 10000), zoom: number(0.6, 400), colour: text(), with: text(), show: text(), search: text(), dot: text() };
    const back = decode(encode(state));
    for (const key of Object.keys(state)) assert.equal(back[key], state[key]);
  }
});

test("what is no view is none, and numbers have bounds", () => {
  for (const hash of ["", "#you", "#at=", "#at=1,2", "#at=1,2,x", "#at=1,,3", "#at=Infinity,1,1", "#AT=1,2,3"]) assert.equal(decode(hash), null, hash);
  assert.deepEqual(decode("#at=-1e99,5,1e99"), { x: -1e6, y: 5, zoom: 1e3, colour: "", with: "", show: "", search: "", dot: "" });
  assert.equal(decode(encode({ x: 1, y: 1, zoom: 1, search: "a".repeat(5000) })).search.length, 200);
  assert.equal(decode(encode({ x: 1, y: 1, zoom: 1, search: "\ud800" })).search, "\ufffd");
});

const scene = {
  look: { x: 50, y: 50, scale: 2 }, size: [200, 100], dot: 8, order: [2, 0, 1], colours: [0xff0000ff, 0xff00ff00, 0xffff0000], sizes: [16, 16, 32],
  names: [{ name: "R&B <3", left: 10, top: 20, width: 40, height: 20, font: 16, kind: "genre" }], heading: "plays",
  groups: [{ name: "a".repeat(99), colour: "#111111", count: 1234 }, { name: "b", colour: "#222222", count: 1 }],
  ink: "#000001", soft: "#000002", mark: "#000003", palette: { ground: "#ffffff" }, line: [[1, 2], [3, 4]],
};
const measure = text => 7 * text.length;

test("dots in view have places in the order of painting, and the rest are left out", () => {
  const made = plan(scene, [50, 500, 60], [50, 50, 60], measure);
  assert.deepEqual(made.dots, [{ x: 120, y: 30, r: 8, fill: "#0000ff" }, { x: 100, y: 50, r: 4, fill: "#ff0000" }]);
  assert.ok(made.marks.every(({ x, y, r }) => x > r && y - r > 100 && y + r < made.whole));
  assert.ok(made.texts.filter(one => one.anchor === "start").every(({ y }) => y > 100 && y < made.whole));
});

test("a drawing is text of XML with its names escaped, and says how many dots it leaves out", () => {
  const many = { ...scene, order: Array.from({ length: 3000 }, (_, k) => k % 3), names: [{ ...scene.names[0], name: "a\u0000\u0008\ud800b" }, scene.names[0]] };
  const made = plan(many, [50, 51, 60], [50, 50, 60], measure, 1000), text = svg(made, "<Title>");
  assert.equal(made.dots.length, 1000);
  assert.equal(text.match(/<circle /g).length, 1002);
  assert.ok(text.includes("<desc>1000 of the 3000 dots in view.</desc>") && text.includes(">R&#38;B &#60;3</text>") && text.includes(">ab</text>") && text.includes("&#60;Title&#62;"));
  assert.ok(!svg(plan(scene, [50, 51, 60], [50, 50, 60], measure), "").includes("<desc>"));
});

test("a canvas gets the same dots, line and texts", () => {
  const calls = [], context = new Proxy({}, { get: (_, name) => (...how) => { calls.push([name, ...how]); }, set: () => true });
  draw(context, plan(scene, [50, 51, 60], [50, 50, 60], measure));
  const count = name => calls.filter(call => call[0] === name).length;
  assert.deepEqual(["arc", "lineTo", "fillText", "strokeText"].map(count), [5, 2, 4, 1]);
});
