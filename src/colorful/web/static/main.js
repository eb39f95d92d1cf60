// The home page: photos come in by choosing, dragging, pasting or photographing, and each gets a card.
import { Card } from "./card.js";
import { openEditor } from "./editor.js";

const AT_ONCE = 2; // photos on their way at the same time, so that a whole album does not flood the queue

const album = document.getElementById("album");
const cards = document.getElementById("cards");
const announcer = document.getElementById("announcer");
const queue = [];
let running = 0;

function announce(words) {
  announcer.textContent = words;
}

function add(files) {
  for (const file of files) {
    const card = new Card(file, { announce, onAdjust: openEditor, onRemove: remove });
    card.say("uploading");
    cards.append(card.element);
    queue.push(card);
  }
  album.hidden = !cards.children.length;
  document.body.classList.toggle("busy", !album.hidden);
  next();
}

async function next() {
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
  const neighbor = card.element.nextElementSibling ?? card.element.previousElementSibling;
  card.element.remove();
  album.hidden = !cards.children.length;
  document.body.classList.toggle("busy", !album.hidden);
  (neighbor?.querySelector(".remove") ?? document.getElementById("choose")).focus();
}

const pictures = (transfer) => [...(transfer?.files ?? [])];

for (const id of ["choose", "camera"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    add(input.files);
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
addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  document.body.classList.remove("dropping");
  add(pictures(event.dataTransfer));
});
addEventListener("paste", (event) => {
  const files = pictures(event.clipboardData);
  if (files.length) {
    event.preventDefault();
    add(files);
  }
});

document.documentElement.classList.add("js");
