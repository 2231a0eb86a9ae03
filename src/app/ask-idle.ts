// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { allowToken } from "../access/guard.ts";
import { createLive } from "../api/live.ts";
import { createApi } from "../api/server.ts";
import { AppError } from "../platform/errors.ts";
import { createMetrics } from "../platform/metrics.ts";
import { SensorRegistry } from "../ship/registry.ts";
import { version } from "./attribution.ts";
import type { Settings } from "./config.ts";
import { openObservatory } from "./observatory.ts";
import type { Answered } from "./operator.ts";
import { openStore } from "./stores.ts";

/** Asks the store of a node that rests, opened for this one question. @throws AppError of the store. */
export const askIdle = async (settings: Settings, data: string, url: string): Promise<Answered> => {
  const { store } = await openStore(settings, data);
  const live = createLive({ run: "ask" });
  // Who stands where is what makes a packet domestic. A replay's folder has no sensors of its own.
  const folder = join(data, "sensors");
  const registry = existsSync(folder) ? { registry: new SensorRegistry(folder) } : {};
  let fault: unknown;
  const api = createApi({
    observatory: openObservatory(store, {
      settings,
      simulated: existsSync(join(data, "simulated")),
      ...registry,
    }),
    live,
    guard: { decide: () => allowToken() },
    portalFolder: null,
    metrics: createMetrics(),
    status: () => ({ name: "Layang", version, started: new Date().toISOString(), attribution: [] }),
    onFault: (error) => (fault = error),
  });
  try {
    const { statusCode, headers, rawPayload } = await api.inject({ method: "GET", url });
    // There is no log that has the details: the person who asks is the operator.
    if (fault instanceof AppError) throw fault;
    return { status: statusCode, type: String(headers["content-type"]), body: rawPayload };
  } finally {
    await api.close();
    await store.close();
  }
};
