// Likes, dislikes and bans: pressed again, they are taken back.
"use strict";
globalThis.makeFeedback = (data, { ask, say, served, titleOf }) => {
  const NAMES = { like: "Like", dislike: "Dislike", ban: "Never recommend" };
  let kinds = {};                                 // of tracks, by id
  function show(root = document) {
    root.querySelectorAll("button[data-say]").forEach(button => {
      button.setAttribute("aria-pressed", String(kinds[button.dataset.track] === button.dataset.say));
    });
  }
  function buttons(i) {
    const box = document.createElement("span");
    box.className = "says";
    box.innerHTML = Object.entries(NAMES).map(([kind, name]) => `<button class="say" type="button" data-say="${kind}" title="${name}"><svg aria-hidden="true"><use href="#i-${kind}"/></svg></button>`).join("");
    turn(box, i);
    return box;
  }
  // Lets buttons be those of a track.
  function turn(box, i) {
    for (const button of box.children) {
      button.dataset.track = data.id[i];
      button.setAttribute("aria-label", `${button.title}: ${titleOf(i).slice(0, 120)}`);
    }
    show(box);
  }
  document.addEventListener("click", async event => {
    const button = event.target.closest("button[data-say]");
    if (!button) return;
    const { say: kind, track } = button.dataset;
    try {
      const { feedback } = await ask(`feedback/${track}/${kinds[track] === kind ? "clear" : kind}`, "POST");
      kinds[track] = feedback;
      show();
    } catch (error) { say(error.message); }
  });
  if (served) ask("feedback").then(stored => { kinds = { ...stored, ...kinds }; show(); }).catch(error => { say(error.message); });
  return { buttons, turn };
};
