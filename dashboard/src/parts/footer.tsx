import type { Catalog } from "../data/catalog.ts";
import { text } from "../strings.ts";
import "./footer.css";

/** The bottom of the page: the origin and licence of its data, and links to them. */
export function Footer({
  catalog,
  isEmbedded,
  notUpToDate,
}: {
  catalog: Catalog;
  isEmbedded: boolean;
  /** A notice that some data are not up to date, if any. Embedded pages have no header to show it in. */
  notUpToDate: string | null;
}) {
  const { generated: isGenerated, attribution, licence } = catalog;
  return (
    <footer>
      <p>
        {isGenerated ? `${text.generated.notice}. ${text.generated.boundaries}` : attribution}{" "}
        {licence && (
          <>
            (<a href={licence.url}>{licence.name}</a>){" "}
          </>
        )}
        {text.boundaries}
      </p>
      {isEmbedded && notUpToDate && <p>{notUpToDate}.</p>}
      {!isEmbedded && (
        <p>
          <a href="docs/index.html">{text.docs}</a> · <a href="data/catalog.json">{text.data}</a>
        </p>
      )}
    </footer>
  );
}
