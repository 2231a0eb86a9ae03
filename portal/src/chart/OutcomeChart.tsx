// SPDX-License-Identifier: Apache-2.0
import type { Warning } from "../../../src/api/contract/desk/warning.ts";
import { useWidth } from "../design/parts.tsx";
import { useWords } from "../words/index.tsx";
import "./chart.css";
import { drawnUntil, outcomeAxis } from "./outcome.ts";
import { timeTicks } from "./scale.ts";
import "./survival.css";

/**
 * Forecast against outcome: the estimated population as a line in its range; each forecast a bar at the time it was for, with a
 * stroke at its middle and a point for what came. A range that missed is amber; one not yet due is dashed. What is left out of the picture or
 * cut at its edge is said below it.
 */
export const OutcomeChart = ({ warning, height = 300 }: { warning: Warning; height?: number }) => {
  const { t, f } = useWords();
  const [box, width] = useWidth<HTMLDivElement>();
  const line = warning.population.map((one) => ({ ...one, at: Date.parse(one.time) }));
  const all = warning.forecasts.map((one) => ({ ...one, at: Date.parse(one.due) }));
  const now = Date.parse(warning.asked);
  const from = Math.min(now, ...line.map(({ at }) => at), ...all.map(({ at }) => at));
  const bars = all.filter(({ at }) => at <= drawnUntil(from, now));
  const to = Math.max(now, ...line.map(({ at }) => at), ...bars.map(({ at }) => at)) + 3_600_000;
  const { ticks, logarithmic, cut, place } = outcomeAxis(line, bars);
  const top = ticks.at(-1) ?? 1;
  const inner = { left: Math.max(40, f.short(top).length * 8 + 14), right: width - 14, top: 10, bottom: height - 26 };
  const x = (at: number) => inner.left + ((at - from) / (to - from)) * (inner.right - inner.left);
  const y = (value: number) => inner.bottom - place(value) * (inner.bottom - inner.top);
  const axis = timeTicks(from, to, Math.max(2, Math.floor((inner.right - inner.left) / 92)));
  const path = (of: (one: (typeof line)[number]) => number, rows = line): string =>
    rows.map((one, i) => `${i === 0 ? "M" : "L"}${x(one.at).toFixed(1)} ${y(of(one)).toFixed(1)}`).join("");
  const words = t.watch.warnings.one;
  const said = [
    logarithmic ? words.logarithmic : "",
    cut ? words.cut : "",
    all.length > bars.length ? words.later(f.count(all.length - bars.length), all.length - bars.length) : "",
  ].filter(Boolean);
  return (
    <div className="chart outcome" ref={box}>
      <svg width={width} height={height} role="img" aria-label={words.outcomeNote}>
        {ticks.map((tick) => (
          <g key={tick}>
            <line className="rule" x1={inner.left} x2={inner.right} y1={y(tick)} y2={y(tick)} />
            <text className="tick" x={inner.left - 6} y={y(tick)} dy="0.33em" textAnchor="end">
              {f.short(tick)}
            </text>
          </g>
        ))}
        {axis.times.map((time) => (
          <text key={time} className="tick" x={x(time)} y={inner.bottom + 17} textAnchor="middle">
            {axis.form === "clock"
              ? f.clock(new Date(time))
              : axis.form === "day"
                ? f.dayShort(new Date(time))
                : f.month(new Date(time))}
          </text>
        ))}
        <line className="present" x1={x(now)} x2={x(now)} y1={inner.top} y2={inner.bottom} />
        {line.length > 1 ? (
          <>
            <path
              className="band"
              d={`${path(({ high }) => high)}${path(({ low }) => low, line.toReversed()).replace("M", "L")}Z`}
            />
            <path className="stroke cat-0" d={path(({ middle }) => middle)} />
          </>
        ) : undefined}
        {bars.map((bar) => (
          <g
            key={`${bar.made} ${bar.hours}`}
            className={
              bar.outcome === "due" ? "due" : bar.outcome === "below" || bar.outcome === "above" ? "missed" : ""
            }
          >
            <title>{`${words.hours(bar.hours)}: ${f.short(bar.low)}–${f.short(bar.high)}, ${words.outcomes[bar.outcome]}`}</title>
            <line className="range" x1={x(bar.at)} x2={x(bar.at)} y1={y(bar.low)} y2={y(bar.high)} />
            <line className="foretold" x1={x(bar.at) - 6} x2={x(bar.at) + 6} y1={y(bar.middle)} y2={y(bar.middle)} />
            {bar.came === null ? undefined : <circle className="came" cx={x(bar.at)} cy={y(bar.came)} r={5} />}
          </g>
        ))}
      </svg>
      {said.length === 0 ? undefined : <p className="faint small">{said.join(" ")}</p>}
    </div>
  );
};
