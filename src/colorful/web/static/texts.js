// What the page says, in the language that the server chose; the template carries it along.
const texts = JSON.parse(document.getElementById("texts").textContent);

/** The text of a key, with {name} and the like filled in. */
export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** What went wrong, in the visitor's words. */
export class Problem extends Error {
  constructor({ code = "internal" }) {
    super(t(`problem-${code}`, document.body.dataset)); // which has the limits
    this.code = code;
  }
}
