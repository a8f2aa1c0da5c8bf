import type { Catalog } from "../data/catalog.ts";
import { text } from "../strings.ts";
import { pageInLanguage } from "../view/view.ts";
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
  const { generated: isGenerated, attribution, licence, source_code: code } = catalog;
  return (
    <footer>
      <p>
        {isGenerated ? (
          `${text.generated.notice}. ${text.generated.boundaries}`
        ) : (
          <Attribution attribution={attribution ?? ""} licence={licence} />
        )}{" "}
        {text.boundaries}
      </p>
      {isEmbedded && notUpToDate && <p>{notUpToDate}.</p>}
      {!isEmbedded && (
        <p>
          {text.about.notCity} <a href="docs/index.html">{text.docs}</a> ·{" "}
          <a href={pageInLanguage("use.html", location.search)}>{text.header.use}</a>
          {code && (
            <>
              {" "}
              · <a href={code}>{text.about.code}</a>
            </>
          )}
        </p>
      )}
    </footer>
  );
}

/** The attribution, with its licence as a link: within the sentence if that names it, and otherwise after it. */
function Attribution({ attribution, licence }: { attribution: string; licence: Catalog["licence"] }) {
  if (!licence) return <>{attribution}</>;
  const link = <a href={licence.url}>{licence.name}</a>;
  const at = attribution.indexOf(licence.name);
  return at < 0 ? (
    <>
      {attribution} ({link})
    </>
  ) : (
    <>
      {attribution.slice(0, at)}
      {link}
      {attribution.slice(at + licence.name.length)}
    </>
  );
}
