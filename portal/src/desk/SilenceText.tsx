// SPDX-License-Identifier: Apache-2.0
import type { Silence } from "../../../src/api/contract/desk/alerts.ts";
import { useWords } from "../words/index.tsx";
import { SilenceChip } from "./parts.tsx";

const DAY = 86_400;
const HOUR = 3_600;

/**
 * What silence says so far, in numbers a reader can check. `simulated`: a shorter rule is said to be one. `victim`: of a host under attack silence says that the
 * attack is over, not that anything is clean.
 */
export const SilenceText = ({
  silence,
  simulated,
  victim = false,
}: {
  silence: Silence;
  simulated: boolean;
  victim?: boolean;
}) => {
  const { t, f } = useWords();
  const words = victim ? { ...t.desk.silence, ...t.desk.silence.victim } : t.desk.silence;
  const usual = victim ? HOUR : DAY;
  const numbers =
    silence.verdict === "active"
      ? words.active
      : silence.chance === null
        ? // An owner is not told how long the silence is before it counts.
          silence.verdict === "waiting"
          ? ""
          : words.unknown
        : words.chance(f.share(silence.chance), f.share(silence.needed));
  const { verdict, atLeast } = silence;
  const rule =
    simulated && atLeast < usual && (verdict === "quiet" || verdict === "waiting" || verdict === "active")
      ? words.short(f.span(atLeast), f.span(usual))
      : verdict === "waiting" || verdict === "active"
        ? words.atLeast(f.span(atLeast))
        : "";
  return (
    <div className="stack-1">
      <p>
        <SilenceChip verdict={silence.verdict} />
      </p>
      <p className="muted">
        {numbers}{" "}
        {silence.verdict === "waiting" && silence.until !== null ? words.until(f.time(new Date(silence.until))) : ""}{" "}
        {rule} {silence.up !== null && silence.verdict !== "active" ? words.up(f.share(silence.up)) : ""}
      </p>
    </div>
  );
};
