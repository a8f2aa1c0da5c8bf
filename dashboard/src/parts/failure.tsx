import { Problem } from "../data/problem.ts";
import { text } from "../strings.ts";
import { focusAround } from "./focus.ts";
import "./failure.css";

/** A sentence about an error, and a button to try again. */
export function Failure({
  error,
  onRetry,
  note = "",
}: {
  error: unknown;
  onRetry: () => void;
  /** What is shown nevertheless. */
  note?: string;
}) {
  const sentence =
    error instanceof Problem
      ? text.problem[error.kind](error.path)
      : text.unexpected(error instanceof Error ? error.message : String(error));
  return (
    <div class="failure" role="alert">
      <p>
        <strong>{text.failed}.</strong> {sentence} {note}
      </p>
      <button
        type="button"
        onClick={(event) => {
          focusAround(event.currentTarget);
          onRetry();
        }}
      >
        {text.retry}
      </button>
    </div>
  );
}
