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

/** Do what a button asks for, not twice at once, and say what comes of it: the words that the job gives, if any. */
export async function once(button, job, say) {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = true; // not disabled: that would lose the focus
  const words = await job().catch(({ message }) => message);
  button.ariaDisabled = null;
  say?.(words ?? "");
}
