import { SEASONS } from "../../data/calendar.ts";
import { Popover } from "../../parts/popover.tsx";
import type { Choices } from "../../parts/select.tsx";
import { Select, choicesOf } from "../../parts/select.tsx";
import { text } from "../../strings.ts";
import { divisionCalled } from "../../view/describe.ts";
import { NO_FILTERS, STATUS_GROUPS, isStatusGroup } from "../../view/view.ts";
import type { AskProps } from "./props.ts";

/** The filters that few people need: season, status and division. */
export function More({ view, vocabulary, change, shown }: AskProps) {
  const { season, status, division, days } = view;
  const chosen = [season, status, division].filter((one) => one !== null).length;
  const statuses = vocabulary.statuses.map(({ name }) => name);
  const divisions = [...(shown?.names.divisions.names ?? [])].sort();
  const none = (name: string): Choices => [["", name]];
  return (
    <Popover
      id="more"
      label={
        <>
          <span class="wide-only">{text.ask.more.wide}</span>
          <span class="narrow-only">{text.ask.more.narrow}</span> {chosen > 0 && text.ask.moreChosen(chosen)}
        </>
      }
      side="right"
    >
      {(close) => (
        <div class="more-fields">
          <Select
            id="status"
            label={text.more.status}
            value={status ?? ""}
            choices={[
              ...none(text.more.allStatuses),
              ...STATUS_GROUPS.map((group) => [group, text.statusOption(group)] as const),
              ...choicesOf(statuses, status !== null && isStatusGroup(status) ? null : status),
            ]}
            onChange={(value) => {
              change({ status: value || null });
            }}
          />
          <Select
            id="division"
            label={text.more.division}
            value={division ?? ""}
            choices={[
              ...none(text.more.allDivisions),
              ...choicesOf(divisions, division).map(([name]) => [name, divisionCalled(name)] as const),
            ]}
            onChange={(value) => {
              change({ division: value || null });
            }}
          />
          <Select
            id="season"
            label={text.more.season}
            value={season ?? ""}
            choices={[
              ...none(text.more.allSeasons),
              ...SEASONS.map((one) => [one, text.seasons[one]] as const),
            ]}
            help={days && text.more.daysHaveNoSeason}
            onChange={(value) => {
              change({ season: SEASONS.find((one) => one === value) ?? null });
            }}
          />
          <button
            type="button"
            class="quiet narrow-only"
            onClick={() => {
              close();
              change(NO_FILTERS);
            }}
          >
            {text.ask.clear}
          </button>
        </div>
      )}
    </Popover>
  );
}
