/** Why data cannot be shown. Each kind has a sentence in the catalogue of words. */
export type ProblemKind = "missing" | "damaged" | "other_format" | "unreachable" | "no_code";

/** A failure to read the file at `path`. */
export class Problem extends Error {
  constructor(
    readonly kind: ProblemKind,
    readonly path: string,
    detail = "",
  ) {
    super(`${kind}: ${path}${detail && ` (${detail})`}`);
    this.name = "Problem";
  }
}
