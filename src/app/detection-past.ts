// SPDX-License-Identifier: Apache-2.0
import type { Past } from "../detect/detector.ts";
import { flowRows, sourceHours } from "../store/flows/recent.ts";
import { rollupSource } from "../store/flows/rollup-read.ts";
import type { FlowStore } from "../store/flows/store.ts";

/** The past as the store's roll-ups tell it at the moment of asking. */
export const pastOf = (store: FlowStore): Past => ({
  rows: (span, where) => flowRows(span, store.frontiers(), where),
  askers: (span, where) =>
    rollupSource("port_sources", "1d", span, store.frontiers(), { measures: ["src_asn"], where, oneScope: true }),
  hours: (span, where) => sourceHours(span, store.frontiers(), where),
});
