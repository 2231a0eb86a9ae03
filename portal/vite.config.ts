// SPDX-License-Identifier: Apache-2.0
import react from "@vitejs/plugin-react";
import { type Plugin, defineConfig } from "vite";

const api = process.env["LAYANG_API"] ?? "http://127.0.0.1:8710";

/** Every browser that the portal knows takes WOFF2: the older form would only fill the disk. */
const woff2Only: Plugin = {
  name: "woff2-only",
  enforce: "pre",
  transform: (code, id) =>
    id.endsWith(".css") && id.includes("@fontsource")
      ? { code: code.replaceAll(/,\s*url\([^)]*\.woff\)\s*format\('woff'\)/g, ""), map: null }
      : undefined,
};

export default defineConfig({
  root: import.meta.dirname,
  plugins: [woff2Only, react()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // The browsers that know light-dark(): the tokens rest on it.
    target: ["chrome123", "firefox120", "safari17.5"],
    // The node answers with a policy that allows `data:` for images only: a small font stays a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // portal/size.ts reads from it what the first page needs.
    manifest: true,
  },
  server: { host: "127.0.0.1", proxy: { "/api": { target: api } } },
});
