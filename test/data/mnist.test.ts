import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DownloadProgress, download } from "../../src/data/download.js";
import { encodeIdx } from "../../src/data/idx.js";
import { downloadMnist, findMnist, loadMnist, MNIST_TRAINING_IMAGES, readMnist } from "../../src/data/mnist.js";
import { RunError, UsageError } from "../../src/errors.js";
import { normalArray, randomKey } from "../../src/numerics/random.js";

let folder: string;
let server: Server;
let base: string;
let requests: { url: string; range?: string }[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

// Noise does not shrink, so the packed file is long enough to be cut in the middle.
const content = Buffer.from(normalArray(randomKey(1), 20_000).buffer);
const packed = gzipSync(content);
const md5 = createHash("md5").update(content).digest("hex");

/** A server that resumes, as the mirrors do. */
function serve(bytes: Buffer): typeof answer {
  return (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (from >= bytes.length) return void response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    const head = {
      "content-length": bytes.length - from,
      "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
    };
    response.writeHead(request.headers.range ? 206 : 200, head).end(bytes.subarray(from));
  };
}

/** Sends half of what is asked for, then breaks the connection. */
function breakHalfway(bytes: Buffer): typeof answer {
  return (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const half = from + Math.ceil((bytes.length - from) / 2);
    const head = {
      "content-length": bytes.length - from,
      "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
    };
    response.writeHead(request.headers.range ? 206 : 200, head);
    response.write(bytes.subarray(from, half), () => setTimeout(() => response.destroy(), 20));
  };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "mnist-"));
  requests = [];
  server = createServer((request, response) => {
    requests.push({ url: request.url ?? "", range: request.headers.range });
    answer(request, response);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  rmSync(folder, { recursive: true });
});

describe("download", () => {
  const path = () => join(folder, "file.gz");
  const get = (more: Partial<Parameters<typeof download>[0]> = {}) =>
    download({ urls: [`${base}/file.gz`], path: path(), md5, ...more });

  it("brings the file, tells how far it is, and leaves nothing else", async () => {
    answer = serve(packed);
    const seen: DownloadProgress[] = [];
    await get({ onProgress: (progress) => seen.push(progress) });
    expect(readFileSync(path()).equals(packed)).toBe(true);
    expect(readdirSync(folder)).toEqual(["file.gz"]);
    expect(seen.at(-1)).toEqual({ file: "file.gz", received: packed.length, total: packed.length });
    expect(seen.every(({ received }, i) => i === 0 || received > seen[i - 1].received)).toBe(true);
  });

  it("goes on where a broken connection stopped, in the same call", async () => {
    answer = (request, response) => (requests.length === 1 ? breakHalfway(packed) : serve(packed))(request, response);
    await get();
    expect(readFileSync(path()).equals(packed)).toBe(true);
    expect(requests.map(({ range }) => range)).toEqual([undefined, `bytes=${Math.ceil(packed.length / 2)}-`]);
  });

  it("keeps what has arrived when it gives up, and goes on from there in a later call", async () => {
    answer = breakHalfway(packed);
    const failed = get({ attempts: 2 });
    await expect(failed).rejects.toThrow(RunError);
    await expect(failed).rejects.toThrow(/what has arrived is kept/);
    expect(existsSync(path())).toBe(false);
    const have = readFileSync(`${path()}.part`);
    expect(have.equals(packed.subarray(0, have.length))).toBe(true);
    answer = serve(packed);
    await get();
    expect(requests.at(-1)?.range).toBe(`bytes=${have.length}-`);
    expect(readFileSync(path()).equals(packed)).toBe(true);
  });

  it("goes on at another mirror, and takes a whole part as it is", async () => {
    answer = (request, response) =>
      (request.url?.startsWith("/bad") ? breakHalfway(packed) : serve(packed))(request, response);
    await get({ urls: [`${base}/bad/file.gz`, `${base}/file.gz`], attempts: 1 });
    expect(readFileSync(path()).equals(packed)).toBe(true);
    rmSync(path());
    writeFileSync(`${path()}.part`, packed);
    await get();
    expect(readFileSync(path()).equals(packed)).toBe(true);
  });

  it("starts over at a server that does not resume", async () => {
    writeFileSync(`${path()}.part`, packed.subarray(0, 1000));
    answer = (_, response) => void response.writeHead(200, { "content-length": packed.length }).end(packed);
    await get();
    expect(readFileSync(path()).equals(packed)).toBe(true);
  });

  it("refuses a wrong hash, and starts over if a resumed part was what was wrong", async () => {
    answer = serve(gzipSync(Buffer.from("something else")));
    await expect(get()).rejects.toThrow(/another hash than expected/);
    expect(readdirSync(folder)).toEqual([]);
    expect(requests.length).toBe(1); // the same wrong file is not fetched three times
    answer = serve(packed);
    writeFileSync(`${path()}.part`, Buffer.alloc(1000, 7));
    await get();
    expect(readFileSync(path()).equals(packed)).toBe(true);
  });

  it("says what servers answered, and asks those that refuse only once", async () => {
    answer = (request, response) => void response.writeHead(request.url?.startsWith("/a") ? 404 : 503).end();
    await expect(get({ urls: [`${base}/a`, `${base}/b`], attempts: 2 })).rejects.toThrow(/answered 404.*answered 503/);
    expect(requests.map(({ url }) => url)).toEqual(["/a", "/b", "/b"]);
    await expect(get({ urls: ["http://127.0.0.1:1/x"], attempts: 1 })).rejects.toThrow(/could not be downloaded/);
  });

  it("does not wait for ever for a server that falls silent", async () => {
    answer = (_, response) => void response.writeHead(200, { "content-length": 10 }).write("x");
    await expect(get({ attempts: 1, patience: 50 })).rejects.toThrow(/no byte for 0.05 s/);
  });
});

