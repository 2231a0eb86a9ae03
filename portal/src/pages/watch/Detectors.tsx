// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import type { DetectorRow, Detectors as DetectorsAnswer } from "../../../../src/api/contract/desk/detections.ts";
import type { Measured } from "../../../../src/api/contract/desk/shapes.ts";
import { Loaded } from "../../desk/Loaded.tsx";
import { deskAsk } from "../../desk/client.ts";
import { Ago, MeasuredShare } from "../../desk/parts.tsx";
import { Empty, Head, Panel } from "../../design/parts.tsx";
import { Table } from "../../design/Table.tsx";
import { useWords } from "../../words/index.tsx";

export const Detectors = () => {
  const { t, f } = useWords();
  const words = t.watch.detectors;
  const asked = useQuery(deskAsk("detectors", "detectors", {}, 30_000));
  const rows = asked.data?.rows;
  const worst = rows
    ?.filter(({ feedback }) => feedback.precision.value !== null)
    .toSorted((a, b) => (a.feedback.precision.value ?? 1) - (b.feedback.precision.value ?? 1))[0];
  const lede =
    rows === undefined || asked.data === undefined
      ? undefined
      : rows.length === 0
        ? words.emptyTitle
        : [
            worst === undefined
              ? words.ledeNone(rows.length, f.count(rows.length))
              : words.lede({
                  count: f.count(rows.length),
                  n: rows.length,
                  name: worst.name,
                  precision: f.share(worst.feedback.precision.value ?? 0),
                }),
            asked.data.evaluated === null ? words.never : words.evaluated(f.time(new Date(asked.data.evaluated))),
          ].join(" ");
  return (
    <>
      <Head title={words.title} lede={asked.isError && lede === undefined ? t.state.errorTitle : lede} />
      <Loaded<DetectorsAnswer> asked={asked} lines={12}>
        {(answer) =>
          answer.rows.length === 0 ? (
            <Empty title={words.emptyTitle}>{words.emptyHint}</Empty>
          ) : (
            <div className="stack">
              {answer.rows.map((row) => (
                <One key={row.name} row={row} />
              ))}
            </div>
          )
        }
      </Loaded>
    </>
  );
};

/** A share that was measured, with its interval and number; one that was not says so. */
const Share = ({ measured }: { measured: Measured }) => {
  const { t } = useWords();
  return measured.value === null ? (
    <span className="faint">{t.watch.detectors.notMeasured}</span>
  ) : (
    <MeasuredShare measured={measured} />
  );
};

const One = ({ row }: { row: DetectorRow }) => {
  const { t, f } = useWords();
  const words = t.watch.detectors;
  const none = <span className="faint">{words.notMeasured}</span>;
  return (
    <Panel
      title={row.name}
      note={row.kinds.map((kind) => t.desk.kinds[kind]).join(", ")}
      actions={
        <span className="row muted small">
          <span>
            {words.rule} {f.count(row.version)}
          </span>
          <span>
            {words.position}: <Ago at={row.position} />
          </span>
          <span>
            {words.week}: {f.count(row.week)}
          </span>
        </span>
      }
    >
      <p className="row">
        <span className="muted">{words.feedback}</span>
        <MeasuredShare measured={row.feedback.precision} />
        <span className="small faint">
          {words.feedbackCounts(
            f.count(row.feedback.right),
            f.count(row.feedback.wrong),
            f.count(row.feedback.undecided),
          )}
        </span>
        {row.evaluated.length === 0 ? (
          <>
            <span className="muted end">{words.rates}</span>
            <span className="chip">{words.notMeasured}</span>
          </>
        ) : undefined}
      </p>
      {row.evaluated.length === 0 ? undefined : (
        <Table
          label={row.name}
          rows={row.evaluated}
          keyOf={({ mix }) => mix}
          columns={[
            {
              key: "mix",
              head: words.mix,
              rowHead: true,
              cell: ({ mix, version }) => (
                <>
                  <span className="nowrap">{mix}</span>{" "}
                  {version === row.version ? undefined : <span className="chip warn">{words.newer}</span>}
                </>
              ),
            },
            {
              key: "precision",
              head: words.precision,
              cell: ({ precision }) => <Share measured={precision} />,
            },
            { key: "recall", head: words.recall, cell: ({ recall }) => <Share measured={recall} /> },
            {
              key: "time",
              head: words.time,
              num: true,
              cell: ({ detectMedian, detectLate }) =>
                detectMedian === null
                  ? none
                  : words.median(f.span(detectMedian), detectLate === null ? "–" : f.span(detectLate)),
            },
            {
              key: "false",
              head: words.falseRate,
              num: true,
              cell: ({ falsePerSensorMonth }) => (falsePerSensorMonth === null ? none : f.rate(falsePerSensorMonth)),
            },
          ]}
        />
      )}
    </Panel>
  );
};
