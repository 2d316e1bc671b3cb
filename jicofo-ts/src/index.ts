/** The public door: the focus as one object, for simulations and conformance tests. */
export { type FocusSettings, readSettings } from "./config/settings.ts";
export { createJicofo, type Jicofo, type JicofoPorts } from "./program.ts";
