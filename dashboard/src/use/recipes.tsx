import { useState } from "preact/hooks";

import { DATA } from "../data/catalog.ts";
import { text } from "../strings.ts";
import type { DescribedCatalog } from "./catalog.ts";
import { findMart } from "./catalog.ts";
import type { Tool } from "./recipes.ts";
import { recipesOf } from "./recipes.ts";

/** The table that the lines query. */
const TABLE = "requests_by_ward";

/** Lines for each tool, with the site's own address in them. */
export function Recipes({ catalog }: { catalog: DescribedCatalog }) {
  const table = findMart(catalog, TABLE);
  const latest = table?.files.at(-1);
  if (!table || latest?.year === undefined) return null;
  const address = new URL(DATA + (table.address ?? latest.path), location.href).href;
  const recipes = Object.entries(recipesOf(address, latest.year)) as [Tool, string][];
  return (
    <section class="panel" aria-labelledby="recipes">
      <h2 id="recipes">{text.use.recipes}</h2>
      <p>{text.use.recipesIntro}</p>
      {recipes.map(([tool, lines]) => (
        <Recipe key={tool} tool={tool} lines={lines} />
      ))}
      <p>{text.use.addresses}</p>
    </section>
  );
}

function Recipe({ tool, lines }: { tool: Tool; lines: string }) {
  const [isCopied, setCopied] = useState(false);
  return (
    <article class="recipe" aria-labelledby={`tool-${tool}`}>
      <h3 id={`tool-${tool}`}>{text.use.tools[tool]}</h3>
      {text.use.notes[tool] && <p class="help">{text.use.notes[tool]}</p>}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- keys scroll it */}
      <div class="lines" tabIndex={0} role="group" aria-labelledby={`tool-${tool}`}>
        <pre data-tool={tool}>{lines}</pre>
      </div>
      <p>
        <button
          type="button"
          aria-describedby={`tool-${tool}`}
          onClick={() => {
            navigator.clipboard.writeText(lines).then(
              () => {
                setCopied(true);
              },
              () => {
                // The lines can be selected.
              },
            );
          }}
        >
          {text.use.copy}
        </button>{" "}
        <span role="status">{isCopied ? text.use.copied : ""}</span>
      </p>
    </article>
  );
}
