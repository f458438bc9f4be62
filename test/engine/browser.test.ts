/** The engine in a browser: headless Chromium must get the numbers that Node.js gets. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { results } from "./browser-page.js";

const executablePath = "/usr/bin/chromium";
const page = fileURLToPath(new URL("./browser-page.ts", import.meta.url));
const runtimeFiles = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The page's script: the engine with the native runtime left out. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import { results } from ${JSON.stringify(page)};
        import { setWasmPath } from ${JSON.stringify(fileURLToPath(new URL("../../src/engine/runtime/web.ts", import.meta.url)))};
        setWasmPath("/runtime/");
        globalThis.results = results;
        globalThis.ready = true;`,
      resolveDir: dirname(page),
    },
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "silent",
    plugins: [
      {
        name: "no native runtime",
        setup(b) {
          b.onResolve({ filter: /^\.\/node\.js$/ }, ({ importer }) =>
            importer.includes("/engine/runtime/") ? { path: "node.js", namespace: "absent" } : undefined,
          );
          b.onLoad({ filter: /.*/, namespace: "absent" }, () => ({ contents: "export const runtime = undefined;" }));
        },
      },
    ],
  });
  return outputFiles[0].text;
}

describe.skipIf(!existsSync(executablePath))("in Chromium (where /usr/bin/chromium is installed)", () => {
  let server: Server;
  let browser: Browser;
  let address: string;

  beforeAll(async () => {
    const script = await bundle();
    server = createServer(async (request, response) => {
      const path = request.url ?? "/";
      const file = /^\/runtime\/([\w.-]+\.(?:mjs|wasm))$/.exec(path)?.[1];
      const send = (type: string, body: string | Buffer) => response.setHeader("content-type", type).end(body);
      if (path === "/") send("text/html", '<!doctype html><script type="module" src="/page.js"></script>');
      else if (path === "/page.js") send("text/javascript", script);
      else if (file && existsSync(join(runtimeFiles, file)))
        send(file.endsWith("wasm") ? "application/wasm" : "text/javascript", await readFile(join(runtimeFiles, file)));
      else response.writeHead(404).end();
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const at = server.address();
    address = `http://127.0.0.1:${typeof at === "object" && at ? at.port : 0}/`;
    browser = await chromium.launch({ executablePath, args: flags });
  });

  afterAll(async () => {
    await browser?.close();
    await new Promise((done) => (server ? server.close(done) : done(undefined)));
  });

  it("an energy, its gradient, a convolution's gradient, a loop and an order are those of Node.js", async () => {
    const tab = await browser.newPage();
    const complaints: string[] = [];
    tab.on("pageerror", (error) => complaints.push(error.message));
    await tab.goto(address);
    await tab.waitForFunction(() => (globalThis as any).ready === true);
    const inBrowser: Record<string, number[]> = await tab.evaluate(() => (globalThis as any).results());
    expect(complaints).toEqual([]);
    const inNode = await results();
    expect(Object.keys(inBrowser)).toEqual(Object.keys(inNode));
    for (const [name, numbers] of Object.entries(inNode)) {
      const tolerance = name.startsWith("float64") ? 1e-13 : 1e-5;
      const scale = Math.max(1, ...numbers.map(Math.abs));
      expect(inBrowser[name].length, name).toBe(numbers.length);
      numbers.forEach((v, i) =>
        expect(Math.abs(inBrowser[name][i] - v), `${name} ${i}`).toBeLessThan(tolerance * scale),
      );
    }
  });
});
