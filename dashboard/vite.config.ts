import { defineConfig } from "vitest/config";

// Paths are relative: the page works from any folder of any host.
export default defineConfig({
  plugins: [
    {
      // The build has one style sheet. The development server has style elements, which the page's policy forbids.
      name: "allow-style-elements",
      apply: "serve",
      transformIndexHtml: (html) => html.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'"),
    },
  ],
  base: "./",
  build: { target: "es2023", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  test: { environment: "node", fileParallelism: false, testTimeout: 30_000, hookTimeout: 60_000 },
});
