// The page that answers a plain form: with scripts, before and after become one picture with a slider.
import { wire } from "./compare.js";

for (const pair of document.querySelectorAll(".pair")) {
  const [before, after] = [pair.querySelector(".before"), pair.querySelector(".after")];
  const slider = Object.assign(document.createElement("input"), {
    type: "range", className: "slider", min: 0, max: 100, value: 50,
  });
  slider.setAttribute("aria-label", pair.dataset.label);
  const compare = document.createElement("div");
  compare.className = "compare";
  compare.append(after, before, slider);
  pair.replaceChildren(compare);
  pair.classList.add("joined");
  wire(compare);
}
