// The queue: what comes next, what is passed over, and where it ends.
"use strict";
const test = require("node:test"), assert = require("node:assert");
require("../../../cfaudio_core/report/assets/queue.js");
const entries = [7, 8, 9, 8].map((i, k) => ({ i, at: k }));
const all = () => true;

test("it begins where one wants it to, and goes on to the end and back", () => {
  const queue = globalThis.makeQueue(all);
  assert.equal(queue.set(entries, 1), entries[1]);
  assert.deepEqual([queue.place, queue.size], [2, 4]);
  assert.equal(queue.step(1), entries[2]);
  assert.equal(queue.peek(1), entries[3]);
  assert.equal(queue.step(1), entries[3]);
  assert.equal(queue.step(-1), entries[2]);
});

test("behind the last and before the first there is nothing, and it stays where it is", () => {
  const queue = globalThis.makeQueue(all);
  queue.set(entries, 3);
  assert.equal(queue.step(1), null);
  assert.equal(queue.place, 4);
  queue.set(entries);
  assert.equal(queue.step(-1), null);
  assert.equal(queue.place, 1);
});

test("what cannot play is passed over, also if it became so since", () => {
  const gone = new Set([8]), queue = globalThis.makeQueue(i => !gone.has(i));
  assert.equal(queue.set(entries), entries[0]);
  assert.equal(queue.peek(1), entries[2]);
  assert.equal(queue.step(1), entries[2]);
  assert.equal(queue.step(1), null);
  gone.add(7);
  assert.equal(queue.step(-1), null);
  assert.equal(queue.set(entries, 1), entries[2]);
});

test("where nothing can play, nothing does", () => {
  const queue = globalThis.makeQueue(() => false);
  assert.equal(queue.set(entries), null);
  assert.equal(queue.set([]), null);
  assert.equal(queue.step(1), null);
});

test("a list that changes later does not change what was queued", () => {
  const list = [...entries], queue = globalThis.makeQueue(all);
  queue.set(list);
  list.length = 1;
  assert.equal(queue.step(1), entries[1]);
});
