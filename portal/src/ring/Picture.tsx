// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef } from "react";
import type { Anomaly, RingView } from "../../../src/api/contract/desk/ring.ts";
import { type Colours, coloursOf, drawGround, drawRing } from "./ground.ts";
import { type Place, placeAll, ringAt } from "./place.ts";
import type { Inlet } from "./tally.ts";
import { Trails, kindOf } from "./trails.ts";

const frameLength = 1000 / 30;

/**
 * Two canvases: what stands still below, what moves above, so that a frame clears and draws little. It moves because
 * packets arrive; without them, or stopped, nothing is drawn anew.
 */
export const Picture = ({
  rings,
  sensors,
  classes: classNames,
  inlet,
  anomaly,
  stopped,
  label,
  onPick,
}: {
  rings: RingView["rings"];
  sensors: RingView["sensors"];
  classes: RingView["classes"];
  inlet: Inlet;
  anomaly: Anomaly | undefined;
  stopped: boolean;
  label: string;
  onPick: (ring: number) => void;
}) => {
  const box = useRef<HTMLDivElement>(null);
  const ground = useRef<HTMLCanvasElement>(null);
  const air = useRef<HTMLCanvasElement>(null);
  const place = useRef<Place>(undefined);
  const still = useRef(stopped);
  const risen = useRef<{ ring: number; since: number }>(undefined);
  useEffect(() => {
    still.current = stopped;
  }, [stopped]);
  const ring = anomaly === undefined ? -1 : rings.findIndex(({ id }) => id === anomaly.organisation);
  useEffect(() => {
    // The time it rose at belongs to the anomaly: one more at the same ring lifts it again.
    risen.current = ring < 0 || anomaly === undefined ? undefined : { ring, since: performance.now() };
  }, [ring, anomaly]);
  useEffect(() => {
    const element = box.current;
    const below = ground.current?.getContext("2d");
    const above = air.current?.getContext("2d");
    if (element === null || below == null || above == null) return undefined;
    const trails = new Trails();
    const classes = classNames.map(kindOf);
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    let colours: Colours = coloursOf(element);
    let stoppedAt = 0;
    const paint = (tick: number, now: number): void => {
      if (place.current === undefined) return;
      const { width, height } = place.current;
      above.clearRect(0, 0, width, height);
      trails.draw(above, now, colours.kinds, calm.matches);
      const up = risen.current;
      const body = up === undefined ? undefined : place.current.rings[up.ring];
      const organisation = up === undefined ? undefined : rings[up.ring];
      if (up !== undefined && body !== undefined && organisation !== undefined) {
        const lift = calm.matches ? 1 : Math.min(1, Math.max(0, tick - up.since) / 600);
        drawRing(above, organisation, body, colours, 1 - (1 - lift) ** 3);
        const pulse = calm.matches ? 0.5 : (Math.max(0, tick - up.since) % 1600) / 1600;
        above.beginPath();
        above.strokeStyle = colours.act;
        above.globalAlpha = 1 - pulse;
        above.lineWidth = 2;
        above.ellipse(
          body.x,
          body.y - lift * body.rx * 0.55,
          body.rx * (1.6 + pulse * 1.4),
          body.ry * (1.6 + pulse * 1.4),
          0,
          0,
          2 * Math.PI,
        );
        above.stroke();
        above.globalAlpha = 1;
      }
    };
    let key = "";
    const lay = (): void => {
      const { width, height } = element.getBoundingClientRect();
      if (width < 40 || height < 40) return;
      const ratio = Math.min(2, devicePixelRatio);
      colours = coloursOf(element);
      const next = `${width} ${height} ${ratio} ${JSON.stringify(colours)}`;
      if (next === key) return;
      key = next;
      place.current = placeAll(width, height, rings, sensors.length);
      for (const context of [below, above]) {
        context.canvas.width = Math.round(width * ratio);
        context.canvas.height = Math.round(height * ratio);
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
      }
      trails.move(place.current);
      drawGround(below, place.current, rings, sensors, colours);
      // A picture that was stopped is drawn once more as it stood: no frame comes that would.
      if (still.current) paint(stoppedAt || performance.now(), stoppedAt || performance.now());
    };
    lay();
    const observer = new ResizeObserver(lay);
    observer.observe(element);
    // A change of theme changes the tokens, not the size.
    const checked = setInterval(lay, 1000);
    void document.fonts.ready.then(() => {
      key = "";
      lay();
    });
    const left = inlet.take((event) => {
      if (place.current !== undefined && !still.current && !document.hidden)
        trails.add(event, place.current, classes, performance.now());
    });
    let frame = 0;
    let due = 0;
    const draw = (tick: number): void => {
      frame = requestAnimationFrame(draw);
      if (still.current) {
        if (stoppedAt === 0) stoppedAt = tick;
        return;
      }
      // Time that stood still is not made up for.
      if (stoppedAt > 0) {
        stoppedAt = 0;
        trails.clear();
      }
      if (tick < due - 4 || place.current === undefined) return;
      // A tick that came late lets the next come sooner, by one frame at most: thirty a second also where ticks are uneven.
      const length = calm.matches ? 1000 : frameLength;
      due = Math.max(due, tick - length) + length;
      paint(tick, performance.now());
    };
    frame = requestAnimationFrame(draw);
    return () => {
      cancelAnimationFrame(frame);
      clearInterval(checked);
      observer.disconnect();
      left();
    };
  }, [rings, sensors, classNames, inlet]);
  return (
    // The list beside the picture has the same rings by keyboard.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions
    <div
      className="ring-box"
      ref={box}
      onClick={(event) => {
        if (place.current === undefined) return;
        const bounds = event.currentTarget.getBoundingClientRect();
        onPick(ringAt(place.current, event.clientX - bounds.left, event.clientY - bounds.top));
      }}
    >
      <canvas ref={ground} role="img" aria-label={label} />
      <canvas ref={air} aria-hidden />
    </div>
  );
};
