import { useEffect, useState } from "preact/hooks";

import { DATA } from "../data/catalog.ts";
import { feedOf } from "../data/feeds.ts";
import { WARD_MODEL } from "../generated/contract.ts";
import { GeneratedBanner } from "../parts/banner.tsx";
import { Failure } from "../parts/failure.tsx";
import { format, text } from "../strings.ts";
import { ThemeSwitch } from "../theme.tsx";
import { pageInLanguage } from "../view/view.ts";
import type { DescribedCatalog } from "./catalog.ts";
import { fetchDescribed, findMart } from "./catalog.ts";
import { Recipes } from "./recipes.tsx";
import { Tables } from "./tables.tsx";
import "../parts/header.css";
import "./use.css";

/** The wards of today. Each has a feed. */
const WARDS = Array.from({ length: WARD_MODEL }, (_, at) => at + 1);

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
    ...(catalog?.data_through ? [text.use.through(format.day(new Date(catalog.data_through)))] : []),
    ...(catalog?.as_of && !catalog.generated
      ? [text.use.published(format.day(new Date(catalog.as_of)))]
      : []),
  ];
  return (
    <header class="top">
      <h1>{text.use.title}</h1>
      <p class="as-of">{days.join(" · ")}</p>
      <a href={pageInLanguage("index.html", location.search)}>{text.use.back}</a>
      <ThemeSwitch />
    </header>
  );
}

function Sections({ catalog }: { catalog: DescribedCatalog }) {
  return (
    <>
      <p>{text.use.intro}</p>
      <Recipes catalog={catalog} />
      <Tables catalog={catalog} />
      <Terms catalog={catalog} />
      <Follow />
      <Descriptions />
    </>
  );
}

function Terms({ catalog }: { catalog: DescribedCatalog }) {
  const { licence, attribution, citation } = catalog;
  return (
    <section class="panel" aria-labelledby="terms">
      <h2 id="terms">{text.use.terms}</h2>
      {licence ? (
        <p>
          {text.use.licence}: <a href={licence.url}>{licence.name}</a>. {attribution}
        </p>
      ) : (
        <p>{text.use.noLicence}</p>
      )}
      {citation && (
        <p>
          {text.use.cite}: <q>{`${citation} ${location.origin}${location.pathname}`}</q>
        </p>
      )}
      {findMart(catalog, "area_denominators") && <p>{text.boundaries}</p>}
    </section>
  );
}

function Follow() {
  return (
    <section class="panel" aria-labelledby="follow">
      <h2 id="follow">{text.use.follow}</h2>
      <p>{text.use.followIntro}</p>
      <ul class="notes">
        <li>
          <a href="feeds/publications.atom">{text.use.publications}</a>
        </li>
        <li>
          {text.use.wards}:{" "}
          <span class="wards">
            {WARDS.map((ward) => (
              <a key={ward} href={feedOf(String(ward))}>
                {text.use.ward(ward)}
              </a>
            ))}
          </span>
        </li>
        <li>
          <a href={`${DATA}changes.json`}>{text.use.changes}</a>
        </li>
      </ul>
    </section>
  );
}

function Descriptions() {
  return (
    <section class="panel" aria-labelledby="descriptions">
      <h2 id="descriptions">{text.use.descriptions}</h2>
      <ul class="notes">
        {Object.entries(text.use.described).map(([path, name]) => (
          <li key={path}>
            <a href={path}>{name}</a>
          </li>
        ))}
      </ul>
      <p>{text.use.agents}</p>
    </section>
  );
}
