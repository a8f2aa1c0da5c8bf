import { defineConfig } from "vitest/config";

/** What the entry needs to fetch the data. */
const START = /preload-helper|\/data\/(ahead|calendar|catalog|problem|span)\.|\/view\/view\./;
/** What only the map and the panels beside it need. It is loaded once the answer is shown. */
const MAP = new RegExp(
  [
    "/panels/(panels\\.|explore/|map/(?!zoom_behaviour))",
    "/data/boundaries\\.",
    "/view/(left_out|locate|open_share|telling)\\.",
    "/parts/tooltip",
    "/d3-(geo|array)/",
    "/topojson",
  ].join("|"),
);
/** What is loaded once somebody opens a menu beside the answer. */
const MENUS = /\/panels\/share\/(?!tools\.)/;
/** What is loaded once the map is shown. */
const LATER = new RegExp(
  [
    "/panels/(?!answer\\.|ask/)",
    "/parts/(later|line_chart)",
    "/data/(changes|days|durations|open|quality|unusual)\\.",
    "/view/(durations|use_near)\\.",
    "/words/standards",
    "/d3-",
  ].join("|"),
);
/** The other files of the code, each in the first group that it fits. */
const FIRST = /^(?!.*\/((main|pseudo|use\/[a-z]+)\.|places\.json))/;
const GROUPS = { start: START, map: MAP, menus: MENUS, later: LATER, first: FIRST };
const isCode = (path: string) => /\.(ts|tsx|js|mjs|json)$/.test(path);

// Paths are relative: the page works from any folder of any host.
export default defineConfig({
  plugins: [
    {
      // The build has one style sheet. The development server has style elements, which the page's policy forbids.
      name: "allow-style-elements",
      apply: "serve",
      transformIndexHtml: (html) => html.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'"),
    },
    {
      // The entry imports the code of the answer while it runs, so Vite does not preload it.
      name: "preload-first",
      apply: "build",
      transformIndexHtml: {
        order: "post",
        handler: (_html, { bundle = {} }) =>
          Object.keys(bundle)
            .filter((name) => name.startsWith("assets/first-"))
            .map((name) => ({
              tag: "link",
              attrs: { rel: "modulepreload", crossorigin: true, href: `./${name}` },
              injectTo: "head" as const,
            })),
      },
    },
  ],
  base: "./",
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // The dashboard, and "Use the data".
      input: ["index.html", "use.html"],
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: Object.entries(GROUPS).map(([name, parts], at) => ({
            name,
            test: (path: string) => isCode(path) && parts.test(path),
            priority: 5 - at,
          })),
        },
      },
    },
  },
  test: { environment: "node", maxWorkers: 2, testTimeout: 60_000, hookTimeout: 60_000 },
});
