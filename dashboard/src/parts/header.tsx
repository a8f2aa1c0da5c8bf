import type { Catalog } from "../data/catalog.ts";
import { format, text } from "../strings.ts";
import { ThemeSwitch } from "../theme.tsx";
import { pageInLanguage } from "../view/view.ts";
import "./header.css";

/** The City's page about 311, where problems are reported. */
export const REPORT = "https://www.toronto.ca/311";
/** The sections that a keyboard can skip to. */
const SECTIONS = ["answer", "explore", "series", "about"] as const;

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
  return (
    <header class="top">
      <nav class="skip" aria-label={text.header.skip}>
        {SECTIONS.map((section) => (
          <a key={section} href={`#${section}`}>
            {text.header.skipTo[section]}
          </a>
        ))}
      </nav>
      <h1>{text.title}</h1>
      <p class="subtitle">{text.subtitle}</p>
      <p class="as-of">
        {catalog.generated ? text.generated.asOf(through) : text.header.asOf(through)}
        {!catalog.generated && catalog.as_of !== null && (
          <>
            {" · "}
            <a href="#quality">{text.header.published(format.day(new Date(catalog.as_of)))}</a>
          </>
        )}
        {notUpToDate && (
          <>
            {" · "}
            {hasRefusals ? <a href="#refusals">{notUpToDate}</a> : notUpToDate}
          </>
        )}
      </p>
      <a href="#about">{text.header.about}</a>
      <a href={pageInLanguage("use.html", location.search)}>{text.header.use}</a>
      <a href={REPORT} target="_blank" rel="noreferrer">
        {text.header.report}
      </a>
      <ThemeSwitch />
    </header>
  );
}
