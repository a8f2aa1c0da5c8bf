import { defineConfig } from "vitest/config";

/** What the first figures do not need: it is loaded once they are shown, as one file. */
const LATER = new RegExp(
  [
    "/panels/(about|duration|heat_map|series|share)/",
    "/panels/(below|breakdowns|categories|embedded|unusual)\\.",
    "/panels/map/zoom_behaviour",
    "/parts/(later|line_chart)",
    "/words/standards",
    "/d3-(?!geo|array)",
  ].join("|"),
);
const isCode = (path: string) => /\.(ts|tsx|js|mjs)$/.test(path);

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
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: "later", test: (path) => isCode(path) && LATER.test(path), priority: 2 },
            {
              name: "first",
              test: (path) => isCode(path) && !LATER.test(path) && !/\/(pseudo.ts|main.tsx)$/.test(path),
              priority: 1,
            },
          ],
        },
      },
    },
  },
  test: { environment: "node", maxWorkers: 2, testTimeout: 60_000, hookTimeout: 60_000 },
});
