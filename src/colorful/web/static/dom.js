// Short ways into the document, and the sliders between a photo before and after.
export const $ = (id) => document.getElementById(id);

/** Make an element with such properties. */
export const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

// The divider follows the slider, which is the whole control: mouse, touch, keys, reader.
document.addEventListener("input", ({ target: slider }) => {
  if (!slider.matches(".slider")) return;
  slider.parentElement.style.setProperty("--at", slider.value);
  slider.ariaValueText = `${slider.value} %`;
});

/** Show the picture of a blob or address in an image, once it is decoded; what it showed before is let go. */
export async function show(image, source) {
  const last = image.made; // the address of a blob
  image.made = typeof source === "string" ? null : URL.createObjectURL(source);
  const url = image.src = image.made ?? source;
  await image.decode().catch(() => {
    // Not a picture that this browser knows: rather nothing than its sign for broken ones. Or a newer one has
    // come before this one was decoded.
    if (image.getAttribute("src") === url) image.removeAttribute("src");
  });
  if (last) URL.revokeObjectURL(last);
}
