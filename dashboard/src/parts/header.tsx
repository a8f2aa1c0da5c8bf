import type { Catalog } from "../data/catalog.ts";
import { format, text } from "../strings.ts";
import { ThemeSwitch } from "../theme.tsx";
import "./header.css";

/** The top of the page: its title, the date of its data, and the theme. */
export function Header({
  catalog,
  dataThrough,
  notUpToDate,
  hasRefusals,
}: {
  catalog: Catalog;
  dataThrough: Date;
  /** A notice that some data are not up to date, if any. */
  notUpToDate: string | null;
  /** Whether the section that the notice links to is on the page. */
  hasRefusals: boolean;
}) {
  const through = format.day(dataThrough);
  const published = catalog.as_of === null ? null : format.day(new Date(catalog.as_of));
  return (
    <header class="top">
      <a class="skip" href="#ranking">
        {text.skip}
      </a>
      <div class="top-inner">
        <div>
          <h1>{text.title}</h1>
          <p class="subtitle">{text.subtitle}</p>
        </div>
        <div class="top-side">
          <p class="as-of">
            {catalog.generated ? text.generated.asOf(through) : text.asOf(through, published)}
            {notUpToDate && (
              <>
                {" · "}
                {hasRefusals ? <a href="#refusals">{notUpToDate}</a> : notUpToDate}
              </>
            )}
          </p>
          <ThemeSwitch />
        </div>
      </div>
    </header>
  );
}
