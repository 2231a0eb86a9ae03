// SPDX-License-Identifier: Apache-2.0
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const api = process.env["LAYANG_API"] ?? "http://127.0.0.1:8710";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // The browsers that know light-dark(): the tokens rest on it.
    target: ["chrome123", "firefox120", "safari17.5"],
    // The node answers with a policy that allows `data:` for images only: a small font stays a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { host: "127.0.0.1", proxy: { "/api": { target: api } } },
});
