// SPDX-License-Identifier: Apache-2.0
import type { SensorReport } from "../src/model/report.ts";

/** What a sensor says that saw all it should: `rows` packets, one a row, up to `end` (microseconds), at a /16. */
export const wholeReport = (end: number, rows: number): SensorReport => ({
  watermark: end,
  closedAt: end,
  clockOffset: 0,
  read: rows,
  counted: rows,
  notDark: 0,
  undecoded: {},
  retired: 0,
  droppedByKernel: 0,
  droppedByInterface: 0,
  darkAddresses: 65_536,
  spoolBytes: 0,
  spoolLost: 0,
  degraded: false,
});
