import { text } from "../strings.ts";

/**
 * Returns the plain label of a type, or else its name made readable by rules: for "Access - Complaint - Road Operations",
 * "Access: Complaint, Road Operations".
 */
export function plainType(name: string): string {
  const label = text.typeLabels[name];
  if (label !== undefined) return label;
  const [first = name, ...rest] = name
    .replace(/\s*[-–/:]\s*not picked up$/i, " not picked up")
    .split(/\s+-\s+|:\s+/);
  return rest.length === 0 ? first : `${first}: ${rest.join(", ")}`;
}
