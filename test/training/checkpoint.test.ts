import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.js";
import { holdsCheckpoint, readCheckpoint, writeCheckpoint } from "../../src/training/index.js";
import { bundled } from "./child.js";

const base = mkdtempSync(join(tmpdir(), "checkpoint-"));
let folder = "";
let number = 0;
beforeEach(() => {
  folder = join(base, `run${number++}`);
});
afterAll(() => rmSync(base, { recursive: true }));

const write = (version: number, names = ["a.bin", "b.txt"], into = folder) =>
  writeCheckpoint(
    into,
    { model: "test", version2: version },
    Object.fromEntries(names.map((name) => [name, `${name} of version ${version}`])),
  );
const read = (from = folder) => {
  const { config, files } = readCheckpoint(from, (c) => Object.keys(c.files));
  return {
    version: config.version2,
    files: Object.fromEntries([...files].map(([k, v]) => [k, Buffer.from(v).toString()])),
  };
};
const expected = (version: number, names = ["a.bin", "b.txt"]) => ({
  version,
  files: Object.fromEntries(names.map((name) => [name, `${name} of version ${version}`])),
});

describe("checkpoints", () => {
  it("return what was written, and list files with their sizes", () => {
    write(1);
    expect(holdsCheckpoint(folder)).toBe(true);
    expect(read()).toEqual(expected(1));
    const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    expect(config).toMatchObject({ format: "latent-atlas checkpoint", version: 1, files: { "a.bin": { bytes: 18 } } });
    expect(readdirSync(folder).sort()).toEqual(["a.bin", "b.txt", "config.json"]);
  });

  it("are replaced as a whole: files that are gone are removed, files of others stay", () => {
    write(1, ["a.bin", "old.bin"]);
    writeFileSync(join(folder, "map.svg"), "a picture");
    write(2, ["a.bin", "new.bin"]);
    expect(read()).toEqual(expected(2, ["a.bin", "new.bin"]));
    expect(readdirSync(folder).sort()).toEqual(["a.bin", "config.json", "map.svg", "new.bin"]);
  });

  it("keep files that are asked to stay", () => {
    write(1, ["a.bin", "b.txt"]);
    writeCheckpoint(folder, { model: "test", version2: 2 }, { "c.txt": "more" }, { keep: ["a.bin"] });
    expect(read()).toEqual({ version: 2, files: { "a.bin": "a.bin of version 1", "c.txt": "more" } });
    expect(existsSync(join(folder, "b.txt"))).toBe(false);
  });

  it("survive a kill at every moment of a write", () => {
    // The states of the disk that a writer passes through, made by hand from the old and the new content.
    const old = join(base, "old");
    const fresh = join(base, "fresh");
    write(1, ["a.bin", "gone.txt"], old);
    write(2, ["a.bin", "b.txt"], fresh);
    const next = join(folder, ".next");
    const moved = (...names: string[]) => {
      rmSync(folder, { recursive: true, force: true });
      cpSync(old, folder, { recursive: true });
      cpSync(fresh, next, { recursive: true });
      for (const name of names) renameSync(join(next, name), join(folder, name));
      // what the new content lacks goes before the config comes
      if (names.includes("config.json")) rmSync(join(folder, "gone.txt"));
    };
    const afterwards = () => {
      write(3);
      expect(read()).toEqual(expected(3));
      expect(readdirSync(folder).sort()).toEqual(["a.bin", "b.txt", "config.json"]);
    };

    moved(); // half written: the old content holds
    renameSync(next, join(folder, ".writing-1-abc"));
    rmSync(join(folder, ".writing-1-abc", "config.json"));
    expect(read()).toEqual(expected(1, ["a.bin", "gone.txt"]));
    afterwards();

    const stages: string[][] = [[], ["a.bin"], ["b.txt"], ["a.bin", "b.txt"], ["a.bin", "b.txt", "config.json"]];
    for (const stage of stages) {
      moved(...stage);
      expect(read(), `after moving ${stage}`).toEqual(expected(2));
      afterwards();
    }

    moved("a.bin", "b.txt"); // the file that is gone was removed already
    rmSync(join(folder, "gone.txt"));
    expect(read()).toEqual(expected(2));
    afterwards();
  });

  it("survive kill -9 of a process that writes without pause", async () => {
    const script = await bundled(
      `import { writeCheckpoint } from "../../src/training/checkpoint.js";
       const folder = process.argv[2];
       for (let i = 1; ; i++) {
         const content = Buffer.alloc(200_000, i % 251);
         writeCheckpoint(folder, { model: "test", stamp: i % 251 }, { "a.bin": content, ["odd" + (i % 2)]: content });
         if (i === 1) process.stdout.write("go");
       }`,
      "writer",
    );
    for (let round = 0; round < 6; round++) {
      const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
      await new Promise((resolve) => child.stdout.once("data", resolve));
      await new Promise((resolve) => setTimeout(resolve, 20 + 13 * round));
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
      const { config, files } = readCheckpoint(folder, (c) => Object.keys(c.files));
      expect(files.size).toBe(2);
      for (const bytes of files.values()) expect(bytes.every((b) => b === config.stamp)).toBe(true);
    }
    write(9);
    expect(readdirSync(folder).sort()).toEqual(["a.bin", "b.txt", "config.json"]);
  });

  it("are refused when damaged, with the file's name", () => {
    const damage = (name: string, change: (path: string) => void) => {
      write(1);
      change(join(folder, name));
      return () => read();
    };
    const a = join(folder, "a.bin");
    expect(damage("a.bin", (p) => rmSync(p))).toThrow(
      `${a} is missing, but config.json lists it; restore it or train again.`,
    );
    rmSync(folder, { recursive: true });
    expect(damage("a.bin", (p) => writeFileSync(p, "a.bin of"))).toThrow(`${a} is damaged (8 bytes instead of 18);`);
    rmSync(folder, { recursive: true });
    expect(damage("a.bin", (p) => writeFileSync(p, "a.bin of version 9"))).toThrow(
      `${a} is damaged (its contents are not those that were written);`,
    );
    rmSync(folder, { recursive: true });
    expect(damage("config.json", (p) => writeFileSync(p, '{"format":'))).toThrow(
      /config.json is damaged \(it is not JSON\)/,
    );
    rmSync(folder, { recursive: true });
    expect(damage("config.json", (p) => writeFileSync(p, '{"format": "other"}'))).toThrow(
      /config.json is not the config of a checkpoint \(format:/,
    );
    rmSync(folder, { recursive: true });
    expect(() => read()).toThrow(`${folder} does not exist, so it is no checkpoint;`);
    mkdirSync(folder);
    expect(() => read()).toThrow(`${folder} holds no config.json, so it is no checkpoint;`);
  });

  it("do not overwrite what is not theirs, and say where they cannot write", () => {
    mkdirSync(folder);
    writeFileSync(join(folder, "config.json"), '{"name": "another program"}');
    expect(() => write(1)).toThrow(UsageError);
    expect(readdirSync(folder)).toEqual(["config.json"]);
    writeFileSync(join(base, "file"), "");
    expect(() => write(1, ["a"], join(base, "file"))).toThrow(/cannot be written \((EEXIST|ENOTDIR)\)/);
  });
});
