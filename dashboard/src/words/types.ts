/**
 * Plain labels for the City's names of request types, which are shown beside them. They are of the types with the most
 * requests; the name of any other type is made readable by rules.
 */
const LABELS: Readonly<Record<string, string>> = {
  "Road Pothole / Road Damage": "Pothole or damaged road",
  "Residential Bin Lid Damaged": "Broken lid of a household bin",
  "Residential Bin Body or Handle Damaged": "Broken body or handle of a household bin",
  "Garbage Bin Missing": "Missing garbage bin",
  "Residential - Garbage Day Collection - Not Picked Up": "Garbage not picked up",
  "Residential - Recycling Day Collection - Not Picked Up": "Recycling not picked up",
  "Residential Recycling Day Collection Not Picked Up": "Recycling not picked up",
  "Residential Organics Not Picked Up": "Green bin not picked up",
  "Residential - Organics Green Bin Collection - Not Picked Up": "Green bin not picked up",
  "Residential Yard Waste Not Picked Up": "Yard waste not picked up",
  "Residential Oversized/Electronics Item Day Collection Not Picked Up":
    "Furniture, appliance or electronics not picked up",
  "Clean up Illegal Dumping on City Road Allowance": "Illegal dumping beside a road",
  "Clean up Debris on Road": "Debris on a road",
  "Pick up Dead Wildlife": "Dead wild animal to pick up",
  "Pick up Dead Domestic Animals": "Dead pet to pick up",
  "Injured - Wildlife": "Injured wild animal",
  "Property Standards and Maintenance Violations": "Building or yard below standards",
  "Adequate Heat": "No heat in a rented home",
  "Long Grass and Prohibited Plants on Private Property": "Long grass or weeds on private land",
  "Waste or Illegal Dumping on Private Property": "Waste dumped on private land",
  "Graffiti on Private Property": "Graffiti on private property",
  "Amplified or Musical Instrument Noise": "Loud music",
  "Unreasonable and Persistent Noise": "Other persistent noise",
  "Construction Noise": "Construction noise",
  "Animal Noise": "Noise of animals, such as barking",
  "Moving Motor Vehicle Noise": "Noise of moving vehicles",
  "Stationary Source and Residential Air Conditioner Noise": "Noise of air conditioners and other machines",
  "General Pruning": "Tree to prune",
  "General Tree Maintenance": "Care of a tree",
  "Tree Emergency Clean-Up": "Fallen tree or branch",
  "Residential or Park Tree Removal": "Tree to remove",
  "Traffic Signal Repair": "Broken traffic signal",
  "Traffic Sign Maintenance": "Damaged or missing traffic sign",
  "Postering City Property / Structures": "Posters on City property",
  "Boulevards-Grass Cutting": "Grass of a boulevard to cut",
  "Sidewalk - Cleaning": "Dirty sidewalk",
  "Sidewalk Snow Clearing": "Snow on a sidewalk",
  "Sidewalk Icy, Needs Sand/Salt": "Icy sidewalk",
  "Road Plowing Request": "Snow on a road",
  "Catch Basin - Blocked / Flooding": "Blocked catch basin or flooded road",
  "Sewer Service Line-Blocked": "Blocked sewer pipe of a home",
};

/** Returns the plain label of a type: for "Access - Complaint - Road Operations", "Access: Complaint, Road Operations". */
export function plainType(name: string): string {
  const label = LABELS[name];
  if (label !== undefined) return label;
  const [first = name, ...rest] = name
    .replace(/\s*[-–/:]\s*not picked up$/i, " not picked up")
    .split(/\s+-\s+|:\s+/);
  return rest.length === 0 ? first : `${first}: ${rest.join(", ")}`;
}
