// Generated from the contracts by `make generate`; do not edit.

/** Why rows are quarantined, by the names of the quarantine. */
export const REASONS: Record<string, string> = {
  field_count: "wrong number of fields",
  unbalanced_quote: "unclosed quotation mark",
  undecodable_text: "unreadable text",
  invalid_created_at: "no valid date",
  created_in_other_year: "dated in another year",
  created_after_publication: "dated after the file was published",
  missing_service_request_type: "no type",
  no_ward_and_no_fsa: "no ward or postal area",
};

/** The number of wards of today, which names their model. */
export const WARD_MODEL = 25;
/** The first day of these wards. */
export const WARDS_SINCE = "2018-12-01";
/** The number of wards until then. */
export const FORMER_WARD_MODEL = 44;
