// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef } from "react";
import type { LiveEvent } from "../../../src/api/contract/answers.ts";
import { CountryLink, PortLink, SourceLink } from "../design/names.tsx";
import { useNow, useWidth } from "../design/parts.tsx";
import { Table } from "../design/Table.tsx";
import type { Arrival } from "../live.ts";
import { useWords } from "../words/index.tsx";
import "./live.css";

type Row = LiveEvent["rows"][number];
const shown = 60_000;
const laneHeight = 34;
/** One colour a kind: what Mirai marks, what scans, what answers. */
export const kinds = ["mirai", "tcp", "udp", "replies", "other"] as const;
const kindColours = { mirai: "--cat-3", tcp: "--cat-0", udp: "--cat-1", replies: "--cat-2", other: "--cat-6" } as const;
const kindOf = (row: Row): (typeof kinds)[number] =>
  row.mirai > 0
    ? "mirai"
    : row.class === "tcp-syn"
      ? "tcp"
      : row.class === "udp"
        ? "udp"
        : /ack|rst|reply|unreachable|exceeded/.test(row.class)
          ? "replies"
          : "other";

/** Resolves custom properties to colours that a canvas knows (light-dark() and all). */
const coloursOf = (element: HTMLElement): Record<(typeof kinds)[number], string> => {
  const probe = document.createElement("i");
  element.append(probe);
  const found = Object.fromEntries(
    kinds.map((kind) => {
      probe.style.color = `var(${kindColours[kind]})`;
      return [kind, getComputedStyle(probe).color];
    }),
  ) as Record<(typeof kinds)[number], string>;
  probe.remove();
  return found;
};

/** The last minute: one lane a sensor, one mark a row. It moves because data move; without data it stands still and empty. */
export const LiveStrip = ({
  arrivals,
  sensors,
  more,
  down,
}: {
  arrivals: readonly Arrival[];
  sensors: readonly string[];
  /** Sensors that have no lane here. */
  more: number;
  down: ReadonlySet<string>;
}) => {
  const { t, f } = useWords();
  const [box, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const lanes = sensors.join("\n");
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (element === null || context == null || box.current === null) return undefined;
    const names = lanes.split("\n");
    const height = names.length * laneHeight;
    const ratio = devicePixelRatio;
    element.width = width * ratio;
    element.height = height * ratio;
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    let colours = coloursOf(box.current);
    let checked = 0;
    let frame = 0;
    let drawn = 0;
    const draw = (tick: number): void => {
      frame = requestAnimationFrame(draw);
      // Reduced motion: one still picture a second. Else thirty frames are as smooth as a minute across a screen needs.
      if (tick - drawn < (calm.matches ? 1000 : 30)) return;
      drawn = tick;
      if (tick - checked > 1000 && box.current !== null) {
        colours = coloursOf(box.current);
        checked = tick;
      }
      const now = Date.now();
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
      for (const { at, event } of arrivals) {
        const age = now - at;
        if (age > shown) continue;
        const lane = names.indexOf(event.sensor);
        if (lane < 0) continue;
        const x = width - 4 - (age / shown) * (width - 8);
        for (const [i, row] of event.rows.entries()) {
          const spot = ((row.port ?? 0) * 2_654_435_761 + i * 97) >>> 0;
          const y = lane * laneHeight + 6 + (spot % (laneHeight - 12));
          const radius = Math.min(8, 1.6 + Math.sqrt(row.packets) * 0.75);
          context.globalAlpha = 0.25 + 0.7 * (1 - age / shown);
          context.fillStyle = colours[kindOf(row)];
          context.beginPath();
          context.arc(x - (spot % 9), y, radius, 0, 7);
          context.fill();
        }
      }
      context.globalAlpha = 1;
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [arrivals, lanes, width, box]);
  const kindNames = { mirai: t.word.mirai, tcp: "TCP SYN", udp: "UDP", replies: t.word.replies, other: t.word.other };
  return (
    <div className="strip">
      <ul className="lanes" aria-hidden>
        {sensors.map((sensor) => (
          <li key={sensor} className={down.has(sensor) ? "down" : ""}>
            <span>{sensor}</span>
          </li>
        ))}
      </ul>
      <div ref={box} className="strip-box" aria-hidden>
        <canvas ref={canvas} style={{ width, height: sensors.length * laneHeight }} />
      </div>
      <ul className="strip-keys">
        {kinds.map((kind) => (
          <li key={kind}>
            <span className="dot" style={{ color: `var(${kindColours[kind]})` }} />
            {kindNames[kind]}
          </li>
        ))}
        {more > 0 ? <li>{t.now.moreLanes(more, f.count(more))}</li> : undefined}
        <li className="end">{t.now.seconds60}</li>
      </ul>
    </div>
  );
};

/** The same rows as a list, for those who cannot see the strip, refreshed once a second. */
export const LiveList = ({ arrivals }: { arrivals: readonly Arrival[] }) => {
  const { t, f } = useWords();
  useNow(1000);
  const rows = arrivals
    .slice(-20)
    .toReversed()
    .flatMap(({ count, at, event }) =>
      event.rows.map((row, i) => ({ ...row, at, sensor: event.sensor, id: `${count} ${i}` })),
    )
    .slice(0, 24);
  return (
    <Table
      label={t.now.stripList}
      rows={rows}
      keyOf={({ id }) => id}
      columns={[
        {
          key: "time",
          head: "UTC",
          cell: ({ at }) => <span className="faint">{new Date(at).toISOString().slice(11, 19)}</span>,
        },
        { key: "sensor", head: t.word.sensor, cell: ({ sensor }) => sensor },
        { key: "src", head: t.word.address, rowHead: true, cell: ({ src }) => <SourceLink ip={src} /> },
        { key: "country", head: t.word.country, cell: ({ country }) => <CountryLink code={country} /> },
        { key: "port", head: t.word.port, cell: (row) => <PortLink {...row} /> },
        { key: "packets", head: t.word.packets, num: true, cell: ({ packets }) => f.count(packets) },
      ]}
    />
  );
};
