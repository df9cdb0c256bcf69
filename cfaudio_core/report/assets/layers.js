// In which order dots are painted: what is not meant is faded and below, what is chosen above all, what is hidden nowhere.
"use strict";
globalThis.cfLayers = (() => {
  const [FADED, UNKNOWN, PLAIN, ON_TOP, MARKED, HIDDEN] = [0, 1, 2, 3, 4, 5], SIZES = [16, 16, 16, 20, 26, 16];
  // of: the group of each dot, the first one that of what is unknown; full, pale: the colour of each group; mark: of what is
  // chosen; marked, visible, meant, onTop: of a dot; chosen: whether there is a choice, which fades all else.
  function order({ of, full, pale, mark, marked, visible, meant, onTop, chosen }) {
    const n = of.length, rank = new Uint8Array(n), colours = new Uint32Array(n), count = new Uint32Array(HIDDEN + 2);
    for (let i = 0; i < n; i++) {
      const k = of[i];
      if (marked(i)) rank[i] = MARKED;
      else if (!visible(i)) rank[i] = HIDDEN;
      else if (chosen || !meant(k)) rank[i] = FADED;
      else rank[i] = onTop(i) ? ON_TOP : k ? PLAIN : UNKNOWN;
      colours[i] = rank[i] === MARKED ? mark : rank[i] === FADED ? pale[k] : full[k];
      count[rank[i] + 1]++;
    }
    for (let r = 0; r < HIDDEN; r++) count[r + 1] += count[r];
    const shown = count[HIDDEN], order = new Uint32Array(n), next = count.slice();
    for (let i = 0; i < n; i++) order[next[rank[i]]++] = i;
    return { order: order.subarray(0, shown), colours, sizes: Uint8Array.from(rank, r => SIZES[r]) };
  }
  return { order };
})();
