// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import type { Curve } from "../../../src/api/contract/desk/statistics.ts";
import { useWidth } from "../design/parts.tsx";
import { useWords } from "../words/index.tsx";
import "./chart.css";
import "./survival.css";
import { spread, lettersOf } from "./scale.ts";
import { pointAt, stepBand, steps, watched } from "./steps.ts";

export interface NamedCurve {
  readonly curve: Curve;
  readonly label: string;
  /** For comparison alone: drawn grey and dashed. */
  readonly baseline?: boolean;
}

/**
 * Kaplan-Meier curves: the share still infected, in steps, from all to none. One curve shows its interval; the tick marks are
 * days on which some left the count without an end (censored). Below stand how many were still watched.
 */
export const SurvivalChart = ({ curves, height = 300 }: { curves: readonly NamedCurve[]; height?: number }) => {
  const { t, f } = useWords();
  const words = t.watch.statistics;
  const [box, width] = useWidth<HTMLDivElement>();
  const [day, setDay] = useState<number>();
  // As far as anybody was watched: the days after it would be an empty picture.
  const last = Math.max(2, ...curves.flatMap(({ curve }) => watched(curve.points).map((point) => point.day)));
  const named = curves.length > 1 && width >= 520;
  const longest = Math.max(...curves.map(({ label }) => lettersOf(label)));
  const inner = {
    left: 44,
    right: width - (named ? Math.min(190, longest * 7.4 + 16) : 12),
    top: 10,
    bottom: height - 30,
  };
  const x = (value: number) => inner.left + (value / last) * (inner.right - inner.left);
  const y = (share: number) => inner.bottom - share * (inner.bottom - inner.top);
  const main = curves.filter(({ baseline }) => baseline !== true);
  const heights = spread(
    curves.map(({ curve }) => y(curve.points.at(-1)?.still ?? 1)),
    15,
    inner.top + 4,
    inner.bottom,
  );
  const every =
    [1, 2, 5, 7, 14, 30, 60].find((one) => last / one <= Math.max(3, (inner.right - inner.left) / 70)) ?? 60;
  const ticks = Array.from({ length: Math.floor(last / every) + 1 }, (_, i) => i * every);
  const reading =
    day === undefined ? undefined : curves.map(({ curve, label }) => ({ label, point: pointAt(curve.points, day) }));
  const said = (reading ?? [])
    .map(({ label, point }) => `${label} ${point === undefined ? "–" : f.share(point.still)}`)
    .join("; ");
  return (
    <div className="chart survival" ref={box}>
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={words.curve}
        onPointerMove={(event) => {
          const bounds = event.currentTarget.getBoundingClientRect();
          const value = Math.round(((event.clientX - bounds.left - inner.left) / (inner.right - inner.left)) * last);
          setDay(value >= 0 && value <= last ? value : undefined);
        }}
        onPointerLeave={() => setDay(undefined)}
      >
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <g key={share}>
            <line
              className={share === 0.5 ? "half" : "rule"}
              x1={inner.left}
              x2={inner.right}
              y1={y(share)}
              y2={y(share)}
            />
            <text className="tick" x={inner.left - 6} y={y(share)} dy="0.33em" textAnchor="end">
              {f.share(share)}
            </text>
          </g>
        ))}
        {ticks.map((tick) => (
          <text key={tick} className="tick" x={x(tick)} y={inner.bottom + 17} textAnchor="middle">
            {f.count(tick)}
          </text>
        ))}
        {main.length === 1 && main[0] !== undefined ? (
          <path className="band" d={stepBand(watched(main[0].curve.points), x, y)} />
        ) : undefined}
        {curves.map(({ curve, label, baseline }, place) => (
          <g key={`${curve.group} ${label}`} className={baseline === true ? "cat-6 baseline" : `line cat-${place % 6}`}>
            <path className="stroke" d={steps(watched(curve.points), x, y, ({ still }) => still)} />
            {curve.points
              .filter(({ censored }) => censored > 0)
              .map((point) => (
                <path
                  key={point.day}
                  className="censored"
                  d={`M${x(point.day).toFixed(1)} ${(y(point.still) - 4).toFixed(1)}v8`}
                />
              ))}
            {named ? (
              <text className="name" x={inner.right + 8} y={heights[place]} dy="0.33em">
                {label}
              </text>
            ) : undefined}
          </g>
        ))}
        {day === undefined ? undefined : (
          <line className="reading" x1={x(day)} x2={x(day)} y1={inner.top} y2={inner.bottom} />
        )}
      </svg>
      <input
        className="reader"
        type="range"
        min={0}
        max={last}
        value={day ?? 0}
        aria-label={t.chart.read}
        aria-valuetext={day === undefined ? words.curve : `${words.reading(f.count(day))}: ${said}`}
        onChange={(event) => setDay(Number(event.target.value))}
        onBlur={() => setDay(undefined)}
      />
      {reading === undefined || day === undefined ? undefined : (
        <div
          className="tip"
          style={x(day) > width / 2 ? { right: width - x(day) + 12, top: 8 } : { left: x(day) + 12, top: 8 }}
          aria-hidden
        >
          <strong>{words.reading(f.count(day))}</strong>
          <dl>
            {reading.map(({ label, point }, place) => (
              <div key={label}>
                <dt className={curves[place]?.baseline === true ? "cat-6" : `cat-${place % 6}`}>{label}</dt>
                <dd>
                  {point === undefined
                    ? "–"
                    : `${f.share(point.still)} (${f.share(point.low)}–${f.share(point.high)}), ${words.atRisk.toLowerCase()} ${f.count(point.atRisk)}`}
                </dd>
              </div>
            ))}
          </dl>
        </div>
      )}
      {named || curves.length < 2 ? undefined : (
        <ul className="keys-below" aria-hidden>
          {curves.map(({ label, baseline }, place) => (
            <li key={label} className={baseline === true ? "cat-6" : `cat-${place % 6}`}>
              {label}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
};
