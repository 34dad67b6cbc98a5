"use strict";
const STEP = 12;
const form = document.getElementById("filter");
const more = document.getElementById("more");
const cards = [...document.querySelectorAll(".sample")];
let most = STEP;

function apply() {
  const wanted = [...form.elements].filter((field) => field.name && field.value);
  const found = cards.filter((card) => wanted.every((field) => card.dataset[field.name] === field.value));
  const shown = new Set(found.slice(0, most));
  for (const card of cards) card.hidden = !shown.has(card);
  document.getElementById("count").textContent = `${shown.size} of ${found.length} texts`;
  more.hidden = shown.size === found.length;
}

form.addEventListener("input", () => { most = STEP; apply(); });
more.addEventListener("click", () => { most += STEP; apply(); });
form.hidden = false;
apply();
