import { SEASONS } from "../../data/calendar.ts";
import type { StatusGroup } from "../../data/vocabulary.ts";
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
  const statusesIn = (group: StatusGroup) =>
    vocabulary.statuses.filter((one) => one.group === group).map(({ name }) => name);
  // A status that the data do not have is in no group.
  const isKnown =
    status === null || isStatusGroup(status) || vocabulary.statuses.some(({ name }) => name === status);
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
            choices={[...none(text.more.allStatuses), ...choicesOf([], isKnown ? null : status)]}
            groups={STATUS_GROUPS.map((group) => ({
              heading: text.statusGroups[group],
              choices: [[group, text.statusOption(group)], ...choicesOf(statusesIn(group), null)],
            }))}
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
