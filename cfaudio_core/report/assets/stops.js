"use strict";
// A list of tracks is one tab stop, however long: arrow keys go from row to row, and along the buttons of a row.
(() => {
  const served = document.documentElement.dataset.served === "yes";
  const usable = place => [...place.querySelectorAll("button:not(:disabled)")].filter(one => served || !one.matches(".play"));
  function settle(list, wanted = list.querySelector("button[tabindex='0']:not(:disabled)")) {
    const stop = wanted || usable(list)[0];
    list.querySelectorAll("button").forEach(one => { one.tabIndex = one === stop ? 0 : -1; });
  }
  const settleAll = place => { place.querySelectorAll(".tracks").forEach(list => { settle(list); }); };
  const KEYS = {
    ArrowDown: (rows, row, along) => [rows[row + 1], along],
    ArrowUp: (rows, row, along) => [rows[row - 1], along],
    ArrowRight: (rows, row, along) => [rows[row], along + 1],
    ArrowLeft: (rows, row, along) => [rows[row], along - 1],
    Home: rows => [rows[0], 0],
    End: rows => [rows.at(-1), 0],
  };
  document.addEventListener("keydown", event => {
    const list = event.target.closest?.(".tracks"), move = KEYS[event.key];
    if (!list || !move || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const rows = [...list.children].map(usable).filter(row => row.length), row = rows.findIndex(some => some.includes(event.target));
    const [to, along] = move(rows, row, rows[row].indexOf(event.target));
    event.preventDefault();
    to?.[Math.min(Math.max(along, 0), to.length - 1)].focus();
  });
  document.addEventListener("focusin", event => {
    const list = event.target.closest(".tracks");
    if (list && event.target.matches("button")) settle(list, event.target);
  });
  new MutationObserver(changes => {
    for (const { target, addedNodes } of changes) {
      const list = target.closest?.(".tracks");
      if (list) settle(list);
      else addedNodes.forEach(node => { if (node.querySelectorAll) settleAll(node); });
    }
  }).observe(document.body, { childList: true, subtree: true });
  settleAll(document);
})();
