/**
 * The City's aims for how long requests take, in days, by request type and by category. City staff named them to CityNews:
 * https://toronto.citynews.ca/2022/02/08/toronto-311-complaints-app-website/
 */
export const STANDARDS: Readonly<Record<string, { days: number; words: string }>> = {
  Bins: { days: 7, words: "seven days" },
  "Residential Bin Lid Damaged": { days: 7, words: "seven days" },
  "General Pruning": { days: 56, words: "eight weeks" },
  "Tree Emergency Clean-Up": { days: 3, words: "three days after a storm" },
  "Property Standards and Maintenance Violations": { days: 7, words: "five business days" },
};
