// The home page: photos come in by choosing, dragging, pasting or photographing, and each gets a card.
import { Card } from "./card.js";
import { wire } from "./compare.js";
import { $ } from "./dom.js";
import { recall } from "./memory.js";
import { download } from "./photo.js";
import { StudioPhoto, archive } from "./studio.js";
import { Problem, t } from "./texts.js";

const AT_ONCE = 2; // photos on their way at the same time, so that a whole album does not flood the queue
const PICTURE = /\.(jpe?g|jfif|png|webp|tiff?|gif|bmp|avif|hei[cf])$/i;
const { compare } = new Intl.Collator(undefined, { numeric: true }); // 2 comes before 10
let shown = []; // the cards
let removed = []; // what can be brought back
let running = 0;

const inState = (state) => shown.filter(({ element }) => element.dataset.state === state);
const editor = () => import("./editor.js"); // not before there is a photo to adjust

async function onAdjust(card) {
  const { openEditor } = await editor().catch(() => ({}));
  if (!openEditor) card.fail(new Problem({ code: "offline" }));
  else if (card.photo.info) openEditor(card, () => shown.filter((other) => other !== card && other.photo.info));
}

function add(photos) {
  if (photos.length) editor().catch(() => null); // another try comes when it is opened
  for (const photo of photos) {
    shown.push(new Card(photo, onAdjust, (card) => remove([card])));
    photo.remember();
  }
  arrange();
  next();
}

/** Lay the cards out in the order that is chosen. */
function arrange() {
  const by = {
    added: (photo) => parseFloat(photo.key), name: (photo) => photo.name, time: (photo) => photo.file.lastModified,
  }[$("order").value];
  shown.sort((one, other) => compare(by(one.photo), by(other.photo)));
  const { children } = $("cards");
  // What moves loses the focus, so only those that have to do.
  for (const [at, { element }] of shown.entries()) if (children[at] !== element) $("cards").insertBefore(element, children[at]);
  $("toast").hidden = !removed.length;
}

function next() {
  for (const card of inState("queued").slice(0, AT_ONCE - running)) {
    running += 1;
    card.run().finally(() => {
      running -= 1;
      next();
    });
  }
}

function remove(gone) {
  const [{ element, photo }, ...more] = gone;
  const neighbor = !more.length && (element.nextElementSibling ?? element.previousElementSibling);
  for (const card of gone) card.leave();
  shown = shown.filter((card) => !gone.includes(card));
  removed = gone.map((card) => card.photo);
  $("toast-words").textContent = t("removed", { name: more.length ? gone.length : photo.name });
  arrange();
  (neighbor ? neighbor.querySelector(".remove") : $("restore")).focus();
}

const addFiles = (files) => add([...files].map((file) => new StudioPhoto(file)));

/** The files that are dragged; of folders, the pictures in them and in theirs. */
async function dropped({ items }) {
  // The items live only as long as the event: all are asked before the first answer is awaited.
  const found = [...items].filter(({ kind }) => kind === "file").map((item) => {
    const entry = item.webkitGetAsEntry?.();
    return entry?.isDirectory ? pictures(entry) : item.getAsFile();
  });
  return (await Promise.all(found)).flat().filter(Boolean);
}

async function pictures(entry) {
  const ask = (one, what) => new Promise((resolve, reject) => one[what](resolve, reject));
  if (entry.isFile) return PICTURE.test(entry.name) ? [await ask(entry, "file")] : [];
  const [reader, found] = [entry.createReader(), []];
  let some;
  do {
    some = await ask(reader, "readEntries"); // a hundred at most
    found.push(...await Promise.all(some.map(pictures)));
  } while (some.length);
  return found.flat().sort((one, other) => compare(one.name, other.name));
}

document.querySelector(".intake").addEventListener("change", ({ target }) => {
  addFiles(target.files);
  target.value = ""; // the same photo may be chosen again
});

function dropping(on) {
  document.body.classList.toggle("dropping", on);
}

addEventListener("dragover", (event) => {
  event.preventDefault();
  dropping(event.dataTransfer.types.includes("Files"));
});
addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || dropping(false)); // out of the window
addEventListener("drop", async (event) => {
  const taken = event.defaultPrevented; // as an example, by the editor
  event.preventDefault();
  dropping(false);
  if (!taken) addFiles(await dropped(event.dataTransfer));
});
addEventListener("paste", (event) => {
  const files = event.clipboardData?.files ?? [];
  if (!files.length) return;
  event.preventDefault();
  addFiles(files);
});

$("try-sample").onclick = async () => {
  const reply = await fetch($("sample").dataset.file);
  addFiles([new File([await reply.blob()], "sample.jpg")]);
};
$("order").onchange = arrange;
$("forget-all").onclick = () => remove(shown);
$("restore").onclick = () => {
  const back = removed.map((photo) => Object.assign(photo, { gone: false }));
  removed = [];
  add(back);
  $("album-title").focus();
};
$("download-all").onclick = async ({ currentTarget: button }) => {
  const state = (words) => { $("album-state").textContent = words; };
  const ready = inState("ready").map(({ photo }) => photo);
  button.disabled = true;
  state("");
  try {
    download(await archive(ready, (done) => state(t("coloring-of", { number: done + 1, count: ready.length }))));
    state("");
  } catch (problem) {
    state(problem.message);
  }
  button.disabled = false;
};
// What has not been sent would be lost where the browser keeps nothing: it asks.
addEventListener("beforeunload", (event) => {
  if (shown.some(({ photo, element }) => !photo.info && element.dataset.state !== "failed")) event.preventDefault();
});
wire($("sample"));
document.documentElement.classList.add("js");
add((await recall()).map(({ file, ...known }) => new StudioPhoto(file, known)));
