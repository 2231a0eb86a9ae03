// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:http";
import { createMetrics, Gauge } from "../platform/metrics.ts";

/** Name (without `layang_sensor_`), help and present value of each number that a sensor shows. */
export type Readings = () => readonly (readonly [name: string, help: string, value: number])[];

/**
 * GET /healthz (200, or 503 with the reason) and GET /metrics (Prometheus) on loopback. Resolves to what closes it.
 * `problem` gives "" while all is well.
 */
export const openHealth = async (
  port: number,
  readings: Readings,
  problem: () => string,
): Promise<() => Promise<void>> => {
  const registry = createMetrics();
  const gauges = readings().map(
    ([name, help]) => new Gauge({ name: `layang_sensor_${name}`, help, registers: [registry] }),
  );
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, text: string): void => {
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
      response.end(text);
    };
    // A name that a web page made to point here is not ours.
    if (!/^(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?$/.test(request.headers.host ?? ""))
      return answer(403, "text/plain", "");
    if (request.url === "/healthz") {
      const said = problem();
      return answer(
        said === "" ? 200 : 503,
        "application/json",
        `${JSON.stringify({ ok: said === "", problem: said })}\n`,
      );
    }
    if (request.url !== "/metrics") return answer(404, "text/plain", "");
    for (const [i, [, , value]] of readings().entries()) gauges[i]?.set(value);
    void registry.metrics().then((text) => answer(200, registry.contentType, text));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
};
