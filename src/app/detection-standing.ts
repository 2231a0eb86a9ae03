// SPDX-License-Identifier: Apache-2.0
import type { Complete, Scope, Verdict } from "../detect/detector.ts";
import type { Detection } from "../model/detection.ts";

const isOf = (detection: Detection, { kinds, source, since, until }: Complete): boolean =>
  detection.source === source && kinds.includes(detection.kind) && detection.first >= since && detection.first < until;

const nameOf = ({
  detector,
  realm,
  exercise,
  source,
}: Pick<Detection, "detector" | "realm" | "exercise" | "source">): string =>
  JSON.stringify([detector, realm, exercise, source]);

/** Claims that stand, by id; and by source, so that what is judged anew is found. */
export class Standing {
  readonly #byId = new Map<string, Detection>();
  readonly #bySource = new Map<string, Set<string>>();

  /** Puts in what a verdict claims; gives the ids that it takes back. */
  apply(detector: string, scope: Scope, { detections, complete = [] }: Verdict<unknown>): string[] {
    const kept = new Set(detections.map(({ id }) => id));
    const withdrawn: string[] = [];
    for (const one of complete) {
      for (const id of this.#bySource.get(nameOf({ detector, ...scope, source: one.source })) ?? []) {
        const standing = this.#byId.get(id)!;
        if (kept.has(id) || !isOf(standing, one)) continue;
        withdrawn.push(id);
        this.#remove(standing);
      }
    }
    for (const detection of detections) {
      this.#byId.set(detection.id, detection);
      const name = nameOf(detection);
      const ids = this.#bySource.get(name);
      if (ids === undefined) this.#bySource.set(name, new Set([detection.id]));
      else ids.add(detection.id);
    }
    return withdrawn;
  }
  #remove(detection: Detection): void {
    this.#byId.delete(detection.id);
    this.#bySource.get(nameOf(detection))?.delete(detection.id);
  }
  /** In one order, whatever came first. */
  all(): Detection[] {
    return [...this.#byId.values()].sort((a, b) => a.first - b.first || (a.id < b.id ? -1 : 1));
  }
}
