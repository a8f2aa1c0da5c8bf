/**
 * The name under which a division is counted. The City renamed Parks, Forestry & Recreation in 2025, and published its rows
 * for a time as Parks and Recreation.
 */
const CURRENT: Readonly<Record<string, string>> = {
  "Parks, Forestry & Recreation": "Environment, Climate & Forestry",
  "Parks and Recreation": "Environment, Climate & Forestry",
};

/** Returns the current name of a division. */
export function divisionNamed(name: string): string {
  return CURRENT[name] ?? name;
}

/** Returns the former names of a division. */
export function formerNamesOf(division: string): string[] {
  return Object.entries(CURRENT).flatMap(([former, current]) => (current === division ? former : []));
}
