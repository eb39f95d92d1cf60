// Short ways into the document.
export const $ = (id) => document.getElementById(id);

/** Make an element with such properties. */
export const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
