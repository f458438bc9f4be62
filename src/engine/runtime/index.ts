/** The runtime of where we are: native in Node.js, WebAssembly in a browser. Loaded when first needed. */
import type { Runtime } from "./session.js";

const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;
let loaded: Promise<Runtime> | undefined;

export function loadRuntime(): Promise<Runtime> {
  loaded ??= inNode ? import("./node.js").then((m) => m.runtime) : import("./web.js").then((m) => m.runtime);
  return loaded;
}
