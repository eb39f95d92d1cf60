// The home page: photos come in by choosing, dragging, pasting or photographing, and each gets a card.
import { Card } from "./card.js";
import { $, once } from "./dom.js";
import { onNews, recall, storage } from "./memory.js";
import { download } from "./photo.js";
import { StudioPhoto, archive } from "./studio.js";
import { Problem, t } from "./texts.js";

const AT_ONCE = 2; // photos on their way at the same time, so that a whole album does not flood the queue
// By its path from what was dropped: nothing hidden inside of it, such as macOS's ._a.jpg, nor a NAS's thumbnails.
const PICTURE = /^.[^/]+(?!.*\/(\.|@eaDir)).*\.(jpe?g|jfif|png|webp|tiff?|gif|bmp|avif|hei[cf])$/is;
const { compare } = new Intl.Collator([], { numeric: true }); // 2 comes before 10
const removed = []; // what can be brought back: the photos of each removal

const cards = () => [...$("cards").children].map(({ card }) => card);
const inState = (...states) => cards().filter(({ element }) => states.includes(element.dataset.state));
const editor = () => import("./editor.js"); // not before there is a photo to adjust

const offline = () => { throw new Problem({ code: "offline" }); };

async function onAdjust(card) {
  const { openEditor } = await editor().catch(offline);
  if (card.photo.info) openEditor(card, () => cards().filter((other) => other !== card && other.photo.info));
}

function add(photos) {
  if (photos.length) editor().catch(() => null); // another try comes when it is opened
  $("cards").append(...photos.map((photo) => new Card(photo, onAdjust, remove, next).element));
  arrange();
  next();
}

/** Lay the cards out in the order that is chosen. */
function arrange() {
  const by = {
    added: ({ key }) => key, name: ({ name }) => name, time: ({ file }) => file.lastModified,
  }[$("order").value];
  const sorted = cards().sort((one, other) => compare(by(one.photo), by(other.photo)));
  const { children } = $("cards");
  // What moves loses the focus, so only those that have to do.
  for (const [at, { element }] of sorted.entries()) if (children[at] !== element) children[at].before(element);
  const last = removed.at(-1);
  $("toast-words").textContent = last ? t("removed", { name: last[1] ? last.length : last[0].name }) : "";
}

function next() {
  for (const card of inState("queued")) {
    if (inState("uploading", "opening", "coloring").length >= AT_ONCE) return;
    card.run();
  }
}

function remove(gone) {
  const { nextElementSibling: next, previousElementSibling: last } = gone[0].element;
  removed.push(gone.map(({ photo }) => photo));
  for (const card of gone) {
    card.leave();
    card.photo.forget();
  }
  arrange();
  const left = [next, last].find((one) => one?.isConnected);
  (left?.card.remove ?? $("restore")).focus();
}

/** Take photos in that this tab is the first to have. */
function bring(photos) {
  add(photos);
  for (const photo of photos) photo.remember();
}

const bringFiles = (files) => bring([...files].map((file) => new StudioPhoto(file)));
const kept = ({ file, ...known }) => new StudioPhoto(file, known);

/** The files that are dropped or pasted; of folders, the pictures in them and in theirs. */
async function filesOf({ items }) {
  // The items live only as long as the event: all are asked before the first answer is awaited.
  const found = [...items].map((item) => {
    const entry = item.webkitGetAsEntry?.();
    return entry?.isDirectory ? pictures(entry) : item.getAsFile();
  });
  return (await Promise.all(found)).flat().filter(Boolean);
}

async function pictures(entry) {
  const ask = (one, what) => new Promise((...to) => one[what](...to));
  if (entry.isFile) return PICTURE.test(entry.fullPath) ? [await ask(entry, "file")] : [];
  const [reader, found] = [entry.createReader(), []];
  for (let some; some?.length !== 0; found.push(...some)) some = await ask(reader, "readEntries"); // a hundred at most
  return (await Promise.all(found.map(pictures))).flat().sort((one, other) => compare(one.name, other.name));
}

document.querySelector(".intake").onchange = ({ target }) => {
  bringFiles(target.files);
  target.value = ""; // the same photo may be chosen again
};

const dropping = (on) => document.body.classList.toggle("dropping", on);

window.ondragover = (event) => {
  event.preventDefault();
  dropping(event.dataTransfer.types.includes("Files"));
};
window.ondragleave = ({ relatedTarget }) => relatedTarget || dropping(false); // out of the window
async function onDrop(event) {
  const taken = event.defaultPrevented; // as an example, by the editor
  event.preventDefault();
  dropping(false);
  if (!taken) bringFiles(await filesOf(event.dataTransfer ?? event.clipboardData));
}
window.ondrop = onDrop;
addEventListener("paste", onDrop); // which not every browser's window has a property for

const say = (words) => { $("album-state").textContent = words; };

async function trySample() {
  const reply = await fetch($("sample").dataset.file).catch(offline);
  bringFiles([new File([await reply.blob()], "sample.jpg")]);
}

async function downloadAll() {
  const ready = inState("ready");
  say("");
  try {
    download(await archive(ready.map(({ photo }) => photo), say));
  } catch (problem) {
    if (!/gone|large/.test(problem.code)) throw problem;
    for (const card of ready) await card.save(); // together they are too much for the server
  }
}

$("try-sample").onclick = ({ currentTarget }) => once(currentTarget, trySample, say);
$("download-all").onclick = ({ currentTarget }) => once(currentTarget, downloadAll, say);
$("order").onchange = arrange;
$("forget-all").onclick = () => {
  delete storage.colorfulColors; // used last
  remove(cards());
};
$("restore").onclick = () => {
  bring(removed.pop());
  $("album-title").focus();
};
// What has not been sent would be lost where the browser keeps nothing: it asks.
window.onbeforeunload = (event) => {
  if (cards().some(({ photo, element }) => !photo.info && element.dataset.state !== "failed")) event.preventDefault();
};
document.documentElement.classList.add("js");
const begun = recall().then((records) => add(records.map(kept)));
onNews(async (key, record) => {
  await begun;
  const card = cards().find(({ photo }) => photo.key === key);
  if (!record) card?.leave();
  else if (record.info) card ? card.hear(record) : add([kept(record)]); // before, the other tab is about to send it
});
