// SPDX-License-Identifier: Apache-2.0
import type { Anomaly } from "../../../src/api/contract/desk/ring.ts";
import { severities } from "../desk/search.ts";

/** Of anomalies nobody has seen yet, newest first, the one that holds the edge of the screen: none is pushed away by a lesser. */
export const gravest = <A extends Pick<Anomaly, "severity">>(unseen: readonly A[]): A | undefined =>
  unseen.toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))[0];
