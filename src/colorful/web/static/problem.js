// What went wrong, in the visitor's words.
import { t } from "./texts.js";

export class Problem extends Error {
  constructor({ code = "internal", detail = "" } = {}) {
    const { megabytes, megapixels } = document.body.dataset;
    super(t(`problem-${code}`, { megabytes, megapixels }));
    this.code = code;
    this.detail = detail;
  }
}
