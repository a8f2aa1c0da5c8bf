/**
 * The City's aims for how long requests take, in days, by request type and by category. City staff named them to CityNews:
 * https://toronto.citynews.ca/2022/02/08/toronto-311-complaints-app-website/
 */
export const STANDARDS: Readonly<Record<string, { days: number; standard: Standard }>> = {
  Bins: { days: 7, standard: "bins" },
  "Residential Bin Lid Damaged": { days: 7, standard: "bins" },
  // The current name of General Pruning.
  "General Tree Maintenance": { days: 56, standard: "pruning" },
  "Tree Emergency Clean-Up": { days: 3, standard: "fallen_trees" },
  "Property Standards and Maintenance Violations": { days: 7, standard: "property" },
};

/** An aim, whose words are in the catalogue. */
export type Standard = "bins" | "pruning" | "fallen_trees" | "property";
