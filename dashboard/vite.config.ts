import { defineConfig } from "vitest/config";

// Paths are relative: the page works from any folder of any host.
export default defineConfig({
  base: "./",
  build: { target: "es2023", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  test: { environment: "node", fileParallelism: false, testTimeout: 30_000, hookTimeout: 60_000 },
});
