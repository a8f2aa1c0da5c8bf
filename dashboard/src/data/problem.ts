/** Why there is nothing to show: each kind has its own sentence in `strings.ts`. */
export type ProblemKind = "missing" | "damaged" | "other_format" | "unreachable";

/** A failure to get data, of which `path` names the file. */
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
