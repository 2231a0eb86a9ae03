// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** What the brief allows the first page in English to weigh: JavaScript, CSS and fonts, gzipped, in bytes. */
export const allowed = 350_000;

interface Chunk {
  readonly file: string;
  readonly css?: readonly string[];
  readonly imports?: readonly string[];
}
export interface FirstLoad {
  /** Largest first; `bytes` after gzip (fonts are compressed already: as they are). */
  readonly files: readonly { readonly file: string; readonly bytes: number }[];
  readonly bytes: number;
}

/** The files that a browser fetches to show `page` in English for the first time, from the build's manifest. */
export const firstLoad = (dist: string, page = "src/pages/Now.tsx"): FirstLoad => {
  const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8")) as Record<string, Chunk>;
  const files = new Set(["index.html", "theme.js"]);
  const seen = new Set<string>();
  const take = (key: string): void => {
    const chunk = manifest[key];
    if (chunk === undefined || seen.has(key)) return;
    seen.add(key);
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
    for (const next of chunk.imports ?? []) take(next);
  };
  take("index.html");
  take(page);
  for (const { file } of Object.values(manifest)) {
    if (/noto-sans(-mono)?-latin-(400|600)-normal.*\.woff2$/.test(file)) files.add(file);
  }
  const weighed = [...files]
    .map((file) => {
      const bytes = readFileSync(join(dist, file));
      return { file, bytes: file.endsWith(".woff2") ? bytes.length : gzipSync(bytes).length };
    })
    .sort((a, b) => b.bytes - a.bytes);
  return { files: weighed, bytes: weighed.reduce((sum, { bytes }) => sum + bytes, 0) };
};

if (process.argv[1] === import.meta.filename) {
  const { files, bytes } = firstLoad(join(import.meta.dirname, "dist"));
  for (const one of files) process.stdout.write(`${String(one.bytes).padStart(8)}  ${one.file}\n`);
  process.stdout.write(`${String(bytes).padStart(8)}  of ${allowed} allowed\n`);
  if (bytes > allowed) process.exitCode = 1;
}
