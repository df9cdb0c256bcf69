// Texts of rows.
"use strict";
const test = require("node:test"), assert = require("node:assert");
require("../../../cfaudio_core/report/assets/rows.js");
const { clock, played, short } = globalThis.cfText;

test("a time is minutes and seconds, and hours where there are any", () => {
  assert.deepEqual([0, 75.7, 600, 3661, NaN].map(clock), ["0:00", "1:15", "10:00", "1:01:01", "0:00"]);
});

test("plays are counted, and what has none is new", () => {
  assert.deepEqual([0, 1, 2, 1234].map(played), ["new", "1 play", "2 plays", "1,234 plays"]);
});

test("a long name ends in dots, and no sign is cut in two", () => {
  assert.equal(short("a name", 6), "a name");
  assert.equal(short("a long name", 6), "a lon…");
  assert.equal(short("abcd\u{1F600}fgh", 5), "abcd…");
});
