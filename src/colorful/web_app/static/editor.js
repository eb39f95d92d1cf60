// The look of one photo: vivid or calm, and how saturated. It stands in the place of the served page's editor.
import { app } from "./app.js";
import { $, once, show } from "./dom.js";
import { UNCHANGED } from "./photo.js";
import { t } from "./texts.js";

const LOOK = ["temperature", "saturation"];
const [slider, before, after] = [".slider", ".before", ".after"].map((part) => $("stage").querySelector(part));
let [card, others, busy] = [null, null, false];
let shown = null; // the edit whose picture is there
let notice = null; // what was said of the picture; what else is said stays when the picture has come

export function openEditor(one, rest) {
  [card, others, shown] = [one, rest, null];
  card.photo.onNews = () => (card.photo.gone ? $("editor").close() : draw()); // also of another tab
  const { name, info: { width, height } } = card.photo;
  $("editor-title").textContent = t("editor", { name });
  slider.ariaLabel = t("compare-name", { name });
  after.alt = t("after-name", { name });
  $("stage").style.setProperty("--ratio", width / height);
  $("same-look").hidden = !others().length;
  $("temperature-row").hidden = app.network.temperature === null;
  $("editor-state").textContent = "";
  show(after, card.picture);
  show(before, card.photo.before());
  $("editor").showModal();
  $("editor-title").focus();
  draw();
}

/** Set the controls and the picture to what the photo is. */
function draw() {
  for (const name of LOOK) {
    const value = card.photo.edit[name] ?? app.network[name] ?? 0;
    $(name).value = value;
    $(`${name}-value`).textContent = value.toFixed(2);
  }
  refresh();
}

/** Show the photo as it is now; what changes meanwhile is shown afterwards, and nothing twice. */
async function refresh() {
  if (busy) return;
  busy = true;
  const state = $("editor-state");
  while (shown !== card.photo.edit) {
    const { photo, photo: { edit } } = card;
    const picture = await photo.preview(edit, 2048).catch((problem) => problem);
    if (photo !== card.photo) continue;
    shown = edit; // also where it failed: the next change is another try
    if (picture instanceof Error) state.textContent = notice = picture.message;
    else {
      await show(after, picture);
      if (state.textContent === notice) state.textContent = "";
    }
  }
  busy = false;
}

for (const name of LOOK) {
  $(name).addEventListener("input", () => card.photo.follow({ [name]: $(name).valueAsNumber }));
  $(name).addEventListener("change", () => card.photo.settle());
}
$("reset").onclick = () => card.photo.change(UNCHANGED);
$("same-look").onclick = async () => {
  const { temperature, saturation } = card.photo.edit;
  const changed = others();
  for (const { photo } of changed) photo.change({ temperature, saturation });
  $("editor-state").textContent = t("same-done", { count: changed.length });
  for (const one of changed) await one.run();
};
const say = (words) => { $("editor-state").textContent = words; };
$("save").onclick = () => once($("save"), () => {
  say(t("coloring"));
  return card.photo.save();
}, say);
$("done").onclick = () => $("editor").close();
$("editor").addEventListener("close", () => {
  card.photo.onNews = null;
  card.photo.settle();
  if (card.photo.gone) return;
  card.run();
  card.adjust.focus();
});
