// SPDX-License-Identifier: Apache-2.0
import type { Sensors } from "../../../src/api/contract/answers.ts";
import { When } from "../design/parts.tsx";
import { Table } from "../design/Table.tsx";
import { useWords } from "../words/index.tsx";
import "./uptime.css";

/** Up-time of every sensor as strips: plain where it was up, hatched where it was out, empty before its first report. */
export const UpTime = ({ answer }: { answer: Sensors }) => {
  const { t, f } = useWords();
  const all = answer.history.flatMap(({ runs }) => runs);
  const to = Math.max(Date.parse(answer.period?.to ?? answer.meta.asked), ...all.map((run) => Date.parse(run.to)));
  const from = Math.min(
    to - 3_600_000,
    Date.parse(answer.period?.from ?? answer.meta.asked),
    ...all.map((run) => Date.parse(run.from)),
  );
  const place = (time: string): number => ((Date.parse(time) - from) / (to - from)) * 100;
  const outages = answer.history
    .flatMap(({ sensor, runs }) => runs.filter(({ state }) => state === "down").map((run) => ({ ...run, sensor })))
    .sort((a, b) => (a.from < b.from ? 1 : -1));
  const share = new Map(answer.rows.map(({ sensor, upShare }) => [sensor, upShare]));
  return (
    <div className="uptime">
      <ul>
        {answer.history.map(({ sensor, runs }) => {
          const out = runs.filter(({ state }) => state === "down").length;
          const up = share.get(sensor) ?? null;
          return (
            <li key={sensor}>
              <span className="name">{sensor}</span>
              <span
                className="track"
                role="img"
                aria-label={t.sensors.historySaid(sensor, up === null ? "–" : f.share(up), out, f.count(out))}
              >
                {runs.map((run) => (
                  <i
                    key={run.from}
                    className={run.state}
                    style={{ left: `${place(run.from)}%`, width: `max(2px, ${place(run.to) - place(run.from)}%)` }}
                    title={`${t.sensors[run.state === "up" ? "legendUp" : run.state === "down" ? "legendDown" : "legendDegraded"]}: ${f.range(new Date(run.from), new Date(run.to))}`}
                  />
                ))}
              </span>
              <span className="num muted">{up === null ? "–" : f.share(up)}</span>
            </li>
          );
        })}
      </ul>
      <div className="uptime-axis faint" aria-hidden>
        <span>{f.brief(new Date(from))}</span>
        <span>{f.brief(new Date(to))} UTC</span>
      </div>
      <ul className="uptime-keys" aria-hidden>
        {(["up", "down", "degraded", "before"] as const).map((state) => (
          <li key={state}>
            <span className="track">
              <i className={state} />
            </span>
            {state === "up"
              ? t.sensors.legendUp
              : state === "down"
                ? t.sensors.legendDown
                : state === "degraded"
                  ? t.sensors.legendDegraded
                  : t.sensors.legendUnknown}
          </li>
        ))}
      </ul>
      {outages.length === 0 ? undefined : (
        <details className="table">
          <summary>
            {t.sensors.outageFrom} ({f.count(outages.length)})
          </summary>
          <Table
            label={t.sensors.outageFrom}
            rows={outages}
            keyOf={(run) => `${run.sensor} ${run.from}`}
            columns={[
              { key: "sensor", head: t.word.sensor, rowHead: true, cell: ({ sensor }) => sensor },
              { key: "from", head: t.word.since, cell: (run) => <When at={run.from} /> },
              { key: "to", head: t.sensors.until, cell: (run) => <When at={run.to} /> },
              {
                key: "length",
                head: t.sensors.length,
                num: true,
                cell: (run) => f.span((Date.parse(run.to) - Date.parse(run.from)) / 1000),
              },
            ]}
          />
        </details>
      )}
    </div>
  );
};
