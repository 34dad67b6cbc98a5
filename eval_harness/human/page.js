// The page's hands: keys and clicks become marks, which go to the server with the text they are of.
const NAME = "dskill-annotator";
const KEYS = {1: "yes", y: "yes", 0: "no", n: "no", u: "unsure"};
const WORTH = {yes: true, no: false, unsure: null};
const desk = element.querySelector(".desk"), main = desk.querySelector("main"), status = desk.querySelector("output");
const help = desk.querySelector("dialog"), door = main.innerHTML;
let annotator = "", item = null, since = 0, busy = false;

const questions = () => [...main.querySelectorAll(".question")];
const current = () => main.querySelector(".question.current");
const chosen = (question) => question.querySelector("input:checked")?.value;
const say = (text) => { status.textContent = text; };

function memory(name) {  // which a frame may not have
  try { return name === undefined ? localStorage.getItem(NAME) : localStorage.setItem(NAME, name); } catch { return null; }
}

async function ask(act, request) {
  if (busy) return;
  busy = true;
  let reply;
  try { reply = await server[act](request); } catch { reply = null; }
  busy = false;
  if (!reply || reply.error) return say(reply ? reply.error : "The server does not answer, nothing was saved. Try again.");
  say("");
  ({annotator, item} = reply);
  memory(annotator);
  main.innerHTML = reply.html;
  since = performance.now();
  scrollTo(0, 0);
  select(questions().find((question) => !chosen(question)) ?? questions()[0], false);
}

function select(question, follow = true) {
  current()?.classList.remove("current");
  question?.classList.add("current");
  document.activeElement?.blur();
  if (follow) question?.scrollIntoView({block: "nearest"});
}

function step(by) {
  const all = questions(), place = all.indexOf(current()) + by;
  if (all[place]) select(all[place]);
  return Boolean(all[place]);
}

function mark(value) {
  const question = current();
  if (!question) return;
  question.querySelector(`input[value=${value}]`).checked = true;
  advance();
}

function advance() {
  say(step(1) || open() ? "" : "All questions are marked.");
}

const open = () => questions().find((question) => !chosen(question));

function save() {
  const left = open();
  if (left) { select(left); return say("Mark this one too, or press u if you are unsure."); }
  const marks = Object.fromEntries(questions().map((q) => [q.dataset.criterion, WORTH[chosen(q)]]));
  const note = main.querySelector("[name=note]").value, seconds = Math.min((performance.now() - since) / 1000, 86400);
  return ask("save", {annotator, item, marks, note, seconds});
}

const acts = {
  back: () => ask("back", {annotator, item}),
  help: () => help.open ? help.close() : help.showModal(),
  leave: () => { annotator = ""; item = null; memory(""); main.innerHTML = door; main.querySelector("input").focus(); },
  skip: () => {
    for (const q of questions()) if (!chosen(q)) q.querySelector("input[value=unsure]").checked = true;
    return item && save();
  },
};

element.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act) acts[act]();
});
element.addEventListener("change", (event) => {
  const question = event.target.closest(".question");
  if (question) { select(question); advance(); }
});
element.addEventListener("submit", (event) => {
  if (event.target.method === "dialog") return;
  event.preventDefault();
  if (event.target.matches(".door")) ask("begin", {annotator: event.target.elements.annotator.value});
  else save();
});

help.addEventListener("close", () => document.activeElement?.blur());  // so that Enter saves, and helps no more

const onKey = {
  Enter: save,
  Backspace: () => step(-1) || acts.back(),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  s: acts.skip,
  c: () => main.querySelector("[name=note]")?.focus(),
  e: () => { const more = current()?.querySelector("details"); if (more) more.open = !more.open; },
  "?": acts.help,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key === "Enter") return;
  const target = event.target;
  if (target.matches?.("input:not([type=radio])")) { if (event.key === "Escape") target.blur(); return; }
  if (help.open ? event.key !== "?" : !annotator) return;
  if (event.key === "Enter" && (!item || target.matches?.("button, summary"))) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const act = key in KEYS ? () => mark(KEYS[key]) : onKey[key];
  if (!act) return;
  event.preventDefault();
  act();
});

const known = props.annotator || memory();
if (known) ask("begin", {annotator: known}); else main.querySelector("input").focus();
