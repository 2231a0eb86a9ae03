// SPDX-License-Identifier: Apache-2.0
import { MemoryLedger, examineSpan, sensorsAt } from "../../src/app/detection-examine.ts";
import { Standing } from "../../src/app/detection-standing.ts";
import type { Context, Detector, Owners, Scope, Span } from "../../src/detect/detector.ts";
import { infectedHost } from "../../src/detect/infected.ts";
import type { Detection } from "../../src/model/detection.ts";
import type { World } from "./world.ts";

/** The infected-host detector as a node asks it: span by span, and once more where rows came late. */
export class Walk {
  readonly ledger = new MemoryLedger();
  owners: Owners;
  /** What was told, in order, and what was taken back. */
  readonly told: Detection[] = [];
  readonly withdrawn: string[] = [];
  readonly #standing = new Standing();
  readonly #world: World;
  readonly #scope: Scope;
  readonly #detector = infectedHost as Detector;
  #memory: unknown = infectedHost.begin();

  constructor(world: World, scope: Scope, owners: Owners) {
    this.#world = world;
    this.#scope = scope;
    this.owners = owners;
  }
  async judge(span: Span): Promise<void> {
    const { store } = this.#world;
    const context: Context = {
      scope: this.#scope,
      owners: this.owners,
      home: null,
      researcher: () => null,
      sensors: await sensorsAt(store, this.#scope, span.to, new Map()),
      ledger: this.ledger,
    };
    const verdict = await examineSpan(store, this.#detector, span, this.#memory, context);
    this.#memory = verdict.memory;
    this.told.push(...verdict.detections);
    this.withdrawn.push(...this.#standing.apply(this.#detector.name, this.#scope, verdict));
  }
  async walk(from: number, to: number, step: number): Promise<this> {
    for (let at = from; at < to; at += step) await this.judge({ from: at, to: at + step });
    return this;
  }
  /** Rows of this time came late. */
  async late(from: number, to: number): Promise<this> {
    await this.judge({ from, to, late: true });
    return this;
  }
  /** Claims that stand, in order of time, without what tells one case from another. */
  standing(): Omit<Detection, "id" | "exercise">[] {
    return this.#standing
      .all()
      .toSorted((a, b) => a.first - b.first || (`${a.kind}${a.source}` < `${b.kind}${b.source}` ? -1 : 1))
      .map(({ id: _, exercise: __, ...rest }) => rest);
  }
  /** What owners would be told of. */
  claims(): Omit<Detection, "id" | "exercise">[] {
    return this.standing().filter(({ kind }) => kind !== "sighting");
  }
}
