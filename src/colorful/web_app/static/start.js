// What comes first: the visitor's language, the worker's start, and keeping all of it for days without a connection.
import { follow, start } from "./engine.js";
import { t } from "./texts.js";

const $ = (id) => document.getElementById(id);
const LANGUAGE = "colorful_language";
const page = document.documentElement.lang.slice(0, 2);

/** What the visitor chose, if the browser lets pages keep that. */
function chosen(language) {
  try {
    if (language) localStorage.setItem(LANGUAGE, language);
    return localStorage.getItem(LANGUAGE);
  } catch {
    return page;
  }
}

const links = [...document.querySelectorAll(".languages a")];
for (const link of links) link.addEventListener("click", () => chosen(link.hreflang));
const wished = chosen() ?? navigator.languages.map((language) => language.slice(0, 2))
  .find((language) => links.some(({ hreflang }) => hreflang === language));
if (wished && wished !== page) location.replace(links.find(({ hreflang }) => hreflang === wished).href);

async function kept() {
  try {
    await navigator.serviceWorker.register("./sw.js");
    await navigator.serviceWorker.ready;
    return true;
  } catch {
    return false; // an address that is not secure, or a browser that keeps nothing
  }
}

const unfollow = follow((share) => { $("engine-progress").value = share; });
const keeping = kept();
start().then((kind) => {
  document.body.dataset.engine = kind;
  $("engine-words").textContent = t("engine-ready");
  keeping.then((is) => { if (is) $("engine-words").textContent = t("engine-kept"); }); // never, where a part is missing
}, (problem) => {
  $("engine-words").textContent = problem.message;
}).finally(() => {
  unfollow();
  $("engine-progress").hidden = true;
});
