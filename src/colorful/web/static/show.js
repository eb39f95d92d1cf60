// The page that answers a plain form: with scripts, a slider lies over before and after.
import { wire } from "./compare.js";

for (const compare of document.querySelectorAll(".compare")) wire(compare);
