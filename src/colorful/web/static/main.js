// The home page: photos come in by choosing, dragging, pasting or photographing, and each gets a card.
import { Card } from "./card.js";
import { wire } from "./compare.js";
import { recall } from "./memory.js";
import { download } from "./photo.js";
import { StudioPhoto, archive } from "./studio.js";
import { t } from "./texts.js";

const $ = (id) => document.getElementById(id);
const AT_ONCE = 2; // photos on their way at the same time, so that a whole album does not flood the queue
const PICTURE = /\.(jpe?g|jfif|png|webp|tiff?|gif|bmp|avif|hei[cf])$/i;
const [album, cards] = [$("album"), $("cards")];
const queue = [];
let shown = [];
let removed = []; // what can be brought back
let running = 0;

function announce(words) {
  $("announcer").textContent = words;
}

/** Say what concerns all photos. */
function state(words) {
  $("album-state").textContent = words;
}

const editor = () => import("./editor.js"); // not before there is a photo to adjust

async function adjust(card) {
  (await editor()).openEditor(card, () => shown.filter((other) => other !== card && other.photo.info));
}

function add(photos) {
  if (photos.length) editor();
  for (const photo of photos) {
    const card = new Card(photo, { announce, onRemove: (one) => remove([one]), onAdjust: adjust });
    shown.push(card);
    queue.push(card);
    photo.remember();
  }
  arrange();
  next();
}

/** Lay the cards out in the order that is chosen; those of a move stay where they are. */
function arrange() {
  const by = {
    added: (photo) => parseFloat(photo.key), name: (photo) => photo.name, time: (photo) => photo.file.lastModified,
  }[$("order").value];
  shown.sort(({ photo: one }, { photo: other }) => String(by(one)).localeCompare(by(other), undefined, { numeric: true }));
  cards.append(...shown.map(({ element }) => element));
  album.hidden = !shown.length;
  document.body.classList.toggle("busy", !album.hidden);
  $("toast").hidden = !removed.length;
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

function remove(gone) {
  const neighbor = gone.length === 1 && (gone[0].element.nextElementSibling ?? gone[0].element.previousElementSibling);
  for (const card of gone) {
    const index = queue.indexOf(card);
    if (index >= 0) queue.splice(index, 1);
    card.element.remove();
  }
  shown = shown.filter((card) => !gone.includes(card));
  removed = gone.map(({ photo }) => photo);
  $("toast-words").textContent = t("removed", { name: gone.length === 1 ? gone[0].photo.name : gone.length });
  arrange();
  (neighbor ? neighbor.querySelector(".remove") : $("restore")).focus();
}

const asPhotos = (files) => [...files].map((file) => new StudioPhoto(file));

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
  const input = $(id);
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
  const taken = event.defaultPrevented; // as an example, by the editor
  event.preventDefault();
  depth = 0;
  document.body.classList.remove("dropping");
  if (!taken) add(asPhotos(await dropped(event.dataTransfer)));
});
addEventListener("paste", (event) => {
  const files = event.clipboardData?.files ?? [];
  if (files.length) {
    event.preventDefault();
    add(asPhotos(files));
  }
});


$("try-sample").onclick = async () => {
  const reply = await fetch($("sample").dataset.file);
  add([new StudioPhoto(new File([await reply.blob()], "sample.jpg"))]);
};
$("order").onchange = arrange;
$("forget-all").onclick = () => {
  for (const { removal, photo } of shown) {
    removal.abort();
    photo.forget();
  }
  remove(shown);
};
$("restore").onclick = () => {
  const back = removed.map((photo) => Object.assign(photo, { gone: false }));
  removed = [];
  add(back);
  $("album-title").focus();
};
$("download-all").onclick = async () => {
  const ready = shown.filter(({ element }) => element.dataset.state === "ready").map(({ photo }) => photo);
  const button = $("download-all");
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
