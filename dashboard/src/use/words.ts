import { LOCALE } from "../words/en.ts";
import { formatsOf } from "../words/format.ts";

const { integer, decimal } = formatsOf(LOCALE);

/** The words of the page "Use the data", in English. The first page does not load them. */
const en = {
  title: "Use the data",
  back: "Map and rankings",
  intro:
    "Everything on this site is made from the tables below. They are Parquet files: most tools read them from their address, and fetch only the parts that they need. There is nothing to sign up for.",
  through: (day: string) => `Requests to ${day}`,
  published: (day: string) => `newest City file of ${day}`,
  tables: "Tables",
  table: "Table",
  rows: "Rows",
  size: "Size",
  files: "Files",
  columns: (count: number) => (count === 1 ? "1 column" : `${integer(count)} columns`),
  column: "Column",
  type: "Type",
  meaning: "Meaning",
  bytes: (bytes: number) =>
    bytes < 1000
      ? `${integer(bytes)} B`
      : bytes < 1e6
        ? `${integer(Math.round(bytes / 1e3))} kB`
        : `${decimal(bytes / 1e6)} MB`,
  year: (year: number, format: string) =>
    format === "parquet" ? `${year}` : `${year} (${format.toUpperCase()})`,
  whole: (format: string) => (format === "parquet" ? "Parquet" : format.toUpperCase()),
  dictionary: "Data dictionary: every table, column, test and where it comes from",
  recipes: "Query them",
  recipesIntro: "Each of these counts the requests of every ward in the latest year.",
  tools: {
    duckdb: "DuckDB",
    pandas: "pandas",
    polars: "Polars",
    r: "R",
    javascript: "JavaScript",
    spreadsheet: "Excel",
  },
  notes: {
    duckdb: "SQL, in DuckDB's command line or any of its clients.",
    pandas: "Needs pyarrow.",
    polars: "",
    r: "Needs the package arrow.",
    javascript: "Needs the package hyparquet, in Node.js or a browser.",
    spreadsheet:
      "Data, Get Data, From Other Sources, Blank Query: this line loads the table. For a table of what you see on the map, choose Download there.",
  },
  copy: "Copy",
  copied: "Copied.",
  agents: "Agents begin with llms.txt, which says how to answer a question from the tables.",
  addresses:
    "The addresses in these lines stay, and their content changes when the City publishes. The files that the catalog lists never change: an analysis that has to be repeatable uses those, and checks their SHA-256.",
  terms: "Licence and citation",
  licence: "Licence",
  noLicence: "These data are generated and are not the City's, so its licence does not apply.",
  cite: "Cite as",
  citation: (title: string, source: string, address: string, through: string) =>
    `${title}. ${source} Data to ${through}. ${address}`,
  follow: "Follow",
  followIntro: "Feeds for a news reader:",
  publications: "What the City changed, with each publication",
  wards: "One feed per ward: its requests each month, and what was unusual",
  ward: (id: number) => `Ward ${id}`,
  changes: "The same for programs: changes.json",
  descriptions: "Descriptions for programs",
  described: {
    "data/catalog.json": "Catalog: every file with its size and SHA-256",
    "data/datapackage.json": "Data Package (Frictionless Data)",
    "data/croissant.json": "Croissant (MLCommons)",
    "data/dcat.jsonld": "DCAT-AP 3",
    "llms.txt": "llms.txt",
  },
  contract: "contract",
};

/** The words in the language of the page. */
export let wordsOfUse = en;

/** Changes the language, before the page is rendered. */
export function speakUse(words: typeof en) {
  wordsOfUse = words;
}
