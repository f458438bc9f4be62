/**
 * Downloads of one file from a list of mirrors: resumed where they broke off, checked by hash, put in place by a rename.
 *
 * What has arrived lies next to the target as `NAME.part`; a later call goes on from there with an HTTP Range request.
 * The hash is of the unpacked bytes, since mirrors may have packed the same file differently.
 */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, renameSync, statSync, truncateSync } from "node:fs";
import { basename, dirname } from "node:path";
import { RunError, UsageError } from "../errors.js";
import { discard, makeFolder } from "../numerics/files.js";
import { unpack } from "./idx.js";

/** How far a download is. */
export interface DownloadProgress {
  readonly file: string;
  /** Bytes on disk so far. */
  readonly received: number;
  /** Bytes of the whole file, where the server says. */
  readonly total?: number;
}

/** What to download. */
export interface DownloadOptions {
  /** Full addresses of the file, tried in this order. */
  readonly urls: readonly string[];
  /** Where it goes. */
  readonly path: string;
  /** MD5 of the unpacked bytes, hexadecimal. */
  readonly md5: string;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Tries for each mirror before the next is asked. */
  readonly attempts?: number;
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly patience?: number;
}

/**
 * Downloads a file and checks it. Returns when it is in place.
 * @throws RunError if no mirror delivers it; what has arrived of it is kept for the next call, unless its hash is wrong.
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { urls, path, md5, attempts = 3 } = options;
  const part = `${path}.part`;
  try {
    makeFolder(dirname(path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new UsageError(`${dirname(path)} cannot be made (${code}); set ATLAS_CACHE to a folder that is yours.`);
  }
  const failures: string[] = [];
  for (const url of urls) {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const resumed = sizeOf(part) > 0;
      try {
        await fetchRest(url, part, options);
      } catch (error) {
        if (error instanceof UsageError) throw error;
        failures.push(`${new URL(url).host}: ${describe(error)}`);
        if (error instanceof Refusal) break;
        continue;
      }
      if (hashOf(part) === md5) {
        renameSync(part, path);
        return;
      }
      // A part begun at another mirror, or another day, may not fit: once more from the start.
      discard(part);
      failures.push(`${new URL(url).host}: the file has another hash than expected`);
      if (!resumed) break;
    }
  }
  const kept = existsSync(part) ? "; what has arrived is kept, so trying again goes on from there" : "";
  throw new RunError(
    `${basename(path)} could not be downloaded (${[...new Set(failures)].join("; ")})${kept}; or put the file at ${path} yourself.`,
  );
}

/** The server answered, and the answer is no: asking again is useless. */
class Refusal extends Error {}

/** Appends to `part` what it lacks of the file at `url`. @throws if the connection breaks or the server refuses. */
async function fetchRest(url: string, part: string, options: DownloadOptions): Promise<void> {
  const have = sizeOf(part);
  const { patience = 30_000 } = options;
  const abort = new AbortController();
  const broken = new Error(`no byte for ${patience / 1000} s`);
  let timer = setTimeout(() => abort.abort(broken), patience);
  try {
    const headers: Record<string, string> = { "accept-encoding": "identity" };
    if (have > 0) headers.range = `bytes=${have}-`;
    const response = await fetch(url, { headers, signal: abort.signal });
    if (response.status === 416) {
      // Nothing after what we have: it is whole (the hash will tell), or it is none of this file.
      await response.body?.cancel();
      return;
    }
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      const sentence = `answered ${response.status}`;
      throw response.status >= 500 || response.status === 429 ? new Error(sentence) : new Refusal(sentence);
    }
    let received = have;
    const start = Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1]);
    if (have > 0 && !(response.status === 206 && start === have)) {
      truncateSync(part, 0); // the server does not resume: it sends everything
      received = 0;
    }
    // With a content encoding, the length is that of the encoded bytes, which we do not see.
    const length = response.headers.get("content-encoding") ? null : response.headers.get("content-length");
    const total = length === null ? undefined : received + Number(length);
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(broken), patience);
      append(part, chunk);
      received += chunk.length;
      options.onProgress?.({ file: basename(options.path), received, total });
    }
    if (total !== undefined && received < total) throw new Error(`sent ${received} of ${total} bytes`);
  } finally {
    clearTimeout(timer);
  }
}

function append(part: string, chunk: Uint8Array): void {
  try {
    appendFileSync(part, chunk);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new UsageError(
      `${part} cannot be written (${code}); set ATLAS_CACHE to a folder that is yours and has room.`,
    );
  }
}

function hashOf(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return createHash("md5")
      .update(unpack(readFileSync(path), path))
      .digest("hex");
  } catch {
    return undefined; // truncated or damaged gzip is as wrong as a wrong hash
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The innermost reason: fetch wraps "ECONNREFUSED" in "fetch failed". */
function describe(error: unknown): string {
  const { message, cause } = error as { message: string; cause?: { code?: string; message?: string } };
  return cause?.code ?? (cause?.message || message);
}
