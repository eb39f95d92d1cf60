// The slider between a photo before and after. The range input is the whole control: mouse, touch, keys, reader.

/** Make the slider of a .compare element move its divider. */
export function wire(compare) {
  const slider = compare.querySelector(".slider");
  const follow = () => {
    compare.style.setProperty("--at", slider.value);
    slider.setAttribute("aria-valuetext", `${slider.value} %`);
  };
  slider.addEventListener("input", follow);
  follow();
  return { slider, before: compare.querySelector(".before"), after: compare.querySelector(".after") };
}

/** Show the picture of a blob or address in an image, once it is decoded; what it showed before is let go. */
export async function show(image, source) {
  const url = typeof source === "string" ? source : URL.createObjectURL(source);
  const last = image.dataset.url;
  image.src = url;
  image.dataset.url = url;
  try {
    await image.decode();
  } catch {
    // Not a picture that this browser knows: rather nothing than its sign for broken ones. Or a newer one has
    // come before this one was decoded.
    if (image.dataset.url === url) image.removeAttribute("src");
  }
  if (last?.startsWith("blob:") && last !== url) URL.revokeObjectURL(last);
}
