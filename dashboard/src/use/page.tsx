import { useEffect, useState } from "preact/hooks";

import { DATA } from "../data/catalog.ts";
import { feedOf } from "../data/feeds.ts";
import { GeneratedBanner } from "../parts/banner.tsx";
import { Failure } from "../parts/failure.tsx";
import { format, text } from "../strings.ts";
import { ThemeSwitch } from "../theme.tsx";
import type { DescribedCatalog } from "./catalog.ts";
import { fetchDescribed, findMart } from "./catalog.ts";
import { Recipes } from "./recipes.tsx";
import { Tables } from "./tables.tsx";
import { wordsOfUse as words } from "./words.ts";
import "../parts/header.css";
import "./use.css";

/** The wards since December 2018. Each has a feed. */
const WARDS = Array.from({ length: 25 }, (_, at) => at + 1);

/** What there is, how to query it, its terms, and how to follow it. */
export function UsePage({ catalog }: { catalog: Promise<DescribedCatalog> }) {
  const [read, setRead] = useState<DescribedCatalog | null>(null);
  const [error, setError] = useState<unknown>(null);
  const open = (from: Promise<DescribedCatalog>) => {
    setError(null);
    from.then(setRead, setError);
  };
  useEffect(() => {
    open(catalog);
  }, []);
  useEffect(() => {
    if (read?.generated) document.title = text.generated.title(document.title);
  }, [read]);
  return (
    <>
      {read?.generated && <GeneratedBanner />}
      <div class="page use">
        <Header catalog={read} />
        <main aria-busy={read === null && error === null}>
          {error !== null && (
            <Failure
              error={error}
              onRetry={() => {
                open(fetchDescribed());
              }}
            />
          )}
          {read && <Sections catalog={read} />}
        </main>
      </div>
    </>
  );
}

function Header({ catalog }: { catalog: DescribedCatalog | null }) {
  const days = [
    ...(catalog?.data_through ? [words.through(format.day(new Date(catalog.data_through)))] : []),
    ...(catalog?.as_of && !catalog.generated ? [words.published(format.day(new Date(catalog.as_of)))] : []),
  ];
  return (
    <header class="top">
      <h1>{words.title}</h1>
      <p class="as-of">{days.join(" · ")}</p>
      <a href="index.html">{words.back}</a>
      <ThemeSwitch />
    </header>
  );
}

function Sections({ catalog }: { catalog: DescribedCatalog }) {
  return (
    <>
      <p>{words.intro}</p>
      <Recipes catalog={catalog} />
      <Tables catalog={catalog} />
      <Terms catalog={catalog} />
      <Follow />
      <Descriptions />
    </>
  );
}

function Terms({ catalog }: { catalog: DescribedCatalog }) {
  const { licence, attribution, generated: isGenerated, data_through: through } = catalog;
  const source = isGenerated ? `${text.generated.notice}.` : (attribution ?? "");
  const day = through ? format.day(new Date(through)) : "";
  return (
    <section class="panel" aria-labelledby="terms">
      <h2 id="terms">{words.terms}</h2>
      {licence ? (
        <p>
          {words.licence}: <a href={licence.url}>{licence.name}</a>. {attribution}
        </p>
      ) : (
        <p>{words.noLicence}</p>
      )}
      <p>
        {words.cite}: <q>{words.citation(text.title, source, location.origin + location.pathname, day)}</q>
      </p>
      {findMart(catalog, "area_denominators") && <p>{text.boundaries}</p>}
    </section>
  );
}

function Follow() {
  return (
    <section class="panel" aria-labelledby="follow">
      <h2 id="follow">{words.follow}</h2>
      <p>{words.followIntro}</p>
      <ul class="notes">
        <li>
          <a href="feeds/publications.atom">{words.publications}</a>
        </li>
        <li>
          {words.wards}:{" "}
          <span class="wards">
            {WARDS.map((ward) => (
              <a key={ward} href={feedOf(String(ward))}>
                {words.ward(ward)}
              </a>
            ))}
          </span>
        </li>
        <li>
          <a href={`${DATA}changes.json`}>{words.changes}</a>
        </li>
      </ul>
    </section>
  );
}

function Descriptions() {
  return (
    <section class="panel" aria-labelledby="descriptions">
      <h2 id="descriptions">{words.descriptions}</h2>
      <ul class="notes">
        {Object.entries(words.described).map(([path, name]) => (
          <li key={path}>
            <a href={path}>{name}</a>
          </li>
        ))}
      </ul>
      <p>{words.agents}</p>
    </section>
  );
}
