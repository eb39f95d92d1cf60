// The slider between a photo before and after. The range input is the whole control: mouse, touch, keys, reader.

/** Make the slider of a .compare element move its divider. */
export function wire(compare) {
  const [slider, before, after] = [".slider", ".before", ".after"].map((part) => compare.querySelector(part));
  const follow = () => {
    compare.style.setProperty("--at", slider.value);
    slider.ariaValueText = `${slider.value} %`;
  };
  slider.addEventListener("input", follow);
  follow();
  return { slider, before, after };
}

/** Show the picture of a blob or address in an image, once it is decoded; what it showed before is let go. */
export async function show(image, source) {
  const last = image.dataset.url;
  const url = typeof source === "string" ? source : URL.createObjectURL(source);
  image.src = image.dataset.url = url;
  await image.decode().catch(() => {
    // Not a picture that this browser knows: rather nothing than its sign for broken ones. Or a newer one has
    // come before this one was decoded.
    if (image.dataset.url === url) image.removeAttribute("src");
  });
  if (last?.startsWith("blob:") && last !== url) URL.revokeObjectURL(last);
}
