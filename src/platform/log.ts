// SPDX-License-Identifier: Apache-2.0
import { pino } from "pino";
import type { Logger } from "pino";

export type { Logger } from "pino";
export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * A logger that writes one JSON object a line to standard error, or to `file` (appended; made when missing). Standard
 * output belongs to answers. Values under the names of secrets are masked.
 */
export const createLog = (level: LogLevel, file?: string): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: ["token", "*.token", "authorization", "*.authorization", "password", "*.password"],
        censor: "***",
      },
    },
    pino.destination(
      file === undefined ? { dest: 2, sync: true } : { dest: file, sync: true, append: true, mkdir: true },
    ),
  );
