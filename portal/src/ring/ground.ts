// SPDX-License-Identifier: Apache-2.0
import type { Ring } from "../../../src/api/contract/desk/ring.ts";
import { type Place, type RingPlace, namesOf, onRim } from "./place.ts";
import { type Kind, kindColours, kinds } from "./trails.ts";

export interface Colours {
  readonly kinds: Record<Kind, string>;
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
  readonly live: string;
  readonly dark: string;
  readonly act: string;
  readonly warn: string;
  readonly surface: string;
  readonly sunken: string;
  readonly font: string;
}
/** Colours that a canvas knows, from the tokens (light-dark() and all). */
export const coloursOf = (element: HTMLElement): Colours => {
  const probe = document.createElement("i");
  element.append(probe);
  const read = (token: string): string => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
  const colours: Colours = {
    kinds: Object.fromEntries(kinds.map((kind) => [kind, read(kindColours[kind])])) as Record<Kind, string>,
    ink: read("--ink"),
    faint: read("--ink-3"),
    line: read("--line-strong"),
    live: read("--accent"),
    dark: read("--hatch"),
    act: read("--act"),
    warn: read("--warn"),
    surface: read("--surface"),
    sunken: read("--sunken"),
    font: getComputedStyle(element).fontFamily,
  };
  probe.remove();
  return colours;
};

const quarter = Math.PI / 2;
const turn = 2 * Math.PI;
/** Arcs of one ring; `lift` 0 lies, 1 has risen. */
export const drawRing = (
  context: CanvasRenderingContext2D,
  ring: Ring,
  at: RingPlace,
  colours: Colours,
  lift = 0,
): void => {
  const grown = 1 + lift * 0.55;
  const y = at.y - lift * at.rx * 0.55;
  context.lineWidth = Math.max(2.5, at.rx * 0.12) * (1 + lift * 0.3);
  const arcs = ring.arcs.length === 0 ? ([{ from: 0, to: 1, kind: "live", prefix: null }] as const) : ring.arcs;
  for (const arc of arcs) {
    const gap = arcs.length === 1 ? 0 : 0.006;
    const from = Math.min(arc.from + gap, arc.to);
    context.beginPath();
    context.strokeStyle = lift > 0 ? colours.act : arc.kind === "live" ? colours.live : colours.dark;
    context.globalAlpha = arc.kind === "live" ? 0.95 : 0.5;
    // Not closed: an empty ellipse of a whole turn is drawn whole.
    context.ellipse(
      at.x,
      y,
      at.rx * grown,
      at.ry * grown,
      0,
      from * turn - quarter,
      Math.max(from, arc.to - gap) * turn - quarter,
    );
    context.stroke();
  }
  context.globalAlpha = 1;
};

/** Everything that stands still: the disc, its rim, sensors, rings and names. Drawn when something of it changes. */
export const drawGround = (
  context: CanvasRenderingContext2D,
  place: Place,
  rings: readonly Ring[],
  sensors: readonly string[],
  colours: Colours,
): void => {
  const { cx, cy, disc, width, height } = place;
  context.clearRect(0, 0, width, height);
  const shade = context.createRadialGradient(cx - disc * 0.35, cy - disc * 0.4, disc * 0.1, cx, cy, disc);
  shade.addColorStop(0, colours.surface);
  shade.addColorStop(1, colours.sunken);
  context.fillStyle = shade;
  context.beginPath();
  context.arc(cx, cy, disc, 0, turn);
  context.fill();
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.globalAlpha = 0.5;
  for (const share of [0.33, 0.66, 1]) {
    context.beginPath();
    context.ellipse(cx, cy, disc * share, disc, 0, 0, turn);
    context.stroke();
    const y = disc * (1 - share);
    const half = Math.sqrt(Math.max(0, disc * disc - y * y));
    for (const side of [-1, 1]) {
      context.beginPath();
      context.moveTo(cx - half, cy + side * y);
      context.lineTo(cx + half, cy + side * y);
      context.stroke();
    }
  }
  context.globalAlpha = 1;
  // Read from a desk or from across a room: letters grow with the picture.
  const size = Math.round(Math.min(22, Math.max(11, Math.min(height / 42, width / 66))));
  context.font = `${size}px ${colours.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let first = 0; first < 256; first += 32) {
    const from = first / 256;
    const [x, y] = onRim(place, from);
    const far = 1 + 13 / disc;
    context.beginPath();
    context.strokeStyle = colours.line;
    context.moveTo(x, y);
    context.lineTo(cx + (x - cx) * (1 + 5 / disc), cy + (y - cy) * (1 + 5 / disc));
    context.stroke();
    context.fillStyle = colours.faint;
    context.fillText(`${first}`, cx + (x - cx) * far, cy + (y - cy) * far);
  }
  for (const [i, name] of sensors.entries()) {
    const spot = place.sensors[i];
    if (spot === undefined) continue;
    context.fillStyle = colours.ink;
    context.fillRect(spot[0] - 3, spot[1] - 3, 6, 6);
    context.fillStyle = colours.faint;
    const room = disc * (sensors.length < 2 ? 1 : 0.6);
    // Where the disc is small a sensor is its number: names would run into each other.
    const said = context.measureText(name).width <= room ? name : `${i + 1}`;
    if (sensors.length <= 16) context.fillText(said, spot[0], spot[1] + size + 2);
  }
  const taken: Box[] = [
    [cx - disc - 20, cy - disc - 20, cx + disc + 20, cy + disc + 20],
    ...place.rings.map(({ x, y, rx, ry }): Box => [x - rx - 2, y - ry - 2, x + rx + 2, y + ry + 2]),
  ];
  for (const [i, ring] of rings.entries()) {
    const at = place.rings[i];
    if (at === undefined) continue;
    drawRing(context, ring, at, colours);
    if (ring.openAlerts > 0) {
      context.fillStyle = ring.severity === "critical" || ring.severity === "high" ? colours.act : colours.warn;
      context.beginPath();
      context.arc(at.x, at.y, 3.5, 0, turn);
      context.fill();
    }
  }
  // Rings that somebody must look at have their names first; a name that would cover another is left to the list.
  const order = rings
    .map((ring, i) => ({ ring, at: place.rings[i] }))
    .toSorted((a, b) => Number(b.ring.openAlerts > 0) - Number(a.ring.openAlerts > 0));
  context.fillStyle = colours.faint;
  for (const { ring, at } of order) {
    if (at === undefined) continue;
    // The whole name where there is room for it, else as much of it as there is.
    const wishes = namesOf(size, at.rx).flatMap((most) => [
      { most, y: at.y + at.ry + size + 1 },
      { most, y: at.y - at.ry - size },
    ]);
    for (const { most, y } of wishes) {
      const text = shortened(context, ring.name, most);
      const half = context.measureText(text).width / 2 + 3;
      const x = Math.min(width - half, Math.max(half, at.x));
      const tall = size * 0.64;
      const box: Box = [x - half, y - tall, x + half, y + tall];
      if (y < tall + 1 || y > height - tall - 1 || taken.some((other) => overlap(box, other))) continue;
      taken.push(box);
      context.fillText(text, x, y);
      break;
    }
  }
};
/** Left, top, right, bottom. */
type Box = readonly [number, number, number, number];
const overlap = (a: Box, b: Box): boolean => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
const shortened = (context: CanvasRenderingContext2D, name: string, most: number): string => {
  if (context.measureText(name).width <= most) return name;
  let cut = name;
  while (cut.length > 3 && context.measureText(`${cut}…`).width > most) cut = cut.slice(0, -1);
  return `${cut.trimEnd()}…`;
};
