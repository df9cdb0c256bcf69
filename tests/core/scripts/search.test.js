// Search in titles, artists, albums, genres and tags.
"use strict";
const test = require("node:test"), assert = require("node:assert");
require("../../../cfaudio_core/report/assets/search.js");
const { texts, find } = globalThis.cfSearch;
const data = {
  x: [0, 0, 0], title: ["Für Elise", "So What", "Blue", "beyond the map"], artists: ["Beethoven", "Miles"], artist: [0, 1, 1, 1],
  albums: ["", "Kind of Blue"], album: [0, 1, 1, 1], genres: ["classical", "jazz", "modal"], genre: [0, 1, 1], genre_more: [[], [2], []],
  tags: ["", "piano"], tag: [1, 0, 0], tag_more: [[], [], []],
};
const found = wanted => find(() => texts(data), wanted);

test("all words have to be there, each anywhere", () => {
  assert.deepEqual(found("blue miles"), [1, 2]);
  assert.deepEqual(found("modal MILES"), [1]);
  assert.deepEqual(found("piano jazz"), []);
});

test("accents and case do not matter", () => {
  assert.deepEqual(found("FUR elise"), [0]);
  assert.deepEqual(found("für"), [0]);
});

test("nothing is looked for by blanks, and no text is made then", () => {
  assert.equal(find(() => assert.fail(), " \n "), null);
});

test("what the map has no room for is not found on it", () => {
  assert.deepEqual(found("beyond"), []);
});
