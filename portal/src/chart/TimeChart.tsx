// SPDX-License-Identifier: Apache-2.0
import { useId, useState } from "react";
import { useWidth } from "../design/parts.tsx";
import { useWords } from "../words/index.tsx";
import "./chart.css";
import { amountTicks, lettersOf, spread, timeTicks } from "./scale.ts";

export interface Line {
  readonly key: string;
  readonly label: string;
  /** One value a bucket; null where nobody was there to see. */
  readonly values: readonly (number | null)[];
}
export interface TimeChartProps {
  /** Starts of the buckets, milliseconds UTC, ascending, `step` apart. */
  readonly times: readonly number[];
  readonly step: number;
  readonly lines: readonly Line[];
  readonly label: string;
  readonly height?: number;
  readonly unit?: string;
  /** Sensors that were down in a bucket while others were up: a light hatch with their names. */
  readonly partial?: readonly (readonly string[])[];
  /** Buckets whose counts are lower bounds. */
  readonly degraded?: readonly boolean[];
  /** The last bucket is still filling: it is drawn lighter. */
  readonly filling?: boolean;
  readonly onPick?: (time: number) => void;
  /** Of before nothing is kept: its gaps are no outages. */
  readonly keptFrom?: number;
}

const pathOf = (points: readonly (readonly [number, number] | null)[]): string => {
  let path = "";
  let pen = false;
  for (const point of points) {
    if (point === null) pen = false;
    else {
      path += `${pen ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
      pen = true;
    }
  }
  return path;
};
/** Runs of true as [first, past the last]. */
const runs = (flags: readonly boolean[]): [number, number][] => {
  const found: [number, number][] = [];
  for (const [i, flag] of flags.entries()) {
    const last = found.at(-1);
    if (flag && last !== undefined && last[1] === i) last[1] = i + 1;
    else if (flag) found.push([i, i + 1]);
  }
  return found;
};
/** Runs in which the same sensors were down, as [first, past the last, their names]. */
const stretchesOf = (down: readonly (readonly string[])[]): [number, number, readonly string[]][] => {
  const found: [number, number, readonly string[]][] = [];
  for (const [i, names] of down.entries()) {
    const last = found.at(-1);
    if (names.length === 0) continue;
    if (last !== undefined && last[1] === i && last[2].join() === names.join()) last[1] = i + 1;
    else found.push([i, i + 1, names]);
  }
  return found;
};

/**
 * Amounts over time. The axis starts at zero; a bucket in which no sensor was up is a hatched gap, never a zero; one in
 * which some were down has a light hatch and says which; the bucket under way is lighter; lines carry their names at their ends.
 */
export const TimeChart = ({
  times,
  step,
  lines,
  label,
  height = 240,
  unit,
  partial,
  degraded,
  filling = false,
  keptFrom = -Infinity,
}: TimeChartProps) => {
  const { t, f } = useWords();
  const [box, width] = useWidth<HTMLDivElement>();
  const [at, setAt] = useState<number>();
  const hatch = useId();
  const single = lines.length === 1;
  const from = times[0] ?? 0;
  const to = (times.at(-1) ?? 0) + step;
  const most = Math.max(0, ...lines.flatMap((line) => line.values.map((value) => value ?? 0)));
  const ticks = amountTicks(most, height < 160 ? 2 : 4);
  const top = ticks.at(-1) ?? 1;
  const left = Math.max(34, ...ticks.map((tick) => f.short(tick).length * 7.4 + 10));
  const longest = Math.max(...lines.map((line) => lettersOf(line.label)));
  const right = single || width < 520 ? 10 : Math.min(170, longest * 7.6 + 16);
  const inner = { left, right: width - right, top: 10, bottom: height - 26 };
  const x = (time: number) => inner.left + ((time - from) / (to - from)) * (inner.right - inner.left);
  const y = (value: number) => inner.bottom - (value / top) * (inner.bottom - inner.top);
  const middle = (i: number) => x((times[i] ?? 0) + step / 2);
  const axis = timeTicks(from, to, Math.max(2, Math.floor((inner.right - inner.left) / 92)));
  const solid = filling ? times.length - 1 : times.length;
  const gone = (i: number): boolean => (times[i] ?? 0) < keptFrom;
  const absent = (i: number): string => (gone(i) ? t.chart.gone : t.chart.outage);
  const unseen = times.map((_, i) => lines.every((line) => (line.values[i] ?? null) === null));
  const blind = [true, false].flatMap((one) => runs(unseen.map((none, i) => none && gone(i) === one)));
  const ends = lines.map((line) => {
    const last = line.values.findLastIndex((value) => value !== null);
    return y(line.values[last] ?? 0);
  });
  const heights = spread(ends, 15, inner.top + 4, inner.bottom);
  const point = (event: React.PointerEvent) => {
    const bounds = event.currentTarget.getBoundingClientRect();
    const place = Math.floor(((event.clientX - bounds.left - inner.left) / (inner.right - inner.left)) * times.length);
    setAt(place >= 0 && place < times.length ? place : undefined);
  };
  const step24 = step >= 86_400_000;
  const key = (event: React.KeyboardEvent) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (move !== undefined) setAt(Math.max(0, Math.min(times.length - 1, (at ?? times.length) + move)));
    else if (event.key === "Home") setAt(0);
    else if (event.key === "End") setAt(times.length - 1);
    else if (event.key === "Escape") setAt(undefined);
    else return;
    event.preventDefault();
  };
  const said = (i: number): string => {
    const date = new Date(times[i] ?? 0);
    return step24 ? f.day(date) : f.time(date);
  };
  return (
    <div className="chart" ref={box}>
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={label}
        onPointerMove={point}
        onPointerLeave={() => setAt(undefined)}
      >
        <defs>
          <pattern id={hatch} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <line className="hatch" x1="0" y1="0" x2="0" y2="6" />
          </pattern>
        </defs>
        {ticks.map((tick) => (
          <g key={tick}>
            <line className={tick === 0 ? "base" : "rule"} x1={inner.left} x2={inner.right} y1={y(tick)} y2={y(tick)} />
            <text className="tick" x={inner.left - 7} y={y(tick)} dy="0.33em" textAnchor="end">
              {f.short(tick)}
            </text>
          </g>
        ))}
        {axis.times.map((time) => {
          const date = new Date(time);
          const midnight = axis.form === "clock" && time % 86_400_000 === 0;
          return (
            <g key={time}>
              <line className="tick-mark" x1={x(time)} x2={x(time)} y1={inner.bottom} y2={inner.bottom + 4} />
              <text className={midnight ? "tick strong" : "tick"} x={x(time)} y={inner.bottom + 17} textAnchor="middle">
                {axis.form === "month"
                  ? f.month(date)
                  : axis.form === "day" || midnight
                    ? f.dayShort(date)
                    : f.clock(date)}
              </text>
            </g>
          );
        })}
        {filling && times.length > 1 ? (
          <g>
            <title>{t.chart.unfinished}</title>
            <rect
              className="unfinished"
              x={x(to - step)}
              y={inner.top}
              width={x(to) - x(to - step)}
              height={inner.bottom - inner.top}
            />
            {x(to) - x(to - step) > 20 ? (
              <text className="tick plate" x={inner.right} y={inner.top + 14} textAnchor="end">
                {t.chart.unfinished}
              </text>
            ) : undefined}
          </g>
        ) : undefined}
        {blind.map(([a, b]) => {
          const start = x(times[a] ?? 0);
          const end = x((times[b - 1] ?? 0) + step);
          return (
            <g key={a}>
              <rect
                fill={`url(#${hatch})`}
                x={start}
                y={inner.top}
                width={end - start}
                height={inner.bottom - inner.top}
              />
              {end - start > 90 ? (
                <text className="tick plate" x={(start + end) / 2} y={inner.top + 14} textAnchor="middle">
                  {absent(a)}
                </text>
              ) : undefined}
            </g>
          );
        })}
        {stretchesOf(partial ?? []).map(([a, b, names]) => {
          const start = x(times[a] ?? 0);
          const wide = Math.max(2, x((times[b - 1] ?? 0) + step) - start);
          const said = t.chart.down(f.list(names));
          return (
            <g key={a} className="partial">
              <title>{said}</title>
              <rect
                className="part"
                fill={`url(#${hatch})`}
                x={start}
                y={inner.top}
                width={wide}
                height={inner.bottom - inner.top}
              />
              <rect className="foot" x={start} y={inner.bottom - 4} width={wide} height={4} />
              {wide > said.length * 6.6 + 12 ? (
                <text className="tick plate" x={start + wide / 2} y={inner.top + 14} textAnchor="middle">
                  {said}
                </text>
              ) : undefined}
            </g>
          );
        })}
        {runs(degraded === undefined ? [] : [...degraded]).map(([a, b]) => (
          <rect
            key={a}
            className="degraded"
            x={x(times[a] ?? 0)}
            y={inner.top - 6}
            width={Math.max(2, x((times[b - 1] ?? 0) + step) - x(times[a] ?? 0))}
            height={4}
          >
            <title>{t.chart.degraded}</title>
          </rect>
        ))}
        {lines.map((line, place) => {
          const points = line.values.map((value, i) => (value === null ? null : ([middle(i), y(value)] as const)));
          const done = points.slice(0, solid);
          const area = single
            ? runs(done.map((one) => one !== null)).map(([a, b]) => {
                const part = done.slice(a, b) as (readonly [number, number])[];
                return `${pathOf(part)}L${part.at(-1)?.[0].toFixed(1)} ${inner.bottom}L${part[0]?.[0].toFixed(1)} ${inner.bottom}Z`;
              })
            : [];
          return (
            <g key={line.key} className={`line cat-${place % 7}`}>
              {area.map((path) => (
                <path key={path.slice(0, 24)} className="area" d={path} />
              ))}
              <path className="stroke" d={pathOf(done)} />
              {filling ? <path className="stroke lighter" d={pathOf(points.slice(-2))} /> : undefined}
              {runs(
                points.map(
                  (one, i) => one !== null && (points[i - 1] ?? null) === null && (points[i + 1] ?? null) === null,
                ),
              ).map(([a, b]) =>
                points
                  .slice(a, b)
                  .map((one) => one && <circle key={`${one[0]}`} cx={one[0]} cy={one[1]} r="2" className="alone" />),
              )}
              {single || width < 520 ? undefined : (
                <text className="name" x={inner.right + 8} y={heights[place]} dy="0.33em">
                  {line.label}
                </text>
              )}
            </g>
          );
        })}
        {at === undefined ? undefined : (
          <g className="cursor">
            <line x1={middle(at)} x2={middle(at)} y1={inner.top} y2={inner.bottom} />
            {lines.map((line, place) => {
              const value = line.values[at] ?? null;
              return value === null ? undefined : (
                <circle key={line.key} className={`cat-${place % 7}`} cx={middle(at)} cy={y(value)} r="3.5" />
              );
            })}
          </g>
        )}
      </svg>
      {/* The same reading by keyboard: one stop, arrows move the cursor, the value is spoken. */}
      <input
        className="reader"
        type="range"
        min={0}
        max={Math.max(0, times.length - 1)}
        value={at ?? Math.max(0, times.length - 1)}
        aria-label={t.chart.read}
        aria-valuetext={
          at === undefined
            ? label
            : `${said(at)}: ${lines.map((line) => `${line.label} ${line.values[at] == null ? absent(at) : f.count(line.values[at] ?? 0)}`).join("; ")}${(partial?.[at]?.length ?? 0) > 0 ? `; ${t.chart.down(f.list(partial?.[at] ?? []))}` : ""}`
        }
        onChange={(event) => setAt(Number(event.target.value))}
        onKeyDown={key}
        onBlur={() => setAt(undefined)}
      />
      {at === undefined ? undefined : (
        <div
          className="tip"
          style={
            middle(at) > width / 2 ? { right: width - middle(at) + 12, top: 8 } : { left: middle(at) + 12, top: 8 }
          }
          aria-hidden
        >
          <strong>{said(at)}</strong>
          {filling && at === times.length - 1 ? <span className="faint"> {t.chart.filling}</span> : undefined}
          <dl>
            {lines
              .map((line, place) => ({ line, place, value: line.values[at] ?? null }))
              .sort((a, b) => (b.value ?? -1) - (a.value ?? -1))
              .map(({ line, place, value }) => (
                <div key={line.key}>
                  <dt className={`cat-${place % 7}`}>{line.label}</dt>
                  <dd>{value === null ? absent(at) : `${f.count(value)}${unit === undefined ? "" : ` ${unit}`}`}</dd>
                </div>
              ))}
          </dl>
          {degraded?.[at] ? <em>{t.chart.degraded}</em> : undefined}
          {(partial?.[at]?.length ?? 0) > 0 ? <em>{t.chart.down(f.list(partial?.[at] ?? []))}</em> : undefined}
        </div>
      )}
      {width < 520 && !single ? (
        <ul className="keys-below" aria-hidden>
          {lines.map((line, place) => (
            <li key={line.key} className={`cat-${place % 7}`}>
              {line.label}
            </li>
          ))}
        </ul>
      ) : undefined}
    </div>
  );
};