describe("MNIST from disk", () => {
  /** A small set of the same form: n images whose first pixel is their number. */
  function writeSet(into: string, sizes: { train: number; t10k: number }, zipped = true): void {
    mkdirSync(into, { recursive: true });
    for (const [part, n] of Object.entries(sizes)) {
      const images = new Uint8Array(n * 6);
      for (let i = 0; i < n; i++) images[6 * i] = i;
      const labels = Uint8Array.from({ length: n }, (_, i) => i % 10);
      for (const [name, bytes] of [
        [`${part}-images-idx3-ubyte`, encodeIdx(images, [n, 2, 3])],
        [`${part}-labels-idx1-ubyte`, encodeIdx(labels, [n])],
      ] as const)
        writeFileSync(join(into, zipped ? `${name}.gz` : name), zipped ? gzipSync(bytes) : bytes);
    }
  }

  it("is found in ATLAS_DATA/mnist, in ATLAS_DATA, then in the cache", async () => {
    const environment = { ATLAS_DATA: join(folder, "data") };
    const cache = join(folder, "cache");
    expect(findMnist({ environment, cache })).toBeUndefined();
    writeSet(join(cache, "mnist"), { train: 3, t10k: 2 });
    expect(findMnist({ environment, cache })).toBe(join(cache, "mnist"));
    writeSet(join(folder, "data"), { train: 3, t10k: 2 }, false);
    expect(findMnist({ environment, cache })).toBe(join(folder, "data"));
    writeSet(join(folder, "data", "mnist"), { train: 5, t10k: 2 });
    expect(findMnist({ environment, cache })).toBe(join(folder, "data", "mnist"));
    const { images, labels, shape } = await loadMnist({ environment, cache });
    expect([[...labels], shape]).toEqual([
      [0, 1, 2, 3, 4, 0, 1],
      [2, 3],
    ]);
    expect(images[6 * 3]).toBe(Math.fround(3 / 255));
    expect(images[6 * 6]).toBe(Math.fround(1 / 255));
    expect((await loadMnist({ environment, cache, part: "test" })).labels.length).toBe(2);
  });

  it("refuses sets whose images and labels do not fit, lacking files, and truncated ones", async () => {
    writeSet(folder, { train: 3, t10k: 2 });
    writeFileSync(join(folder, "train-labels-idx1-ubyte.gz"), gzipSync(encodeIdx(new Uint8Array(4), [4])));
    expect(() => readMnist(folder)).toThrow(/3 images but train-labels-idx1-ubyte 4 labels/);
    const whole = readFileSync(join(folder, "t10k-images-idx3-ubyte.gz"));
    writeFileSync(join(folder, "t10k-images-idx3-ubyte.gz"), whole.subarray(0, whole.length - 9));
    expect(() => readMnist(folder, "test")).toThrow(/t10k-images-idx3-ubyte.gz is truncated gzip/);
    rmSync(join(folder, "t10k-images-idx3-ubyte.gz"));
    expect(() => readMnist(folder, "test")).toThrow(/lacks t10k-images/);
    const absent = loadMnist({ environment: {}, cache: join(folder, "none") });
    await expect(absent).rejects.toThrow(UsageError);
    await expect(absent).rejects.toThrow(/atlas data mnist --download/);
  });

  const data = process.env.ATLAS_DATA;
  const there = data !== undefined && existsSync(join(data, "mnist", "train-images-idx3-ubyte.gz"));

  it.skipIf(!there)("(needs ATLAS_DATA) the real one has 70,000 images and the published label counts", async () => {
    const test = await loadMnist({ part: "test" });
    const counts = new Array(10).fill(0);
    for (const label of test.labels) counts[label]++;
    expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    const { images, labels, trainingImages } = await loadMnist();
    expect([images.length, labels.length, trainingImages]).toEqual([70_000 * 784, 70_000, MNIST_TRAINING_IMAGES]);
    expect([...labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    const mean = images.subarray(0, 60_000 * 784).reduce((sum, grey) => sum + grey, 0) / (60_000 * 784);
    expect(mean).toBeCloseTo(0.1307, 4);
  });

  it.skipIf(!there)("(needs ATLAS_DATA) is downloaded file by file with the right hashes", async () => {
    answer = (request, response) => serve(readFileSync(join(data!, "mnist", request.url!)))(request, response);
    const environment = {};
    const options = { environment, cache: folder, mirrors: [base], download: true, part: "test" as const };
    const seen = new Set<string>();
    const { labels } = await loadMnist({ ...options, onProgress: ({ file }) => seen.add(file) });
    expect([labels.length, seen.size, requests.length]).toEqual([10_000, 4, 4]);
    await downloadMnist(options);
    expect(requests.length).toBe(4); // what is there is kept
  });
});
