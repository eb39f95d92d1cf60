// Short ways into the document, and the sliders between a photo before and after.
export const $ = (id) => document.getElementById(id);

export const within = (low, value, high) => Math.max(low, Math.min(value, high));

/** Make an element with such properties. */
export const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

// The divider follows the slider, which is the whole control: mouse, touch, keys, reader.
document.addEventListener("input", ({ target: slider }) => {
  if (!slider.matches(".slider")) return;
  slider.parentElement.style.setProperty("--at", slider.value);
  slider.ariaValueText = `${slider.value} %`;
});

/** Show the picture of a blob or address in an image, once it is decoded. */
export async function show(image, source) {
  const url = image.src = typeof source === "string" ? source : URL.createObjectURL(source);
  await image.decode().catch(() => {
    // Not a picture that this browser knows: rather nothing than its sign for broken ones. Or a newer one has
    // come before this one was decoded.
    if (image.getAttribute("src") === url) image.removeAttribute("src");
  });
  URL.revokeObjectURL(url); // which a picture that has come needs no more
}

/** Do what a button asks for, not twice at once. It is not disabled meanwhile: that would lose the focus. */
export async function once(button, job) {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = true;
  await job().finally(() => { button.ariaDisabled = null; });
}
