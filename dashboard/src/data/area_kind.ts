/** What areas are: wards of the 25-ward model, or forward sortation areas. */
export type AreaKind = "ward" | "fsa";
