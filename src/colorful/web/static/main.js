// The home page: photos come in by choosing, dragging, pasting or photographing, and each gets a card.
import { Card } from "./card.js";
import { openEditor } from "./editor.js";
import { Photo } from "./photo.js";

const AT_ONCE = 2; // photos on their way at the same time, so that a whole album does not flood the queue

const album = document.getElementById("album");
const cards = document.getElementById("cards");
const announcer = document.getElementById("announcer");
const MEMORY = "colorful-photos"; // in the tab's own storage, so that loading the page again loses nothing
const PICTURE = /\.(jpe?g|jfif|png|webp|tiff?|gif|bmp|avif|hei[cf])$/i;
const shown = new Set();
const queue = [];
let running = 0;

function announce(words) {
  announcer.textContent = words;
}

function add(photos) {
  for (const photo of photos) {
    const card = new Card(photo, { announce, onAdjust: openEditor, onRemove: remove });
    cards.append(card.element);
    shown.add(card);
    queue.push(card);
  }
  arrange();
  next();
}

function arrange() {
  album.hidden = !cards.children.length;
  document.body.classList.toggle("busy", !album.hidden);
}

function next() {
  while (running < AT_ONCE && queue.length) {
    running += 1;
    queue.shift().run().finally(() => {
      running -= 1;
      next();
    });
  }
}

function remove(card) {
  const index = queue.indexOf(card);
  if (index >= 0) queue.splice(index, 1);
  shown.delete(card);
  const neighbor = card.element.nextElementSibling ?? card.element.previousElementSibling;
  card.element.remove();
  arrange();
  (neighbor?.querySelector(".remove") ?? document.getElementById("choose")).focus();
}

const asPhotos = (files) => [...files].map((file) => new Photo(file));

/** The files that are dragged; of folders, the pictures in them and in theirs. */
async function dropped(transfer) {
  // The items live only as long as the event: all are asked before the first answer is awaited.
  const found = [...transfer.items].filter(({ kind }) => kind === "file").map((item) => {
    const entry = item.webkitGetAsEntry?.();
    return entry?.isDirectory ? pictures(entry) : [item.getAsFile()];
  });
  return (await Promise.all(found)).flat().filter(Boolean);
}

async function pictures(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at most
    if (!some.length) break;
    for (const entry of some) {
      if (entry.isDirectory) found.push(...await pictures(entry));
      else if (PICTURE.test(entry.name)) found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    }
  }
  return found.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
}

for (const id of ["choose", "camera"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    add(asPhotos(input.files));
    input.value = ""; // the same photo may be chosen again
  });
}

let depth = 0; // dragenter and dragleave come for every element that is crossed
addEventListener("dragenter", (event) => {
  if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
  depth += 1;
  document.body.classList.add("dropping");
});
addEventListener("dragleave", () => {
  depth = Math.max(0, depth - 1);
  document.body.classList.toggle("dropping", depth > 0);
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", async (event) => {
  event.preventDefault();
  depth = 0;
  document.body.classList.remove("dropping");
  add(asPhotos(await dropped(event.dataTransfer)));
});
addEventListener("paste", (event) => {
  const files = event.clipboardData?.files ?? [];
  if (files.length) {
    event.preventDefault();
    add(asPhotos(files));
  }
});

document.getElementById("download-all").addEventListener("click", async () => {
  for (const card of shown) if (card.element.dataset.state === "ready") await card.save();
});

function remember() {
  const known = [...shown].map(({ photo }) => photo).filter(({ info, lost }) => info && !lost);
  try {
    sessionStorage.setItem(MEMORY, JSON.stringify(known));
  } catch {
    // No storage, or none left: then the page starts afresh.
  }
}
// A phone may end a hidden tab without another word, while its camera is open for instance.
for (const event of ["visibilitychange", "pagehide"]) addEventListener(event, remember);
addEventListener("beforeunload", (event) => {
  // What has not been sent would be lost: the browser asks.
  if ([...shown].some(({ photo, element }) => !photo.info && element.dataset.state !== "failed")) event.preventDefault();
});
try {
  add(JSON.parse(sessionStorage.getItem(MEMORY) ?? "[]").map((known) => new Photo(null, known)));
} catch {
  // The same.
}

document.documentElement.classList.add("js");
