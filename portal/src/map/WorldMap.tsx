// SPDX-License-Identifier: Apache-2.0
import { geoEqualEarth, geoGraticule10, geoPath } from "d3-geo";
import { useMemo, useState } from "react";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import geometry from "world-atlas/countries-110m.json";
import { useWidth } from "../design/parts.tsx";
import { useWords } from "../words/index.tsx";
import "./map.css";
import { places } from "./places.ts";

const world = geometry as unknown as Topology<{ countries: GeometryCollection; land: GeometryCollection }>;
const land = feature(world, world.objects.land);
const borders = mesh(world, world.objects.countries, (a, b) => a !== b);

export interface Amount {
  readonly code: string;
  readonly value: number;
}

/** Amounts as circles whose area is the amount, on Equal Earth (equal-area), turned so that the cut falls into the Atlantic. */
export const WorldMap = ({ amounts, label, unit }: { amounts: readonly Amount[]; label: string; unit: string }) => {
  const { t, f } = useWords();
  const [box, width] = useWidth<HTMLDivElement>();
  const [at, setAt] = useState<string>();
  const height = Math.round(width * 0.475);
  const drawn = useMemo(() => {
    const projection = geoEqualEarth().rotate([-150, 0]);
    projection.fitExtent(
      [
        [2, 2],
        [width - 2, height - 2],
      ],
      { type: "Sphere" },
    );
    const path = geoPath(projection);
    return {
      projection,
      sphere: path({ type: "Sphere" }),
      graticule: path(geoGraticule10()),
      land: path(land),
      borders: path(borders),
    };
  }, [width, height]);
  const most = Math.max(1, ...amounts.map(({ value }) => value));
  const largest = Math.max(9, Math.min(34, width / 26));
  const radius = (value: number): number => Math.sqrt(value / most) * largest;
  const symbols = amounts
    .flatMap(({ code, value }) => {
      const place = places.get(code);
      const point = place === undefined || value <= 0 ? null : drawn.projection([place[0], place[1]]);
      return point === null ? [] : [{ code, value, x: point[0], y: point[1], r: Math.max(1.5, radius(value)) }];
    })
    .sort((a, b) => b.r - a.r);
  const chosen = symbols.find(({ code }) => code === at);
  const named = symbols.filter(({ r }) => r > 8).slice(0, width < 600 ? 3 : 8);
  const round = Number(most.toPrecision(1)) > most ? Number((most / 2).toPrecision(1)) : Number(most.toPrecision(1));
  return (
    <div className="map" ref={box}>
      <svg width={width} height={height} role="img" aria-label={label} onPointerLeave={() => setAt(undefined)}>
        <path className="sphere" d={drawn.sphere ?? ""} />
        <path className="graticule" d={drawn.graticule ?? ""} />
        <path className="land" d={drawn.land ?? ""} />
        <path className="borders" d={drawn.borders ?? ""} />
        {symbols.map(({ code, x, y, r }) => (
          <circle
            key={code}
            className={code === at ? "symbol at" : "symbol"}
            cx={x}
            cy={y}
            r={r}
            onPointerEnter={() => setAt(code)}
          />
        ))}
        {named.map(({ code, x, y, r }) => (
          <text key={code} x={x} y={r > 15 ? y : y + r + 11} dy={r > 15 ? "0.35em" : undefined}>
            {code}
          </text>
        ))}
      </svg>
      {chosen === undefined ? undefined : (
        <div
          className="tip"
          style={
            chosen.x > width / 2
              ? { right: width - chosen.x + chosen.r + 6, top: chosen.y - 14 }
              : { left: chosen.x + chosen.r + 6, top: chosen.y - 14 }
          }
          aria-hidden
        >
          <strong>{f.country(chosen.code)}</strong> {f.count(chosen.value)} {unit}
        </div>
      )}
      <div className="map-scale" aria-hidden>
        {[round, round / 10].map((value) => (
          <span key={value}>
            <svg width={2 * radius(value) + 2} height={2 * radius(value) + 2}>
              <circle className="symbol" cx={radius(value) + 1} cy={radius(value) + 1} r={radius(value)} />
            </svg>
            {f.short(value)} {unit}
          </span>
        ))}
        <span className="faint">{t.networks.mapNote}</span>
      </div>
    </div>
  );
};
