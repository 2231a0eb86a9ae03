// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import { type Last, type WhenSearch, spanOf } from "../search.ts";
import { useWords } from "../words/index.tsx";
import { Segments } from "./parts.tsx";

const usual: readonly Last[] = ["1h", "24h", "7d", "30d", "90d"];
const field = (time: string | undefined): string => (time ?? "").slice(0, 16);

/** Which period a page speaks of: a few that end now, or any two instants in UTC. */
export const PeriodPicker = ({
  search,
  otherwise,
  choices = usual,
  onChange,
}: {
  search: WhenSearch;
  otherwise: Last;
  choices?: readonly Last[];
  onChange: (when: WhenSearch) => void;
}) => {
  const { t } = useWords();
  const span = spanOf(search, otherwise);
  const [opened, setOpened] = useState(span === "custom");
  const [from, setFrom] = useState(field(search.from));
  const [to, setTo] = useState(field(search.to));
  // Back and forward change the address: what is picked follows it.
  const address = `${span} ${search.from ?? ""} ${search.to ?? ""}`;
  const [of, setOf] = useState(address);
  if (of !== address) {
    setOf(address);
    setOpened(span === "custom");
    setFrom(field(search.from));
    setTo(field(search.to));
  }
  const shown = span === "custom" || choices.includes(span) ? choices : [...choices, span];
  const right = from !== "" && to !== "" && from < to;
  return (
    <>
      <Segments
        label={t.period.label}
        value={opened ? "custom" : span}
        options={[...shown.map((one) => [one, t.period[one]] as const), ["custom", t.period.custom] as const]}
        onChange={(next) => {
          if (next === "custom") setOpened(true);
          else {
            setOpened(false);
            onChange({ last: next });
          }
        }}
      />
      {opened ? (
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            if (right) onChange({ from: `${from}:00Z`, to: `${to}:00Z` });
          }}
        >
          <label className="row small">
            {t.period.from}
            <input
              className="date"
              type="datetime-local"
              value={from}
              onChange={(event) => setFrom(event.target.value)}
              required
            />
          </label>
          <label className="row small">
            {t.period.to}
            <input
              className="date"
              type="datetime-local"
              value={to}
              min={from}
              aria-invalid={to !== "" && !right}
              onChange={(event) => setTo(event.target.value)}
              required
            />
          </label>
          <button type="submit" className="button" disabled={!right}>
            {t.action.apply}
          </button>
        </form>
      ) : undefined}
    </>
  );
};
